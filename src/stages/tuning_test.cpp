#include "stages/tuning.h"

#include <cmath>

#include "stages/rejection.h"
#include "testing/r1_fixture.h"
#include "train/batches.h"

namespace weir {
namespace {

struct Tuned {
  TinyStages t;
  std::unique_ptr<Model> model;
  std::unique_ptr<Learner> learner;
  std::unique_ptr<Stage> stage;
  Tuned(const std::string& settings, std::unique_ptr<ProblemSet> data,
        const ProblemSet* samples = nullptr, int threads = 1)
      : t("  rl: {kind: grpo, steps: 1, data: {facts: {}}}\n"
          "  a: {kind: sft, parent: rl, steps: 10, lr: 0.01, warmup_steps: 0, data: "
          "{facts: {}}, " +
              settings + "}\n",
          {}, threads) {
    t.give(std::move(data), 1);
    model = t.fresh_model();
    learner = t.learner(*model, 1);
    stage = *make_tuning_stage(t.context, t.stage(1), 10, *learner, samples);
  }
};

TEST(Tuning, StepsHoldWholeConversationsUpToTheirRows) {
  // "say" and one or two letters: the rows of a conversation are its tokens but the last.
  const int rows = render_problem(tiny_format(), made_problem("say", "b", ""), false)->rows();
  Tuned tuned(
      "tokens: " + std::to_string(3 * rows + rows - 1),
      std::make_unique<MadeProblems>([](uint64_t, Split) { return made_problem("say", "b", ""); }));
  const std::vector<Json> lines = take_steps(*tuned.stage, 2);
  EXPECT_EQ(number_at(tuned.stage->cursor(), "next"), 6) << "three fit, the fourth begins the next";
  EXPECT_EQ(number_at(lines[1], "tokens"), 6 * 2) << "a letter and the end are learned";
}

TEST(Tuning, LossIsTheMeanOfTheLearnedTokens) {
  for (const char* all : {"false", "true"}) {
    Tuned tuned(std::string("tokens: 64, all_tokens: ") + all, letters());
    std::vector<TrainingSequence> sequences;
    int64_t tokens = 0;
    for (uint64_t i = 0;; ++i) {
      const Problem problem = *tuned.t.stage(1).data.make(0, Split::train, i);
      TrainingSequence sequence = *render_problem(tiny_format(), problem, all[0] == 't');
      int rows = sequence.rows();
      for (const TrainingSequence& s : sequences) rows += s.rows();
      if (rows > 64) break;
      for (size_t k = 1; k < sequence.trained.size(); ++k) tokens += sequence.trained[k];
      sequences.push_back(std::move(sequence));
    }
    double sum = 0;
    for (double score :
         sequence_scores(*tuned.model, sequences, 4096, tuned.learner->arena(), tuned.t.pool))
      sum += score;
    const Json line = take_steps(*tuned.stage, 1)[0];
    EXPECT_NEAR(number_at(line, "loss"), -sum / double(tokens), 1e-5) << all;
    EXPECT_EQ(number_at(line, "tokens"), double(tokens));
  }
}

TEST(Tuning, LongConversationsAreLeftOut) {
  Tuned tuned("tokens: 64", std::make_unique<MadeProblems>([](uint64_t index, Split) {
                return made_problem("say", index % 2 ? "b" : std::string(300, '8'), "");
              }));
  EXPECT_EQ(take_steps(*tuned.stage, 1).size(), 1u);
  Tuned none(
      "tokens: 64",
      std::make_unique<MadeProblems>(
          [](uint64_t, Split) { return made_problem("say", std::string(100, '8'), ""); }, 5, 5));
  Result<Json> line = none.stage->advance(0);
  ASSERT_FALSE(line);
  EXPECT_NE(line.error().message.find("longer than the model's context"), std::string::npos);
}

TEST(Tuning, SamplesHaveTheirShare) {
  const ListedProblems samples({made_problem("say", "cc", "")});
  const auto shares = [&](const std::string& weight) {
    Tuned tuned("tokens: 64, samples: {from: rl, weight: " + weight + "}", letters(), &samples);
    return number_at(take_steps(*tuned.stage, 10).back(), "tokens");
  };
  // Only samples: two letters and an end (or a merged pair) each time; no samples: the letters.
  Tuned plain("tokens: 64", letters());
  EXPECT_EQ(shares("0"), number_at(take_steps(*plain.stage, 10).back(), "tokens"));
  Tuned only("tokens: 64", std::make_unique<MadeProblems>(
                               [](uint64_t, Split) { return made_problem("say", "cc", ""); }));
  EXPECT_EQ(shares("1"), number_at(take_steps(*only.stage, 10).back(), "tokens"));
}

TEST(Tuning, ThreadsChangeNoBitAndTheRestContinues) {
  const auto after = [](int threads) {
    Tuned tuned("tokens: 64, bias_speed: 0.01, balance_weight: 0.01", letters(), nullptr, threads);
    take_steps(*tuned.stage, 3);
    std::vector<float> all = all_weights(*tuned.model);
    for (const Parameter* w : tuned.model->buffers())
      all.insert(all.end(), w->f32(), w->f32() + w->count());
    return all;
  };
  EXPECT_EQ(after(1), after(2));
}

}  // namespace
}  // namespace weir
