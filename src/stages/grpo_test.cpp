#include "stages/grpo.h"

#include <cmath>
#include <numeric>
#include <sstream>

#include "base/sha256.h"
#include "stages/drawing.h"
#include "stages/experience.h"
#include "stages/rollout.h"
#include "testing/r1_fixture.h"

namespace weir {
namespace {

// A stage of four prompts and groups of six that begins with letter_weights().
struct TinyPolicy {
  TinyStages t;
  std::unique_ptr<Model> model;
  std::unique_ptr<Learner> learner;
  std::unique_ptr<Stage> stage;

  explicit TinyPolicy(const std::vector<std::string>& settings = {},
                      std::unique_ptr<ProblemSet> data = letters(), int threads = 1)
      : t("  rl: {kind: grpo, steps: 100, prompts: 4, group: 6, reply_tokens: 4, lr: 0.005, "
          "warmup_steps: 0, weight_decay: 0, skips_uniform: false, data: {facts: {}}}\n",
          settings, threads) {
    t.give(std::move(data));
    model = t.fresh_model();
    set_weights(*model, letter_weights());
    learner = t.learner(*model);
    Result<std::unique_ptr<Stage>> made = make_grpo_stage(t.context, t.stage(), 100, *learner, {});
    EXPECT_TRUE(made) << made.error().message;
    stage = *std::move(made);
  }
  const GrpoRecipe& recipe() { return t.stage().grpo; }
};

// Every second problem can not be solved.
std::unique_ptr<ProblemSet> half_hopeless() {
  return std::make_unique<MadeProblems>([](uint64_t index, Split) {
    return made_problem("say", "a", index % 2 == 0 ? "a" : "nothing like it");
  });
}

// The first step written down again: no micro-batches, no ratio, which is 1.
struct ByHand {
  double loss = 0, norm = 0;
  int64_t replies = 0, truncated = 0, uniform = 0;
};
using TokenWeight = std::function<double(const Rollout&, double replies, double tokens)>;

double deviation_of(const std::vector<double>& values, double mean) {
  double squares = 0;
  for (double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / double(values.size()));
}

ByHand first_step(TinyPolicy& p, const TokenWeight& weight) {
  const GrpoRecipe& g = p.recipe();
  std::vector<Problem> problems;
  for (int i = 0; i < g.prompts; ++i)
    problems.push_back(*p.t.stage().data.make(0, Split::train, uint64_t(i)));
  const Drawing drawing = *make_drawing(p.t.context, g, *p.model);
  Verifiers verifiers;
  const std::vector<Rollout> rollouts = *roll_out(
      *drawing.generator, tiny_format(), verifiers, problems,
      {g.group, g.reply_tokens, g.temperature, 1, stage_seed(p.t.context, "rl", "rollouts"), 0},
      p.t.pool);
  ByHand out;
  std::vector<const Rollout*> learned;
  std::vector<double> advantage;
  double all_squares = 0, all_rewards = 0;  // of the groups, about their own means
  for (size_t begin = 0; begin < rollouts.size(); begin += size_t(g.group)) {
    std::vector<double> rewards;
    for (int i = 0; i < g.group; ++i)
      rewards.push_back(rollouts[begin + size_t(i)].is_right() ? 1 : 0);
    const double mean = std::accumulate(rewards.begin(), rewards.end(), 0.0) / g.group;
    const double deviation = deviation_of(rewards, mean);
    for (double reward : rewards) all_squares += (reward - mean) * (reward - mean);
    all_rewards += double(rewards.size());
    out.uniform += deviation == 0;
    if (deviation == 0 && g.skips_uniform) continue;
    for (size_t i = 0; i < rewards.size(); ++i) {
      const Rollout& rollout = rollouts[begin + i];
      out.truncated += rollout.is_truncated;
      if (g.masks_truncated && rollout.is_truncated) continue;
      learned.push_back(&rollout);
      const double divisor = g.scale == AdvantageScale::group ? deviation : 1;
      advantage.push_back(deviation == 0 ? 0 : (rewards[i] - mean) / divisor);
    }
  }
  if (g.scale == AdvantageScale::batch)
    for (double& a : advantage) a /= std::sqrt(all_squares / all_rewards);
  out.replies = int64_t(learned.size());

  struct Slopes : TokenObjective {
    std::vector<float> slopes;
    size_t next = 0;
    double evaluate(int, float, float& slope) override {
      slope = slopes[next++];
      return 0;
    }
  };
  std::unique_ptr<Model> model = p.t.fresh_model();
  set_weights(*model, letter_weights());
  Learner learner(*model, {.rows_max = 4096}, p.t.pool);
  for (size_t part = 0, parts = size_t(g.minibatches); part < parts; ++part) {
    const size_t begin = learned.size() * part / parts, end = learned.size() * (part + 1) / parts;
    double tokens = 0;
    for (size_t i = begin; i < end; ++i) tokens += double(learned[i]->completion.tokens.size());
    TrainingBatch batch;
    Slopes objective;
    for (size_t i = begin; i < end; ++i) {
      TrainingSequence sequence{learned[i]->prompt, {}};
      sequence.trained.assign(sequence.tokens.size(), 0);
      for (int token : learned[i]->completion.tokens) {
        sequence.tokens.push_back(token);
        sequence.trained.push_back(1);
        const double w = weight(*learned[i], double(end - begin), tokens);
        objective.slopes.push_back(float(-w * advantage[i]));
        out.loss -= w * advantage[i] / double(parts);
      }
      append_sequence(sequence, 0, batch);
    }
    learner.begin();
    LossOptions options;
    options.inverse_temperature = float(1 / g.temperature);
    if (drawing.rounded) {  // the weights of importance sampling
      std::vector<float> logs(batch.tokens.size());
      Learner::score(*model, batch, options.inverse_temperature, logs.data(), learner.arena(),
                     p.t.pool);
      size_t at = 0, row = 0;
      for (size_t i = begin; i < end; ++i)
        for (float drawn : learned[i]->completion.policy_log_probabilities) {
          while (batch.targets[row] < 0) ++row;
          const double w = std::min(std::exp(double(logs[row++]) - double(drawn)), g.ratio_cap);
          out.loss += (w - 1) * double(objective.slopes[at]) / double(parts);
          objective.slopes[at++] *= float(w);
        }
    }
    EXPECT_TRUE(learner.accumulate(batch, objective, options));
    out.norm = learner.update(0)->gradient_norm;
  }
  return out;
}

void expect_equal(TinyPolicy& p, const ByHand& hand) {
  const std::vector<Json> lines = take_steps(*p.stage, 1);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NEAR(number_at(lines[0], "loss"), hand.loss, 1e-6);
  EXPECT_GT(hand.norm, 0);
  EXPECT_NEAR(number_at(lines[0], "grad_norm"), hand.norm, 1e-4 * hand.norm);
}

const TokenWeight kToken = [](const Rollout&, double, double tokens) { return 1 / tokens; };
const TokenWeight kSequence = [](const Rollout& r, double replies, double) {
  return 1 / replies / double(r.completion.tokens.size());
};
const TokenWeight kDrGrpo = [](const Rollout&, double replies, double) { return 1 / replies / 4; };

TEST(Grpo, LossesAreThoseOfTheFormulas) {
  struct Case {
    std::vector<std::string> settings;
    TokenWeight weight;
  };
  const Case cases[] = {
      {{}, kToken},
      {{"stages.rl.loss=sequence"}, kSequence},
      {{"stages.rl.loss=dr_grpo", "stages.rl.advantage_scale=none"}, kDrGrpo},
      {{"stages.rl.advantage_scale=batch"}, kToken},  // F27
      {{"stages.rl.temperature=0.8"}, kToken},
      {{"stages.rl.lr=0", "stages.rl.minibatches=3"}, kToken},
      {{"stages.rl.lr=0", "stages.rl.minibatches=2", "stages.rl.loss=sequence"}, kSequence},
      {{"stages.rl.rollouts=rounded"}, kToken},
      {{"stages.rl.rollouts=rounded", "stages.rl.ratio_cap=0.99"}, kToken},
      {{"stages.rl.rollouts=rounded", "stages.rl.minibatches=3", "stages.rl.inner_epochs=2",
        "stages.rl.lr=0"},
       kToken},
  };
  for (const Case& c : cases) {
    TinyPolicy p(c.settings);
    SCOPED_TRACE(c.settings.empty() ? "plain" : c.settings[0]);
    expect_equal(p, first_step(p, c.weight));
  }
}

TEST(Grpo, TruncatedRepliesAreMasked) {
  TinyPolicy p(
      {"stages.rl.reply_tokens=2", "stages.rl.masks_truncated=true", "stages.rl.loss=sequence"});
  const ByHand hand = first_step(p, kSequence);
  ASSERT_GT(hand.truncated, 0);
  ASSERT_EQ(hand.replies, 24 - hand.truncated);
  expect_equal(p, hand);
}

TEST(Grpo, WhenAllRepliesAreMaskedNothingIsLearned) {
  TinyPolicy p({"stages.rl.reply_tokens=1", "stages.rl.masks_truncated=true"});
  const std::vector<Json> lines = take_steps(*p.stage, 1);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(number_at(lines[0], "truncated"), 24);
  EXPECT_EQ(number_at(lines[0], "loss"), 0);
  EXPECT_EQ(all_weights(*p.model), letter_weights());
}

TEST(Grpo, UniformGroupsAreSkippedAndDrawnAnew) {
  const std::vector<std::string> skip = {"stages.rl.skips_uniform=true",
                                         "stages.rl.extra_rounds=0"};
  TinyPolicy p(skip, half_hopeless());
  const ByHand hand = first_step(p, kToken);
  ASSERT_GE(hand.uniform, 2);
  ASSERT_LT(hand.uniform, 4);
  expect_equal(p, hand);
  EXPECT_EQ(number_at(p.stage->cursor(), "next"), 4);

  TinyPolicy more({"stages.rl.skips_uniform=true", "stages.rl.extra_rounds=2"}, half_hopeless());
  const std::vector<Json> lines = take_steps(*more.stage, 1);
  const double asked = number_at(more.stage->cursor(), "next");
  EXPECT_EQ(number_at(more.stage->cursor(), "stream"), 6 * asked);
  EXPECT_GE(asked, 6) << "the uniform groups of the first round were drawn anew";
  EXPECT_GE(number_at(lines[0], "uniform_groups"), 2 / asked);
  EXPECT_EQ(number_at(lines[0], "right") + number_at(lines[0], "wrong") +
                number_at(lines[0], "unparseable") + number_at(lines[0], "truncated"),
            6 * asked)
      << "skipped groups are counted";
}

TEST(Grpo, AStepWithoutAnythingToTeachChangesNothing) {
  TinyPolicy p({"stages.rl.skips_uniform=true", "stages.rl.extra_rounds=2"}, letters("never said"));
  const std::vector<Json> lines = take_steps(*p.stage, 1);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(number_at(lines[0], "uniform_groups"), 1);
  EXPECT_EQ(number_at(lines[0], "loss"), 0);
  EXPECT_EQ(number_at(lines[0], "grad_norm"), 0);
  EXPECT_EQ(number_at(p.stage->cursor(), "next"), 12) << "three rounds of four";
  EXPECT_EQ(all_weights(*p.model), letter_weights());
}

// The claim of the project: rollouts and training give the same bits.
TEST(Grpo, FirstUpdatesAreExactlyOnPolicy) {
  for (const char* temperature : {"1", "0.8"})
    for (const char* rows : {"16", "512"})
      for (const char* keeps : {"false", "true"})
        for (int threads : {1, 2}) {
          TinyPolicy p(
              {std::string("stages.rl.temperature=") + temperature, std::string("rows=") + rows,
               std::string("stages.rl.keeps_routing=") + keeps},
              letters(), threads);
          for (const Json& line : take_steps(*p.stage, 3))
            EXPECT_EQ(number_at(line, "max_difference"), 0)
                << "temperature " << temperature << ", rows " << rows << ", step "
                << number_at(line, "step") << ", threads " << threads;
          EXPECT_NE(all_weights(*p.model), letter_weights());
        }
}

TEST(Grpo, ThreadsAndKeptRoutingChangeNoBit) {
  const auto after = [](const std::vector<std::string>& settings, int threads) {
    TinyPolicy p(settings, letters(), threads);
    take_steps(*p.stage, 2);
    return all_weights(*p.model);
  };
  const std::vector<float> one = after({}, 1);
  EXPECT_EQ(after({}, 2), one);
  EXPECT_EQ(after({}, 3), one);
  EXPECT_EQ(after({"stages.rl.keeps_routing=true"}, 1), one)
      << "on policy the gates choose what the rollout recorded";
}

TEST(Grpo, EpochsAndMinibatchesAreUpdates) {
  TinyPolicy p({"stages.rl.inner_epochs=2", "stages.rl.minibatches=3", "stages.rl.clip_low=0",
                "stages.rl.clip_high=0"});
  const std::vector<Json> lines = take_steps(*p.stage, 1);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(p.learner->updates, 6);
  EXPECT_EQ(number_at(lines[0], "max_difference"), 0) << "of the first update";
  EXPECT_GT(number_at(lines[0], "clip_fraction"), 0) << "later ones are off policy";
  TinyPolicy q;
  take_steps(*q.stage, 2);
  EXPECT_EQ(q.learner->updates, 2);
}

TEST(Grpo, ReferenceIsTheParentUntilItIsRefreshed) {
  TinyPolicy p({"stages.rl.kl_weight=0.1", "stages.rl.reference_every=2"});
  ASSERT_NE(p.stage->companion(), nullptr);
  EXPECT_EQ(all_weights(*p.stage->companion()), letter_weights());
  const std::vector<Json> lines = take_steps(*p.stage, 4);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(number_at(lines[0], "kl"), 0) << "policy and reference are the same bits";
  EXPECT_GT(number_at(lines[1], "kl"), 0);
  EXPECT_EQ(number_at(lines[2], "kl"), 0) << "refreshed";
  EXPECT_GT(number_at(lines[3], "kl"), 0);

  TinyPolicy never({"stages.rl.kl_weight=0.1"});
  for (const Json& line : take_steps(*never.stage, 3))
    EXPECT_EQ(number_at(line, "kl") > 0, number_at(line, "step") > 1);
  EXPECT_EQ(all_weights(*never.stage->companion()), letter_weights());
  EXPECT_EQ(TinyPolicy().stage->companion(), nullptr);
}

// Letters whose drawing writes down the splits, and may do more.
std::unique_ptr<ProblemSet> watched(std::function<void(uint64_t index, Split split)> watch) {
  return std::make_unique<MadeProblems>([watch](uint64_t index, Split split) {
    watch(index, split);
    return made_problem("say", "a", index % 2 == 0 ? "a" : "nothing like it");
  });
}

TEST(Grpo, F24RolloutsAreOfTheTrainingSplitOnly) {
  int train = 0, held_out = 0;
  TinyPolicy p(
      {"stages.rl.skips_uniform=true", "stages.rl.extra_rounds=2"},
      watched([&](uint64_t, Split split) { ++(split == Split::train ? train : held_out); }));
  take_steps(*p.stage, 2);
  EXPECT_GT(train, 8);
  EXPECT_EQ(held_out, 0);
}

// Problems of later rounds of a step are made after the earlier rounds' rollouts: a watcher that
// changes the weights there makes rollouts and training differ.
struct TwoPaths {
  double difference = 0;
  int64_t groups = 0;
};
// The weights are others while the rounds that begin at problems `from` ... `until` - 1 are rolled
// out.
TwoPaths with_other_weights(uint64_t from, uint64_t until, const std::string& minibatches) {
  Model* model = nullptr;
  TinyPolicy p({"stages.rl.skips_uniform=true", "stages.rl.extra_rounds=2",
                "stages.rl.minibatches=" + minibatches},
               watched([&](uint64_t index, Split) {
                 if (model == nullptr) return;
                 std::vector<float> weights = letter_weights();
                 if (index >= from && index < until)
                   for (float& w : weights) w *= 1.01f;
                 set_weights(*model, weights);
               }));
  model = p.model.get();
  const std::vector<Json> lines = take_steps(*p.stage, 1);
  return {lines.empty() ? -1 : number_at(lines[0], "max_difference"),
          int64_t(number_at(p.stage->cursor(), "next"))};
}

TEST(Grpo, F26MaxDifferenceIsOfEveryMinibatchAndNotZeroWhenPathsDiffer) {
  for (const char* minibatches : {"1", "2", "5", "1000"}) {
    SCOPED_TRACE(minibatches);
    const TwoPaths same = with_other_weights(100, 100, minibatches);
    EXPECT_EQ(same.difference, 0);
    ASSERT_GE(same.groups, 6) << "more than one round";
    // The first round alone, which the first minibatch belongs to, and the second one alone.
    EXPECT_GT(with_other_weights(0, 4, minibatches).difference, 1e-4);
    const TwoPaths later = with_other_weights(4, 6, minibatches);
    EXPECT_GT(later.difference, 1e-4);
    EXPECT_EQ(later.groups, same.groups);
  }
}

// How far rounded rollouts are from training is measured, and stays as small when weights move.
TEST(Grpo, RoundedRolloutsReportTheirDistance) {
  TinyPolicy p({"stages.rl.rollouts=rounded", "stages.rl.lr=0.01"});
  for (const Json& line : take_steps(*p.stage, 8)) {
    const double kl = number_at(line, "rollout_kl"), mean = number_at(line, "rollout_difference");
    EXPECT_GT(kl, 0);
    EXPECT_LT(kl, 5e-3);
    EXPECT_GT(mean, 0);
    EXPECT_LT(mean, number_at(line, "max_difference"));
    EXPECT_LT(number_at(line, "max_difference"), 1);
    EXPECT_LT(number_at(line, "ratio_truncated"), 0.01);
  }
  TinyPolicy exact;
  EXPECT_EQ(take_steps(*exact.stage, 1)[0].find("rollout_kl"), nullptr);
  TinyPolicy capped({"stages.rl.rollouts=rounded", "stages.rl.ratio_cap=1"});
  const double share = number_at(take_steps(*capped.stage, 1)[0], "ratio_truncated");
  EXPECT_GT(share, 0.2);
  EXPECT_LT(share, 0.8);
}

TEST(Grpo, RoundedRolloutsResumeWithTheSameBits) {
  const std::vector<std::string> rounded = {"stages.rl.rollouts=rounded",
                                            "stages.rl.inner_epochs=2", "stages.rl.minibatches=2"};
  TinyPolicy whole(rounded), threads(rounded, letters(), 3);
  take_steps(*whole.stage, 1);
  const std::vector<float> between = all_weights(*whole.model);
  const std::string cursor = whole.stage->cursor().dump();
  TinyPolicy next(rounded);
  set_weights(*next.model, between);
  ASSERT_TRUE(next.stage->restore(*parse_json(cursor)));
  const Result<Json> continued = next.stage->advance(1), straight = whole.stage->advance(1);
  ASSERT_TRUE(continued && straight);
  // Its optimizer begins anew, so what is drawn and the loss are compared, not the weights.
  EXPECT_EQ(next.stage->record(), whole.stage->record());
  EXPECT_EQ(number_at(*continued, "rollout_kl"), number_at(*straight, "rollout_kl"));
  take_steps(*threads.stage, 2);
  EXPECT_EQ(all_weights(*threads.model), all_weights(*whole.model));
}

// Weights of a model that says "abcabc..." for long.
std::vector<float> repeating_weights() {
  TinyStages t(
      "  a: {kind: sft, steps: 40, tokens: 64, lr: 0.01, warmup_steps: 0, data: {facts: {}}}\n");
  t.give(std::make_unique<MadeProblems>(
      [](uint64_t, Split) { return made_problem("say", "abcabcabcabcabc", ""); }));
  std::unique_ptr<Model> model = t.fresh_model();
  std::unique_ptr<Learner> learner = t.learner(*model);
  auto stage = *make_tuning_stage(t.context, t.stage(), 40, *learner, nullptr);
  take_steps(*stage, 40);
  return all_weights(*model);
}

// Guesses from prompt and reply: the same draws, moments and weights, whatever was guessed.
TEST(Grpo, GuessesChangeNoBit) {
  const auto repeats = [] {
    return std::make_unique<MadeProblems>([](uint64_t index, Split) {
      return made_problem("say", "abcabcabcabc", index % 2 == 0 ? "abcabcabcabc" : "abcabc");
    });
  };
  const std::vector<float> weights_before = repeating_weights();
  const auto after = [&](const std::string& speculate, const std::string& rollouts, double& came) {
    TinyPolicy p({"stages.rl.reply_tokens=16", "stages.rl.speculate=" + speculate,
                  "stages.rl.rollouts=" + rollouts},
                 repeats());
    set_weights(*p.model, weights_before);
    std::string all;
    for (const Json& line : take_steps(*p.stage, 3)) {
      all += p.stage->record();
      if (line.find("accepted_tokens")) came += number_at(line, "accepted_tokens");
      if (rollouts == "exact") {
        EXPECT_EQ(number_at(line, "max_difference"), 0);
      }
    }
    const std::vector<float> weights = all_weights(*p.model);
    return all + sha256_hex(std::string_view(reinterpret_cast<const char*>(weights.data()),
                                             weights.size() * sizeof(float)));
  };
  for (const char* rollouts : {"exact", "rounded"}) {
    double none = 0, came = 0, some = 0;
    const std::string without = after("off", rollouts, none);
    EXPECT_EQ(after("always", rollouts, came), without);
    EXPECT_EQ(after("auto", rollouts, some), without);
    EXPECT_EQ(none, 0);
    EXPECT_GT(came, 0) << "some guesses come true";
  }
}

TEST(Grpo, LearnsFromTheRepliesThatDifferMost) {
  TinyPolicy p({"stages.rl.learn_from=2", "stages.rl.skips_uniform=true"});
  const std::vector<Json> lines = take_steps(*p.stage, 1);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(number_at(lines[0], "max_difference"), 0);
  // Of each group one right and one wrong reply, with advantages of 1 and -1.
  int replies = 0;
  double sum = 0;
  std::istringstream record(p.stage->record());
  for (std::string line; std::getline(record, line); ++replies) {
    const double advantage = number_at(*parse_json(line), "advantage");
    EXPECT_NEAR(std::abs(advantage), 1, 1e-9);
    sum += advantage;
  }
  EXPECT_GE(replies, 4);
  EXPECT_NEAR(sum, 0, 1e-9);
  EXPECT_GE(number_at(lines[0], "right") + number_at(lines[0], "wrong"), 2 * replies)
      << "all replies are counted";
}

TEST(Grpo, LearnsToEmitTheRewardedToken) {
  TinyPolicy p({}, letters("ab"));
  const std::vector<Json> lines = take_steps(*p.stage, 20);
  ASSERT_EQ(lines.size(), 20u);
  const auto mean = [&](size_t from) {
    double sum = 0;
    for (size_t i = from; i < from + 3; ++i) sum += number_at(lines[i], "accuracy");
    return sum / 3;
  };
  EXPECT_LT(mean(0), 0.6);
  EXPECT_GT(mean(17), 0.9);
}

TEST(Grpo, CursorContinuesTheStream) {
  TinyPolicy whole({"stages.rl.curriculum=true"}, half_hopeless());
  take_steps(*whole.stage, 1);
  const std::string cursor = whole.stage->cursor().dump();
  TinyPolicy next({"stages.rl.curriculum=true"}, half_hopeless());
  ASSERT_TRUE(next.stage->restore(*parse_json(cursor)));
  EXPECT_EQ(next.stage->cursor().dump(), cursor);
  for (const char* key : {"next", "stream", "tokens", "pass_rates"}) {
    Json bad = *parse_json(cursor);
    std::erase_if(bad.members(), [&](const Json::Member& m) { return m.first == key; });
    Result<void> restored = next.stage->restore(bad);
    ASSERT_FALSE(restored) << key;
    EXPECT_NE(restored.error().message.find(key), std::string::npos);
  }
}

const std::vector<std::string> kManyUpdates = {"stages.rl.minibatches=2",
                                               "stages.rl.inner_epochs=2"};

// Every form learns, with the same bits at any number of threads.
TEST(Grpo, FormsOfTheLossLearnAndThreadsChangeNoBit) {
  for (const std::vector<std::string>& form : std::vector<std::vector<std::string>>{
           {"surrogate=cispo", "cispo_cap=1.1"},
           {"surrogate=sapo"},
           {"clip_delta=1.2"},
           {"ratio=sequence", "loss=sequence"},
           {"ratio=sequence", "kl_weight=0.1", "kl_unbiased=true"},
           {"ratio=sequence", "surrogate=sapo", "rollouts=rounded"},
           {"top_entropy=0.3"},
           {"off_policy_mask=0.001"},
           {"off_policy_mask=0.001", "rollouts=rounded", "top_entropy=0.5", "ratio=sequence"},
           {"normalize_rewards=apart", "rewards={accuracy: 1, format: 0.5}"}}) {
    std::vector<std::string> settings = kManyUpdates;
    for (const std::string& one : form) settings.push_back("stages.rl." + one);
    const auto after = [&](int threads) {
      TinyPolicy p(settings, letters(), threads);
      const std::vector<Json> lines = take_steps(*p.stage, 2);
      EXPECT_EQ(lines.size(), 2u) << form[0];
      return all_weights(*p.model);
    };
    const std::vector<float> weights = after(1);
    EXPECT_NE(weights, letter_weights()) << form[0];
    EXPECT_EQ(after(2), weights) << form[0];
  }
}

// Before the first update every ratio is 1, the reply's too, and so is its gradient.
TEST(Grpo, TheFirstUpdateIsTheSameForRatiosOfTokensAndReplies) {
  const auto first = [](const std::string& ratio) {
    TinyPolicy p({"stages.rl.loss=sequence", "stages.rl.ratio=" + ratio});
    return take_steps(*p.stage, 1)[0];
  };
  const Json of_tokens = first("token"), of_replies = first("sequence");
  EXPECT_NEAR(number_at(of_tokens, "grad_norm"), number_at(of_replies, "grad_norm"),
              1e-5 * number_at(of_tokens, "grad_norm"));
  EXPECT_NEAR(number_at(of_tokens, "loss"), number_at(of_replies, "loss"), 1e-6);
}

TEST(Grpo, MasksAreCounted) {
  TinyPolicy some({"stages.rl.top_entropy=0.25"});
  const double left_out = number_at(take_steps(*some.stage, 1)[0], "low_entropy_tokens");
  EXPECT_GT(left_out, 0.3);  // equal entropies stand on one side of the quantile
  EXPECT_LE(left_out, 0.75 + 1e-9);
  std::vector<std::string> settings = kManyUpdates;
  settings.push_back("stages.rl.off_policy_mask=1e-9");
  settings.push_back("stages.rl.lr=0.05");
  TinyPolicy moved(settings);
  EXPECT_GT(number_at(take_steps(*moved.stage, 1)[0], "off_policy_replies"), 0);
}

}  // namespace
}  // namespace weir
