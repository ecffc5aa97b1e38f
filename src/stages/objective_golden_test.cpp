// The objectives against TRL's own functions on fixed batches (tools/make_objective_golden.py): the
// losses and every gradient.
#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "ops/divergence.h"
#include "stages/preference_loss.h"
#include "stages/reply_masks.h"
#include "stages/rewards.h"

namespace weir {
namespace {

Json read_golden(const std::string& name) {
  Result<Json> json =
      read_json_file(std::string(WEIR_SOURCE_DIR) + "/src/testing/data/" + name + ".golden.json");
  EXPECT_TRUE(json) << json.error().message;
  return json ? *std::move(json) : Json::object();
}

std::vector<float> floats(const Json& list) {
  std::vector<float> values;
  for (const Json& item : list.items()) values.push_back(float(*item.as_double()));
  return values;
}
std::vector<double> doubles(const Json& list) {
  std::vector<double> values;
  for (const Json& item : list.items()) values.push_back(*item.as_double());
  return values;
}
double number(const Json& object, const char* key) { return *object.double_at(key); }

// The replies of the file as the stage has them.
struct GoldenReplies {
  std::vector<PolicyToken> tokens;
  std::vector<std::vector<float>> now, entropies;
};

GoldenReplies read_replies(const Json& file, const Json& one) {
  GoldenReplies replies;
  const std::string loss = one.text_at("loss");
  double all = 0;
  for (const Json& length : file.find("lengths")->items()) all += *length.as_double();
  const double count = double(file.find("lengths")->size());
  for (size_t i = 0; i < file.find("lengths")->size(); ++i) {
    const auto row = [&](const char* key) { return floats(file.find(key)->items()[i]); };
    replies.now.push_back(row("now"));
    replies.entropies.push_back(row("entropies"));
    const double length = double(replies.now.back().size());
    const double weight = loss == "dapo" || loss == "cispo" ? 1 / all
                          : loss == "dr_grpo" ? 1 / (count * number(file, "reply_tokens"))
                                              : 1 / (count * length);
    for (size_t t = 0; t < size_t(length); ++t) {
      PolicyToken& token = replies.tokens.emplace_back();
      token.old_log_probability = row("old")[t];
      token.reference_log_probability = row("reference")[t];
      token.advantage = floats(*file.find("advantages"))[i];
      token.weight = float(weight);
      token.rollout_log_probability = row("drawn")[t];
    }
  }
  return replies;
}

TEST(ObjectiveGolden, PolicyLossesAreThoseOfTrl) {
  const Json file = read_golden("policy_losses");
  ASSERT_GE(file.find("cases")->size(), 20u);
  for (const Json& one : file.find("cases")->items()) {
    const std::string name = one.text_at("name");
    GoldenReplies replies = read_replies(file, one);
    PolicyObjective::Options options;
    options.clip_low = number(one, "low"), options.clip_high = number(one, "high");
    options.kl_weight = number(one, "beta"), options.kl_unbiased = *one.bool_at("unbiased");
    options.is_rounded = *one.bool_at("rounded"), options.ratio_cap = number(file, "ratio_cap");
    if (!one.find("delta")->is_null()) options.clip_delta = number(one, "delta");
    const std::string loss = one.text_at("loss");
    options.form = loss == "cispo"  ? Surrogate::cispo
                   : loss == "sapo" ? Surrogate::sapo
                                    : Surrogate::clip;
    options.cispo_cap = options.clip_high;  // TRL's epsilon_high
    ReplyRules rules;
    if (!one.find("off")->is_null()) rules.off_policy_mask = number(one, "off");
    rules.has_one_ratio = one.text_at("level") == "sequence";
    std::vector<float> entropies, now;
    std::vector<ReplyFacts> facts;
    for (size_t i = 0; i < replies.now.size(); ++i) {
      facts.push_back({replies.now[i].size(), replies.now[i], replies.entropies[i]});
      entropies.insert(entropies.end(), replies.entropies[i].begin(), replies.entropies[i].end());
      now.insert(now.end(), replies.now[i].begin(), replies.now[i].end());
    }
    const double top = number(one, "top");
    const float least = entropy_threshold(entropies, top);
    if (top < 1) rules.least_entropy = &least;
    MaskCounts counts;
    std::vector<ReplyRatio> ratios = weigh_replies(replies.tokens, facts, rules, options, counts);
    EXPECT_EQ(counts.tokens > 0, name.starts_with("top_entropy")) << name;
    EXPECT_EQ(counts.replies > 0, name.starts_with("off_policy")) << name;
    PolicyObjective objective(options, replies.tokens, std::move(ratios));
    double sum = 0;
    std::vector<float> slopes;
    for (float log : now) sum += objective.evaluate(0, log, slopes.emplace_back());
    // TRL computes in f32.
    EXPECT_NEAR(sum, number(one, "value"), 2e-6) << name;
    size_t at = 0;
    for (const Json& row : one.find("gradient")->items())
      for (float expected : floats(row)) {
        EXPECT_NEAR(slopes[at], expected, 2e-6) << name << ", token " << at;
        ++at;
      }
    EXPECT_EQ(at, slopes.size());
  }
}

TEST(ObjectiveGolden, RewardsNormalisedApartAreThoseOfTrl) {
  const Json file = read_golden("apart_advantages");
  const std::vector<double> weights = doubles(*file.find("weights"));
  GrpoRecipe recipe;
  for (size_t p = 0; p < weights.size(); ++p) recipe.rewards[kRewardParts[p]].weight = weights[p];
  std::vector<RewardedReply> replies;
  std::vector<size_t> groups;
  for (const Json& row : file.find("parts")->items()) {
    groups.push_back(replies.size() / size_t(number(file, "group")));
    RewardedReply& reply = replies.emplace_back();
    for (size_t p = 0; p < weights.size(); ++p) {
      reply.counts[p] = !row.items()[p].is_null();
      if (reply.counts[p]) reply.parts[p] = *row.items()[p].as_double();
    }
  }
  const std::vector<double> expected = doubles(*file.find("advantages"));
  const std::vector<double> found = advantages_apart(replies, groups, recipe);
  ASSERT_EQ(found.size(), expected.size());
  // TRL corrects deviations in f32.
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-6) << i;
}

TEST(ObjectiveGolden, PreferenceLossesAreThoseOfTrl) {
  const Json file = read_golden("preference_losses");
  const auto row = [&](const char* key) { return doubles(*file.find(key)); };
  const size_t pairs = row("chosen").size();
  ASSERT_EQ(file.find("cases")->size(), 6u);
  for (const Json& one : file.find("cases")->items()) {
    const std::string name = one.text_at("name");
    PreferenceShape shape;
    shape.loss = name.starts_with("ipo") ? PreferenceLoss::ipo
                 : name == "robust"      ? PreferenceLoss::robust
                                         : PreferenceLoss::sigmoid;
    shape.beta = number(one, "beta"), shape.label_smoothing = number(one, "smoothing");
    double loss = 0, right = 0, margin = 0;
    for (size_t i = 0; i < pairs; ++i) {
      const PreferenceValue value = preference_loss(
          shape, {row("chosen")[i], row("reference_chosen")[i], int64_t(row("chosen_tokens")[i])},
          {row("rejected")[i], row("reference_rejected")[i], int64_t(row("rejected_tokens")[i])});
      const double share = 1 / double(pairs);
      loss += value.loss * share;
      right += (value.chosen_reward > value.rejected_reward) * share;
      margin += (value.chosen_reward - value.rejected_reward) * share;
      EXPECT_NEAR(value.chosen_slope * share, doubles(*one.find("chosen_slopes"))[i], 1e-9) << name;
      EXPECT_NEAR(value.rejected_slope * share, doubles(*one.find("rejected_slopes"))[i], 1e-9)
          << name;
    }
    EXPECT_NEAR(loss, number(one, "value"), 1e-9) << name;
    EXPECT_NEAR(right, number(one, "accuracy"), 1e-6) << name;
    EXPECT_NEAR(margin, number(one, "margin"), 1e-5) << name;
  }
}

TEST(ObjectiveGolden, DivergencesAreThoseOfTrl) {
  const Json file = read_golden("divergence_losses");
  const std::vector<Json>& students = file.find("student")->items();
  const auto check = [&](const Json& one, const auto& of_row) {
    double loss = 0;
    const double temperature = one.find("temperature") ? number(one, "temperature") : 1;
    for (size_t r = 0; r < students.size(); ++r) {
      std::vector<float> logits = floats(students[r]);
      for (float& z : logits) z /= float(temperature);
      std::vector<float> kept = logits;
      loss += of_row(r, std::span(logits), temperature, true);
      EXPECT_EQ(of_row(r, std::span(kept), temperature, false),
                of_row(r, std::span(kept), temperature, false));
      const std::vector<float> expected = floats(one.find("gradient")->items()[r]);
      for (size_t i = 0; i < logits.size(); ++i)
        EXPECT_NEAR(logits[i] / float(temperature), expected[i], 2e-6) << one.dump().substr(0, 60);
    }
    EXPECT_NEAR(loss, number(one, "value"), 1e-5) << one.dump().substr(0, 60);
  };
  for (const Json& one : file.find("cases")->items())
    check(one, [&](size_t r, std::span<float> logits, double temperature, bool with_gradient) {
      std::vector<float> teacher = floats(file.find("teacher")->items()[r]);
      for (float& z : teacher) z /= float(temperature);
      return divergence(logits, teacher, number(one, "beta"), with_gradient);
    });
  const Json& top = *file.find("top");
  for (const Json& one : top.find("cases")->items())
    check(one, [&](size_t r, std::span<float> logits, double, bool with_gradient) {
      std::vector<float> teacher = floats(file.find("teacher")->items()[r]), logs;
      std::vector<int> tokens;
      const float tail = append_top(teacher, 4, tokens, logs);
      const std::vector<float> expected = floats(top.find("log_probabilities")->items()[r]);
      for (size_t k = 0; k < 4; ++k) {
        EXPECT_EQ(tokens[k], *top.find("tokens")->items()[r].items()[k].as_int());
        EXPECT_NEAR(logs[k], expected[k], 1e-6);
      }
      return divergence(logits, SparseRow{tokens, logs, tail},
                        *one.bool_at("tail") ? DivergenceTail::bucket : DivergenceTail::dropped,
                        number(one, "beta"), with_gradient);
    });
}

}  // namespace
}  // namespace weir
