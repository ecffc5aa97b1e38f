#include "stages/reward_stage.h"

#include <algorithm>
#include <cmath>

#include "base/atomic_output.h"
#include "stages/reward_model.h"
#include "testing/r1_fixture.h"
#include "testing/training_fixture.h"

namespace weir {
namespace {

struct Judge {
  TinyStages t;
  std::unique_ptr<Model> model;
  std::unique_ptr<Learner> learner;
  std::unique_ptr<Stage> stage;

  Judge(const std::string& judges, int64_t steps, const std::vector<std::string>& settings = {})
      : t("  judge: {kind: reward, steps: 100, examples: 8, lr: 0.01, warmup_steps: 0, "
          "weight_decay: 0, data: {facts: {}}, judges: " +
              judges + "}\n",
          settings) {
    t.give(kind_and_rude());
    model = t.fresh_model();
    learner = t.learner(*model);
    Result<std::unique_ptr<Stage>> made =
        make_reward_stage(t.context, t.stage(), steps, *learner, {});
    EXPECT_TRUE(made) << made.error().message;
    stage = *std::move(made);
  }
};

class RewardStages : public testing::TestWithParam<const char*> {};

TEST_P(RewardStages, LearnToTellGoodFromBad) {
  constexpr int kSteps = 30;
  Judge judge(GetParam(), kSteps);
  const std::vector<Json> lines = take_steps(*judge.stage, kSteps);
  ASSERT_EQ(lines.size(), size_t(kSteps));
  EXPECT_LT(number_at(lines.back(), "loss"), 0.35);
  EXPECT_GT(number_at(lines.back(), "held_out"), 0.9);
  EXPECT_EQ(lines[0].find("held_out"), nullptr);
  EXPECT_EQ(number_at(lines.back(), "tokens"), 8 * kSteps);

  // The same as the pipeline and a policy's reward use it.
  TemporaryFolder folder;
  ASSERT_TRUE(write_file_atomic(folder.file("config.json"), config_json(judge.t.config).dump()));
  ASSERT_TRUE(save_model(*judge.model, folder.file("model.safetensors")));
  Result<std::unique_ptr<RewardModel>> model =
      RewardModel::load(folder.path(), tiny_tokenizer(), tiny_format(), false, 64, judge.t.pool);
  ASSERT_TRUE(model) << model.error().message;
  const std::unique_ptr<ProblemSet> set = kind_and_rude();
  std::vector<Problem> problems;
  std::vector<ParsedReply> replies;
  for (uint64_t i = 0; i < 20; ++i) {
    problems.push_back(*set->make(1, Split::held_out, i));
    replies.push_back({"", problems.back().messages.back().content});
    replies.push_back({"", problems.back().rejected.content});
  }
  replies.push_back({"", std::string(200, '7')});  // beyond the context of 96 tokens
  std::vector<JudgedReply> judged;
  for (size_t i = 0; i < replies.size(); ++i)
    judged.push_back({&problems[std::min(i / 2, problems.size() - 1)], &replies[i]});
  Result<std::vector<double>> scores = (*model)->judge(judged);
  ASSERT_TRUE(scores) << scores.error().message;
  int better = 0;
  for (size_t i = 0; i < 20; ++i) better += (*scores)[2 * i] > (*scores)[2 * i + 1];
  EXPECT_GT(better, 18);
  for (double score : *scores) EXPECT_TRUE(score >= 0 && score <= 1) << score;
  EXPECT_EQ(scores->back(), 0) << "what does not fit is worth nothing";
}

// At a rate of 0 a step gives the loss and leaves its gradient: both sides of the weights, moved a
// little along the gradient, have to differ by its norm.
TEST_P(RewardStages, GradientIsThatOfTheLoss) {
  Judge judge(GetParam(), 100, {"stages.judge.lr=0", "stages.judge.clip=0"});
  const std::vector<float> weights = all_weights(*judge.model);
  const std::vector<Json> first = take_steps(*judge.stage, 1);
  ASSERT_EQ(first.size(), 1u);
  ASSERT_EQ(all_weights(*judge.model), weights);
  const double norm = number_at(first[0], "grad_norm");
  std::vector<float> gradient;
  for (const Parameter* w : judge.model->parameters())
    gradient.insert(gradient.end(), w->grad, w->grad + w->count());
  constexpr double kStep = 2e-3;
  const auto loss_at = [&](double distance) {
    std::vector<float> moved = weights;
    for (size_t i = 0; i < moved.size(); ++i)
      moved[i] += float(distance * double(gradient[i]) / norm);
    set_weights(*judge.model, moved);
    return number_at(take_steps(*judge.stage, 1)[0], "loss");
  };
  const double slope = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
  // Losses are sums of float log-probabilities: 1e-6 of rounding over 4e-3.
  EXPECT_NEAR(slope, norm, 0.01 * norm + 5e-4);
}

TEST_P(RewardStages, ThreadsChangeNoBit) {
  const auto after = [](int threads) {
    TinyStages t("  judge: {kind: reward, steps: 100, examples: 4, data: {facts: {}}, judges: " +
                     std::string(GetParam()) + "}\n",
                 {}, threads);
    t.give(kind_and_rude());
    std::unique_ptr<Model> model = t.fresh_model();
    std::unique_ptr<Learner> learner = t.learner(*model);
    auto stage = *make_reward_stage(t.context, t.stage(), 100, *learner, {});
    take_steps(*stage, 2);
    return all_weights(*model);
  };
  EXPECT_EQ(after(1), after(2));
}

INSTANTIATE_TEST_SUITE_P(Kinds, RewardStages, testing::Values("helpful", "safety"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST(RewardStage, UntrainedLossIsThatOfItsFormula) {
  // -log sigmoid of a margin near 0 is log 2.
  EXPECT_NEAR(number_at(take_steps(*Judge("helpful", 100).stage, 1)[0], "loss"), std::log(2.0),
              0.3);
  // Cross entropy over 300 tokens is near log 300.
  EXPECT_NEAR(number_at(take_steps(*Judge("safety", 100).stage, 1)[0], "loss"), std::log(300.0), 1);
}

TEST(RewardStage, EndsWithoutHeldOutProblems) {
  Judge judge("helpful", 1);
  judge.t.give(std::make_unique<MadeProblems>(
      [](uint64_t index, Split) { return made_problem("q", "reply " + std::to_string(index), ""); },
      50, 0));
  const std::vector<Json> lines = take_steps(*judge.stage, 1);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].find("held_out"), nullptr);
  EXPECT_EQ(number_at(lines[0], "tokens"), 8);
}

TEST(RewardStage, ConversationsBeyondTheContextAreLeftOut) {
  Judge judge("safety", 100);
  judge.t.give(std::make_unique<MadeProblems>(
      [](uint64_t, Split) { return made_problem("q", std::string(500, '7'), ""); }));
  judge.t.stage().data.add("short", 1, kind_and_rude());
  const std::vector<Json> lines = take_steps(*judge.stage, 1);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_LT(number_at(lines[0], "tokens"), 8);
}

class Pairs : public testing::Test {
 protected:
  static constexpr char kStage[] =
      "  rl: {kind: grpo, steps: 1, data: {facts: {}}}\n"
      "  judge: {kind: reward, parent: rl, steps: 1, data: {facts: {}}, samples: {from: rl, "
      "weight: "
      "0.5}}\n";
  TinyStages t_{kStage};
  PairSource source(std::unique_ptr<ProblemSet> set, std::vector<SampledReply> samples = {}) {
    t_.give(std::move(set), 1);
    return PairSource(t_.stage(1), 5, std::move(samples));
  }
};

TEST_F(Pairs, ComeFromTheDataWithItsRejectedReplies) {
  const PairSource pairs = source(kind_and_rude());
  for (uint64_t i = 0; i < 20; ++i) {
    Result<PreferencePair> pair = pairs.make(Split::train, i);
    ASSERT_TRUE(pair) << pair.error().message;
    ASSERT_EQ(pair->question.size(), 1u);
    EXPECT_TRUE(pair->good.content.ends_with(" " + pair->question[0].content));
    EXPECT_TRUE(pair->bad.content.starts_with("bah") || pair->bad.content.starts_with("mud"));
    EXPECT_EQ(pairs.make(Split::train, i)->bad.content, pair->bad.content);
  }
}

TEST_F(Pairs, WithoutRejectedRepliesThoseToOtherQuestionsAreWorse) {
  const PairSource pairs = source(kind_and_rude(false));
  for (Split split : {Split::train, Split::held_out})
    for (uint64_t i = 0; i < 20; ++i) {
      Result<PreferencePair> pair = pairs.make(split, i);
      ASSERT_TRUE(pair) << pair.error().message;
      EXPECT_NE(pair->good.content, pair->bad.content);
      EXPECT_FALSE(pair->bad.content.starts_with("bah"));
      EXPECT_EQ(pair->bad.content.substr(5, 1), split == Split::train ? "1" : "2");
    }
  const PairSource alike = source(std::make_unique<MadeProblems>(
      [](uint64_t, Split) { return made_problem("q", "the one reply", ""); }));
  Result<PreferencePair> none = alike.make(Split::train, 0);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("alike"), std::string::npos);
  const PairSource silent = source(std::make_unique<MadeProblems>([](uint64_t, Split) {
    Problem problem = made_problem("q", "", "gold");
    problem.messages.pop_back();
    return problem;
  }));
  EXPECT_FALSE(silent.make(Split::train, 0));
}

TEST_F(Pairs, SamplesGiveRightRepliesAsGoodAndWrongOnesAsBad) {
  SampledReply right, wrong;
  right.problem = made_problem("sampled", "right reply", "gold");
  right.is_right = true;
  right.problem.rejected = {Role::assistant, "rejected reply"};
  right.problem.has_rejected = true;
  wrong.problem = made_problem("sampled", "wrong reply", "gold");
  wrong.gold = {Role::assistant, "gold reply"};
  wrong.has_gold = true;
  const PairSource pairs = source(kind_and_rude(), {right, wrong});
  int from_right = 0, from_wrong = 0, from_data = 0;
  for (uint64_t i = 0; i < 400; ++i) {
    const PreferencePair pair = *pairs.make(Split::train, i);
    if (pair.question[0].content != "sampled")
      ++from_data;
    else if (pair.good.content == "right reply" && pair.bad.content == "rejected reply")
      ++from_right;
    else if (pair.good.content == "gold reply" && pair.bad.content == "wrong reply")
      ++from_wrong;
    EXPECT_NE(pairs.make(Split::held_out, i)->question[0].content, "sampled");
  }
  // Half of 400, and quarters; three standard deviations.
  EXPECT_NEAR(from_data, 200, 30);
  EXPECT_NEAR(from_right, 100, 26);
  EXPECT_NEAR(from_wrong, 100, 26);
  EXPECT_EQ(from_data + from_right + from_wrong, 400);
}

TEST(VerdictTokens, NeedATokenizerThatTellsThemApart) {
  Result<VerdictTokens> verdict = VerdictTokens::of(tiny_tokenizer());
  ASSERT_TRUE(verdict);
  EXPECT_NE(verdict->yes, verdict->no);
}

TEST(JudgedSequence, ShowsThinkingOnlyWhereAsked) {
  const std::vector<Message> question = {{Role::user, "q"}};
  const Message reply{Role::assistant, "answer", "some thinking", true};
  const TrainingSequence with = *judged_sequence(tiny_format(), question, reply, true, 77);
  const TrainingSequence without = *judged_sequence(tiny_format(), question, reply, false, 77);
  EXPECT_GT(with.rows(), without.rows() + 2);
  EXPECT_EQ(with.tokens.back(), 77);
  EXPECT_EQ(std::count(with.trained.begin(), with.trained.end(), 1), 1);
  EXPECT_EQ(with.trained.back(), 1);
  const auto has_mark = [](const TrainingSequence& s) {
    return std::count(s.tokens.begin(), s.tokens.end(), tiny_format().think()) > 0;
  };
  EXPECT_TRUE(has_mark(with));
  EXPECT_FALSE(has_mark(without));
}

}  // namespace
}  // namespace weir
