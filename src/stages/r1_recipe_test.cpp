#include "stages/r1_recipe.h"

#include <algorithm>
#include <functional>

#include "base/file.h"
#include "testing/r1_fixture.h"

namespace weir {
namespace {

constexpr char kGood[] = R"(run: somewhere
seed: 7
minutes: 2.5
model: demo
evaluation:
  problems: 8
  sets:
    sums: {terms: 4}
    far: {kind: sums, terms: 9, trained: false}
stages:
  base:
    kind: pretrain
    share: 2
    data: {sums: {terms: [2, 4]}}
  zero:
    kind: grpo
    parent: base
    share: 3
    loss: dr_grpo
    advantage_scale: batch
    rewards: {accuracy: 1, language: {weight: 0.5, from: 0.25, cap: 2, families: [sums]}}
    data: {sums: {terms: [2, 4]}}
  tuned:
    kind: sft
    parent: base
    steps: 5
    samples: {from: zero, keep: 1}
  judge:
    kind: reward
    parent: tuned
    judges: safety
    steps: 5
    data: {safety: {}}
  last:
    kind: grpo
    parent: tuned
    steps: 5
    rewards:
      safety: {weight: 1, model: judge}
    data: {safety: {}}
)";

TEST(R1Recipe, ReadsStagesInOrder) {
  const R1Recipe recipe = must_r1_recipe(kGood);
  ASSERT_EQ(recipe.stages.size(), 5u);
  std::string kinds;
  for (const StageRecipe& stage : recipe.stages)
    kinds += stage.name + ":" + stage_kind_name(stage.kind) + "<" + stage.parent + " ";
  EXPECT_EQ(kinds,
            "base:pretrain< zero:grpo<base tuned:sft<base judge:reward<tuned last:grpo<tuned ");
  EXPECT_TRUE(recipe.find("base")->tuning.all_tokens);
  EXPECT_FALSE(recipe.find("tuned")->tuning.all_tokens);
  EXPECT_TRUE(recipe.find("tuned")->data.empty());
  const GrpoRecipe& zero = recipe.find("zero")->grpo;
  EXPECT_EQ(zero.loss, LossForm::dr_grpo);
  EXPECT_EQ(zero.scale, AdvantageScale::batch);
  EXPECT_EQ(zero.rewards.at("accuracy").weight, 1);
  EXPECT_EQ(zero.rewards.at("language").from, 0.25);
  EXPECT_EQ(zero.rewards.at("language").families, std::vector<std::string>{"sums"});
  EXPECT_EQ(recipe.find("last")->grpo.rewards.at("safety").model, "judge");
  EXPECT_EQ(recipe.find("nobody"), nullptr);
  ASSERT_EQ(recipe.evaluation.sets.size(), 2u);
  EXPECT_FALSE(recipe.evaluation.sets[1].is_trained);
  EXPECT_EQ(recipe.minutes, 2.5);
}

TEST(R1Recipe, WithoutRewardsAccuracyCounts) {
  const R1Recipe recipe =
      must_r1_recipe("run: r\nstages: {a: {kind: grpo, steps: 1, data: {sums: {}}}}");
  EXPECT_EQ(recipe.stages[0].grpo.rewards.at("accuracy").weight, 1);
  EXPECT_EQ(recipe.stages[0].grpo.rewards.size(), 1u);
}

TEST(R1Recipe, FoldersMayBeParents) {
  const R1Recipe recipe = must_r1_recipe(
      "run: r\nstages: {a: {kind: sft, parent: models/seven, steps: 1, data: {sums: {}}}}");
  EXPECT_TRUE(recipe.stages[0].has_folder_parent());
  EXPECT_EQ(recipe.base, "models/seven");
  EXPECT_EQ(must_r1_recipe(kGood).base, "");
}

TEST(R1Recipe, N19ARecipeOfWeirTrainIsRecognised) {
  const std::string error = try_r1_recipe("run: r\nsteps: 5\ndata: {paths: [a]}\n").error().message;
  EXPECT_EQ(error,
            "r.yaml: this is a recipe of weir train: it has 'data' and no 'stages'; use weir train "
            "r.yaml");
}

TEST(R1Recipe, N19AMistypedStageOfSetIsNoNewStage) {
  struct Case {
    std::vector<std::string> sets;
    std::string expected;
  };
  const Case cases[] = {
      {{"stages.bse.lr=3"},
       "--set stages.bse.lr: 'stages' has no 'bse'; did you mean 'base'? To add one, set it as a "
       "whole: --set 'stages.bse={...}'"},
      {{"stages.bse.lr=3", "stages.bse.steps=3"}, "did you mean 'base'?"},
      {{"stages.base.data.summs.terms=3"},
       "'stages.base.data' has no 'summs'; did you mean 'sums'?"},
      {{"evaluation.sets.farr.terms=3"}, "'evaluation.sets' has no 'farr'; did you mean 'far'?"},
      {{"stages.base.lr=0.5"}, ""},
      {{"stages.base.data.sums.terms=3"}, ""},
      {{"stages.tuned.samples.problems=3"}, ""},
      {{"stages.base.data.facts={}"}, ""},
      {{"stages.more={kind: sft, parent: last, steps: 1, data: {facts: {}}}", "stages.more.lr=0.5"},
       ""}};
  for (const Case& c : cases) {
    Result<R1Recipe> recipe = try_r1_recipe(kGood, c.sets);
    const std::string error = recipe ? "" : recipe.error().message;
    EXPECT_EQ(error.empty(), c.expected.empty()) << c.sets[0] << ": " << error;
    EXPECT_NE(error.find(c.expected), std::string::npos) << c.sets[0] << ": " << error;
  }
  // What an alias repeats comes from the file, too.
  const std::string aliased =
      "run: r\nstages:\n  a: {kind: sft, steps: 1, data: &one {sums: {terms: 3}}}\n"
      "  b: {kind: sft, parent: a, steps: 1, data: *one}\n";
  Result<R1Recipe> recipe = try_r1_recipe(aliased, {"stages.b.data.sums.terms=4"});
  EXPECT_TRUE(recipe) << recipe.error().message;
}

// Puts the sources of problems back, which r1_recipe_json() leaves out.
void add_problems(const Json& from, Json& to) {
  for (const auto& [key, value] : from.members()) {
    Json* inner = nullptr;
    for (Json::Member& member : to.members())
      if (member.first == key) inner = &member.second;
    if (!inner)
      to.set(key, value);
    else if (value.is_object())
      add_problems(value, *inner);
  }
}

TEST(R1Recipe, ReadsWhatItWrites) {
  const R1Recipe recipe =
      must_r1_recipe(kGood, {"thinking=true", "stages.zero.temperature=0.5",
                             "stages.base.optimizer=muon", "stages.tuned.samples.keep=3"});
  Json written = r1_recipe_json(recipe);
  const Json kept = written;
  EXPECT_EQ(written.find("stages")->find("zero")->find("loss")->text(), "dr_grpo");
  EXPECT_EQ(written.find("stages")->find("base")->find("optimizer")->text(), "muon");
  EXPECT_EQ(written.find("stages")->find("judge")->find("judges")->text(), "safety");
  EXPECT_EQ(*written.find("tokenizer")->find("vocab_size")->as_int(), 512);
  add_problems(recipe.json, written);
  // Of the two lengths of a stage one is 0, which reads as absent.
  const R1Recipe again = must_r1_recipe(recipe_yaml(written));
  EXPECT_EQ(r1_recipe_json(again).dump(), kept.dump());
}

TEST(R1Recipe, TheDocumentationNamesEveryKey) {
  const std::string document = *read_file(std::string(WEIR_SOURCE_DIR) + "/docs/r1.md");
  std::vector<std::string> missing;
  const std::function<void(const Json&, bool)> look = [&](const Json& section, bool names_chosen) {
    for (const auto& [key, value] : section.members()) {
      if (!names_chosen && document.find("`" + key + "`") == std::string::npos &&
          document.find("`" + key + ": ") == std::string::npos)
        missing.push_back(key);
      if (value.is_object()) look(value, key == "stages" || key == "sets");
    }
  };
  look(r1_recipe_json(must_r1_recipe(kGood, {"thinking=true"})), false);
  EXPECT_EQ(missing, std::vector<std::string>());
}

// One line of kGood replaced; the error names that line.
struct Wrong {
  std::string line, instead;
  std::vector<std::string> words;
};

std::string error_with(const std::string& line, const std::string& instead, int& number) {
  std::string text = kGood;
  const size_t at = text.find(line);
  EXPECT_NE(at, std::string::npos) << line;
  number = 1 + int(std::count(text.begin(), text.begin() + ptrdiff_t(at), '\n'));
  text.replace(at, line.size(), instead);
  Result<R1Recipe> recipe = try_r1_recipe(text);
  return recipe ? "" : recipe.error().message;
}

TEST(R1Recipe, ErrorsNameFileLineAndKey) {
  const Wrong cases[] = {
      {"seed: 7", "sede: 7", {"'sede'", "did you mean 'seed'?"}},
      {"seed: 7", "seed: -1", {"'seed'", "at least 0"}},
      {"minutes: 2.5", "minutes: soon", {"'minutes'", "must be a number", "'soon'"}},
      {"minutes: 2.5", "rows: 8", {"'rows'", "16"}},
      {"  problems: 8", "  problem: 8", {"'evaluation.problem'", "'problems'"}},
      {"    sums: {terms: 4}", "    sums: {term: 4}", {"'evaluation.sets.sums.term'", "'terms'"}},
      {"    sums: {terms: 4}", "    summs: {terms: 4}", {"'evaluation.sets.summs", "sums"}},
      {"    kind: pretrain", "    kind: pretraining", {"'stages.base.kind'", "pretrain, sft"}},
      {"    kind: pretrain", "    kind: pretrain\n    parent: zero", {}},
      {"  base:", "  base.1:", {"base.1", "no name for a stage"}},
      {"    loss: dr_grpo", "    loss: grpo", {"'stages.zero.loss'", "token, sequence, dr_grpo"}},
      {"    loss: dr_grpo", "    group: 1", {"'stages.zero.group'", "between 2"}},
      {"    loss: dr_grpo", "    rollouts: fast", {"'stages.zero.rollouts'", "exact, rounded"}},
      {"    loss: dr_grpo", "    speculate: on", {"'stages.zero.speculate'", "off, auto, always"}},
      {"    loss: dr_grpo", "    learn_from: 9", {"'stages.zero.learn_from'", "[2, 8]"}},
      {"    loss: dr_grpo", "    tokens: 64", {"'stages.zero.tokens'", "no known key"}},
      {"    advantage_scale: batch",
       "    advantage_scale: groups",
       {"'stages.zero.advantage_scale'"}},
      {"    rewards: {accuracy: 1, language",
       "    rewards: {acuracy: 1, language",
       {"'stages.zero.rewards.acuracy'", "is no part of the reward", "helpful"}},
      {"    rewards: {accuracy: 1, language",
       "    rewards: {helpful: 1, language",
       {"'stages.zero.rewards.helpful'", "'model'"}},
      {"    rewards: {accuracy: 1, language: {weight: 0.5",
       "    rewards: {accuracy: 1, language: {wait: 0.5",
       {"'stages.zero.rewards.language.wait'", "'weight'"}},
      {"    samples: {from: zero, keep: 1}",
       "    samples: {from: reasoning}",
       {"'stages.tuned.samples.from'", "'reasoning'", "base, zero"}},
      {"    samples: {from: zero, keep: 1}",
       "    samples: {from: zer0}",
       {"'stages.tuned.samples.from'", "did you mean 'zero'?"}},
      {"    samples: {from: zero, keep: 1}",
       "    samples: {from: last}",
       {"'stages.tuned.samples.from'", "no stage before this one"}},
      {"    samples: {from: zero, keep: 1}",
       "    samples: {from: zero, kep: 1}",
       {"'stages.tuned.samples.kep'", "'keep'"}},
      {"    judges: safety", "    judges: tone", {"'stages.judge.judges'", "helpful, safety"}},
      {"      safety: {weight: 1, model: judge}",
       "      safety: {weight: 1, model: judgee}",
       {"'stages.last.rewards.safety.model'", "did you mean 'judge'?"}},
      {"      safety: {weight: 1, model: judge}",
       "      safety: {weight: 1, model: zero}",
       {"'stages.last.rewards.safety.model'", "of kind grpo, not reward"}},
      {"      safety: {weight: 1, model: judge}",
       "      guard: {weight: 1, policy: compny}",
       {"'stages.last.rewards.guard.policy'", "there are minimal, company"}},
      {"      safety: {weight: 1, model: judge}",
       "      safety: {weight: 1, model: judge, policy: company}",
       {"'stages.last.rewards.safety.policy'", "'guard' alone"}},
      {"      safety: {weight: 1, model: judge}",
       "      safety: 1",
       {"'stages.last.rewards.safety'", "'model'"}},
  };
  for (const Wrong& wrong : cases) {
    int number = 0;
    const std::string error = error_with(wrong.line, wrong.instead, number);
    ASSERT_NE(error, "") << wrong.instead;
    if (wrong.words.empty()) ++number;  // on the line that was added
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    EXPECT_TRUE(error.starts_with("r.yaml:" + std::to_string(number) + ":"))
        << "line " << number << ": " << error;
    for (const std::string& word : wrong.words)
      EXPECT_NE(error.find(word), std::string::npos) << "'" << error << "' lacks " << word;
  }
}

// What is missing has the line of the section it is missing from, if there is one.
TEST(R1Recipe, MissingKeysAreNamed) {
  const Wrong cases[] = {
      {"run: somewhere\n", "", {"'run'", "is missing"}},
      {"    share: 2\n", "", {"'stages.base.steps'", "'share'"}},
      {"    share: 2\n", "    share: 2\n    steps: 2\n", {"'stages.base.steps'", "exactly one"}},
      {"    data: {sums: {terms: [2, 4]}}\n", "", {"'stages.base.data'", "is missing"}},
      {"    data: {safety: {}}\n", "", {"'stages.judge.data'", "is missing"}},
      {"    samples: {from: zero, keep: 1}\n", "", {"'stages.tuned.data'", "is missing"}},
      {"    samples: {from: zero, keep: 1}\n",
       "    samples: {keep: 1}\n",
       {"'stages.tuned.samples.from'", "is missing"}},
      {"    parent: base\n", "", {"'stages.zero'", "needs 'parent'"}},
  };
  for (const Wrong& wrong : cases) {
    int number = 0;
    const std::string error = error_with(wrong.line, wrong.instead, number);
    ASSERT_NE(error, "") << wrong.line;
    EXPECT_TRUE(error.starts_with("r.yaml:")) << error;
    EXPECT_EQ(error.starts_with("r.yaml: "), wrong.words[0] == "'run'") << error;
    for (const std::string& word : wrong.words)
      EXPECT_NE(error.find(word), std::string::npos) << "'" << error << "' lacks " << word;
  }
  EXPECT_FALSE(try_r1_recipe("run: r"));
  EXPECT_FALSE(try_r1_recipe("run: r\nstages: {}"));
  EXPECT_FALSE(try_r1_recipe("run: r\nstages: {a: 3}"));
  EXPECT_FALSE(try_r1_recipe("run: r\nstages: [a]"));
}

TEST(R1Recipe, RewardModelsGiveNoRepliesAndNoPolicies) {
  const std::string two =
      "run: r\nstages:\n  a: {kind: pretrain, steps: 1, data: {safety: {}}}\n"
      "  judge: {kind: reward, parent: a, steps: 1, data: {safety: {}}}\n";
  for (const char* third : {"  b: {kind: sft, parent: judge, steps: 1, data: {safety: {}}}\n",
                            "  b: {kind: sft, parent: a, steps: 1, samples: {from: judge}}\n"}) {
    Result<R1Recipe> recipe = try_r1_recipe(two + third);
    ASSERT_FALSE(recipe) << third;
    EXPECT_NE(recipe.error().message.find("r.yaml:5"), std::string::npos) << recipe.error().message;
    EXPECT_NE(recipe.error().message.find("'judge', a reward model"), std::string::npos);
  }
  EXPECT_TRUE(
      try_r1_recipe(two + "  c: {kind: reward, parent: judge, steps: 1, data: {safety: {}}}\n"));
}

}  // namespace
}  // namespace weir
