#include "stages/evaluate.h"

#include "base/atomic_output.h"
#include "testing/r1_fixture.h"
#include "testing/training_fixture.h"

namespace weir {
namespace {

constexpr char kStages[] = "  rl: {kind: grpo, steps: 1, reply_tokens: 4, data: {facts: {}}}\n";
const std::vector<std::string> kSettings = {
    "evaluation={problems: 12, samples: 3, reply_tokens: 2, temperature: 1, top_p: 1, sets: {one: "
    "{kind: facts}, two: {kind: chat, trained: false}}}"};

// Held-out letters of two difficulties; "b" is right for the harder.
std::unique_ptr<ProblemSet> two_difficulties(int64_t held_out = -1) {
  return std::make_unique<MadeProblems>(
      [](uint64_t index, Split) {
        Problem problem = made_problem("say", "a", index % 2 ? "b" : "a");
        problem.difficulty = int(index % 2);
        return problem;
      },
      -1, held_out);
}

struct Evaluated {
  TinyStages t;
  std::unique_ptr<Model> model;
  explicit Evaluated(int threads = 1) : t(kStages, kSettings, threads) {
    model = t.fresh_model();
    set_weights(*model, letter_weights());
    t.recipe.evaluation.sets[0].set = two_difficulties();
    t.recipe.evaluation.sets[1].set = two_difficulties(5);
  }
  StageEvaluation run() {
    Result<std::optional<StageEvaluation>> evaluation = evaluate_stage(t.context, *model);
    EXPECT_TRUE(evaluation) << evaluation.error().message;
    return evaluation && *evaluation ? **evaluation : StageEvaluation();
  }
};

TEST(Evaluate, CountsEveryReplyOnceByDifficulty) {
  const StageEvaluation evaluation = Evaluated().run();
  ASSERT_EQ(evaluation.scores.size(), 4u);
  const int64_t problems[] = {6, 6, 3, 2};
  for (size_t i = 0; i < 4; ++i) {
    const FamilyScore& score = evaluation.scores[i];
    EXPECT_EQ(score.family, "made");
    EXPECT_EQ(score.difficulty, int(i % 2));
    EXPECT_EQ(score.is_trained, i < 2);
    EXPECT_EQ(score.problems, problems[i]);
    EXPECT_EQ(score.replies(), 3 * problems[i]);
    EXPECT_LE(score.accuracy(), score.pass_at_k);
    EXPECT_LE(score.pass_at_k, 3 * score.accuracy() + 1e-12);
    EXPECT_LE(score.well_formed, score.replies());
  }
  const FamilyScore all = total_score(evaluation.scores, "");
  EXPECT_GT(all.right, 0);
  EXPECT_GT(all.wrong, 0);
  EXPECT_GT(all.truncated, 0) << "some replies have two letters and no room for the end";
  ASSERT_EQ(evaluation.samples.size(), 1u) << "the first reply of each family";
  EXPECT_EQ(evaluation.samples[0].question, "say");
}

TEST(Evaluate, AsksEachCanonicalFormOnceAndSaysWhenThereAreTooFew) {
  Evaluated few;
  few.t.recipe.evaluation.sets[0].set = std::make_unique<MadeProblems>([](uint64_t index, Split) {
    Problem problem = made_problem("say", "a", index % 2 ? "b" : "a");
    problem.canonical = "form " + std::to_string(index % 7);
    problem.chance = 0.25;
    return problem;
  });
  const Result<void> checked = check_evaluation(few.t.context);
  ASSERT_FALSE(checked);
  for (const char* part :
       {"'evaluation.sets.one'", "only 7 different", "12 are asked", "'problems' to 7 or less"})
    EXPECT_NE(checked.error().message.find(part), std::string::npos) << checked.error().message;
  few.t.recipe.evaluation.sets[0].problems = 7;
  EXPECT_TRUE(check_evaluation(few.t.context));
  const StageEvaluation evaluation = few.run();
  EXPECT_EQ(evaluation.scores[0].problems, 7);
  EXPECT_EQ(evaluation.scores[0].chance, 0.25);
  EXPECT_LT(evaluation.scores[1].chance, 0);
  const auto again = parse_scores(scores_json(evaluation.scores));
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)[0].chance, 0.25);
  EXPECT_LT((*again)[1].chance, 0);
}

TEST(Evaluate, PassAtOneIsTheShareOfRightReplies) {
  Evaluated evaluated;
  evaluated.t.recipe.evaluation.pass_at = 1;
  for (const FamilyScore& score : evaluated.run().scores) {
    EXPECT_EQ(score.k, 1);
    EXPECT_NEAR(score.pass_at_k, score.accuracy(), 1e-12);
  }
}

// A model without weights finds all tokens alike.
TEST(Evaluate, PerplexityOfATextUnderAUniformModelIsTheSizeOfTheVocabulary) {
  TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 300; ++i) text += "It rains on the river, day " + std::to_string(i) + ". ";
  ASSERT_TRUE(write_file_atomic(folder.file("text.txt"), text));
  Evaluated evaluated;
  evaluated.t.recipe.evaluation.texts = {{"river", folder.file("text.txt")}};
  std::unique_ptr<Model> blank = Model::create(evaluated.t.config, true);
  ThreadPool pool(1);
  blank->pack(pool);
  evaluated.model = std::move(blank);
  const StageEvaluation evaluation = evaluated.run();
  ASSERT_EQ(evaluation.texts.size(), 1u);
  EXPECT_EQ(evaluation.texts[0].name, "river");
  EXPECT_GT(evaluation.texts[0].tokens, 1000);
  EXPECT_NEAR(evaluation.texts[0].perplexity, evaluated.t.config.vocab_size, 0.01);
  // Bytes that are no text end it.
  ASSERT_TRUE(write_file_atomic(folder.file("text.txt"), text + "\xff" + text));
  EXPECT_EQ(evaluated.run().texts[0].tokens, evaluation.texts[0].tokens);
  ASSERT_TRUE(write_file_atomic(folder.file("text.txt"), "too short"));
  EXPECT_FALSE(evaluate_stage(evaluated.t.context, *evaluated.model));
}

TEST(Evaluate, IsTheSameAtAnyNumberOfThreadsAndEveryTime) {
  const std::string once = scores_json(Evaluated().run().scores).dump();
  EXPECT_EQ(scores_json(Evaluated(2).run().scores).dump(), once);
  Evaluated twice;
  twice.run();
  EXPECT_EQ(scores_json(twice.run().scores).dump(), once);
}

// Problems of the training split have another gold and write down that they were made.
std::unique_ptr<ProblemSet> both_splits(int& train, int& held_out) {
  return std::make_unique<MadeProblems>([&](uint64_t, Split split) {
    ++(split == Split::train ? train : held_out);
    return made_problem(split == Split::train ? "trained" : "say", "a", "a");
  });
}

TEST(Evaluate, F23DrawsTheHeldOutSplitOnly) {
  Evaluated evaluated;
  int train = 0, held_out = 0;
  evaluated.t.recipe.evaluation.sets[0].set = both_splits(train, held_out);
  const StageEvaluation evaluation = evaluated.run();
  EXPECT_EQ(train, 0);
  EXPECT_EQ(held_out, 12);
  ASSERT_FALSE(evaluation.samples.empty());
  EXPECT_EQ(evaluation.samples[0].question, "say");

  evaluated.t.give(both_splits(train, held_out));
  Result<double> found =
      held_out_accuracy(evaluated.t.context, evaluated.t.stage(), *evaluated.model, 10);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(train, 0) << "the accuracy shown while a stage learns is of held-out problems, too";
  EXPECT_EQ(held_out, 22);
}

TEST(Evaluate, SetsWithoutHeldOutProblemsAreNamed) {
  Evaluated evaluated;
  EXPECT_TRUE(check_evaluation(evaluated.t.context));
  evaluated.t.recipe.evaluation.sets[1].set = two_difficulties(0);
  Result<void> checked = check_evaluation(evaluated.t.context);
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().message.find("'evaluation.sets.two'"), std::string::npos)
      << checked.error().message;
  EXPECT_FALSE(evaluate_stage(evaluated.t.context, *evaluated.model));
}

TEST(HeldOutAccuracy, IsThatOfRepliesDrawnAsInTheEvaluation) {
  Evaluated evaluated;
  TinyStages& t = evaluated.t;
  t.recipe.evaluation.temperature = 0;
  const auto accuracy = [&](std::unique_ptr<ProblemSet> set) {
    t.give(std::move(set));
    Result<double> found = held_out_accuracy(t.context, t.stage(), *evaluated.model, 10);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : -2;
  };
  // One question, so one greedy reply to all: one of the three letters is right.
  const double sum = accuracy(letters("a")) + accuracy(letters("b")) + accuracy(letters("ab"));
  EXPECT_EQ(sum, 1);
  t.recipe.evaluation.temperature = 1;
  const double mixed = accuracy(letters("a"));
  EXPECT_TRUE(mixed > 0 && mixed < 1) << mixed;
  EXPECT_LT(accuracy(letters("")), 0) << "nothing to judge";
  EXPECT_LT(accuracy(two_difficulties(0)), 0) << "nothing held out";
}

}  // namespace
}  // namespace weir
