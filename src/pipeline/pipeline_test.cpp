#include "pipeline/pipeline.h"

#include <cmath>

#include "base/sha256.h"
#include "pipeline/plan.h"
#include "pipeline/r1_folder.h"
#include "pipeline/run_stages.h"
#include "testing/pipeline_fixture.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

TEST_F(R1Run, LeavesAModelOfEveryStageAndAReport) {
  for (const std::string& stage : stages()) {
    EXPECT_TRUE(load_model(whole() + "/stages/" + stage, false)) << stage;
    EXPECT_TRUE(read_tokenizer(whole() + "/stages/" + stage)) << stage;
    EXPECT_FALSE(file_exists(stage_file(whole(), stage, "checkpoints"))) << stage;
    EXPECT_EQ(file_exists(stage_file(whole(), stage, "scores.json")), stage != "judge") << stage;
    EXPECT_EQ(file_exists(stage_file(whole(), stage, "samples.jsonl")),
              stage == "tuned" || stage == "judge");
  }
  EXPECT_EQ(*sha256_file(whole() + "/model.safetensors"),
            *sha256_file(stage_file(whole(), "last", "model.safetensors")));
  for (const char* file : {"recipe.yaml", "plan.json", "report.html", "config.json",
                           "tokenizer.json", "tokenizer_config.json"})
    EXPECT_TRUE(file_exists(whole() + "/" + file)) << file;
  // What chat and serve read.
  Result<std::vector<RunStage>> listed = list_run_stages(whole());
  ASSERT_TRUE(listed) << listed.error().message;
  ASSERT_EQ(listed->size(), stages().size());
  for (size_t i = 0; i < listed->size(); ++i) {
    const RunStage& stage = (*listed)[i];
    EXPECT_EQ(stage.name, stages()[i]);
    EXPECT_TRUE(stage.is_finished);
    EXPECT_EQ(stage.scores.empty(), stage.name == "judge");
  }
}

TEST_F(R1Run, PolicyStagesAreOnPolicyToTheBit) {
  for (const char* stage : {"zero", "last"}) {
    std::ifstream lines(stage_file(whole(), stage, "metrics.jsonl"));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count)
      EXPECT_EQ(number_at(*parse_json(line), "max_difference"), 0) << line;
    EXPECT_GE(count, 4);
  }
}

TEST_F(R1Run, ThreadsChangeNoBit) {
  ASSERT_EQ(error_of(run("two"), {}, "", 2), "");
  expect_same(run("two"));
}

TEST_F(R1Run, AFinishedRunHasNothingToDo) {
  const std::string before = contents(whole());
  EXPECT_EQ(error_of(whole()), "");
  EXPECT_EQ(contents(whole()), before);
}

// A run that a signal met while its policy's stage was at work; on a busy machine a signal may come
// too late, then another run is begun.
class Interrupted : public R1Run {
 protected:
  std::string interrupt(int signal, int expected) {
    for (int attempt = 0; attempt < 10; ++attempt) {
      const std::string name = run("interrupted" + std::to_string(attempt));
      const std::string first = stage_file(name, "zero", "checkpoints/step-00000002");
      const int status = signal_at(start(name, 1 + attempt % 2), first, signal);
      EXPECT_TRUE(status == expected || status == 0) << status;
      if (status == expected && !file_exists(stage_file(name, "zero", "manifest.json")))
        return name;
    }
    ADD_FAILURE() << "no signal came in time";
    return run("none");
  }
};

TEST_F(Interrupted, KilledRunsEndWithTheBitsOfAnUninterruptedOne) {
  const std::string name = interrupt(SIGKILL, 1000 + SIGKILL);
  const std::pair<const char*, const char*> places[] = {{"zero", "checkpoints/step-00000004"},
                                                        {"tuned", "samples.jsonl"},
                                                        {"judge", "checkpoints"},
                                                        {"last", "checkpoints/step-00000002"},
                                                        {"last", "scores.json"}};
  int threads = 1;
  for (const auto& [stage, file] : places) {
    const int status =
        signal_at(start(name, 1 + threads++ % 2), stage_file(name, stage, file), SIGKILL);
    ASSERT_TRUE(status == 0 || status == 1000 + SIGKILL) << status;
  }
  ASSERT_EQ(error_of(name, {}, "", 2), "");
  expect_same(name);
}

TEST_F(Interrupted, SignalToStopSavesAndTheSameCommandGoesOn) {
  const std::string name = interrupt(SIGTERM, 3);
  // Other settings are refused in the middle of a stage, too.
  const std::string before = contents(name);
  const std::string error = error_of(name, {"stages.zero.lr=0.5"});
  EXPECT_NE(error.find("was begun with other settings"), std::string::npos) << error;
  EXPECT_EQ(contents(name), before);
  ASSERT_EQ(error_of(name, {}, "", 2), "");
  expect_same(name);
}

TEST_F(R1Run, TheFrozenRecipeGivesTheSameBitsInANewFolder) {
  Result<Recipe> frozen = Recipe::read(whole() + "/recipe.yaml");
  ASSERT_TRUE(frozen) << frozen.error().message;
  ASSERT_TRUE(frozen->set("run=" + run("again")));
  Result<R1Recipe> recipe = read_r1_recipe(*frozen);
  ASSERT_TRUE(recipe) << recipe.error().message;
  ThreadPool pool(2);
  testing::internal::CaptureStderr();
  Result<R1Summary> summary = run_r1(*recipe, {}, pool);
  testing::internal::GetCapturedStderr();
  ASSERT_TRUE(summary) << summary.error().message;
  expect_same(run("again"));
}

TEST_F(R1Run, AControlTakesTheStepsThatItsStagesCoreSecondsAllow) {
  const std::string name = run("control");
  const std::vector<std::string> control = {
      "stages.control={kind: sft, parent: cold, equal_cost: zero, tokens: 64, data: {facts: {}}}"};
  ASSERT_EQ(error_of(name, control), "");
  const auto values = [&](const std::string& stage, const char* key) {
    std::ifstream lines(stage_file(name, stage, "metrics.jsonl"));
    std::vector<double> all;
    for (std::string line; std::getline(lines, line);)
      all.push_back(number_at(*parse_json(line), key));
    return all;
  };
  const double zero = values("zero", "core_seconds").back();
  const std::vector<double> cold = values("cold", "core_seconds");
  ASSERT_EQ(cold.size(), 3u);
  const double steps = values("control", "step").back();
  if (cold[2] > cold[0]) {  // at least a thousandth of a second
    EXPECT_EQ(steps, std::max(1.0, std::round(zero / ((cold[2] - cold[0]) / 2))));
  }
  const Plan plan = *parse_plan(*read_json_file(name + "/plan.json"));
  EXPECT_EQ(double(plan.find("control")->steps), steps) << "frozen";
  EXPECT_NE((*read_file(name + "/recipe.yaml")).find("equal_cost"), std::string::npos);
  // Again, from its beginning.
  const std::string bits = result_of(name, "control");
  ASSERT_TRUE(remove_all(name + "/stages/control"));
  ASSERT_EQ(error_of(name, control), "");
  EXPECT_EQ(result_of(name, "control"), bits);
}

TEST_F(R1Run, WhatDecidesTheResultMayNotChange) {
  struct Case {
    std::string set;
    std::vector<std::string> words;
  };
  const Case cases[] = {
      {"stages.zero.lr=0.1", {"stage 'zero'", "other settings", "stages/zero"}},
      {"stages.tuned.samples.temperature=0.5", {"stage 'tuned'", "other settings"}},
      {"seed=9", {"stage 'base'", "other settings"}},
      {"rows=128", {"stage 'base'", "other settings"}},
      {"stages.zero.steps=9", {"plan.json", "'zero'", "6 steps", "9"}},
      {"minutes=5", {"plan.json", "10 minutes", "5"}},
      {"model.hidden_size=64", {"another model"}},
      {"tokenizer.isolate_digits=false", {"another tokenizer"}},
      {"stages.more={kind: sft, parent: last, steps: 1, data: {facts: {}}}",
       {"knows no stage 'more'"}}};
  const std::string before = contents(whole());
  for (const Case& c : cases) {
    const std::string error = error_of(whole(), {c.set});
    for (const std::string& word : c.words)
      EXPECT_NE(error.find(word), std::string::npos) << "'" << error << "' lacks " << word;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    EXPECT_EQ(contents(whole()), before) << c.set;
  }
  for (const char* harmless : {"title=Another", "evaluation.problems=5", "checkpoint_every=1"})
    EXPECT_EQ(error_of(whole(), {harmless}), "") << harmless;
}

TEST_F(R1Run, ChangedDataIsNoticed) {
  const std::string before = contents(whole());
  write_text(data(), said(201));
  const std::string error = error_of(whole());
  write_text(data(), said(200));
  EXPECT_NE(error.find("other settings, data"), std::string::npos) << error;
  EXPECT_EQ(contents(whole()), before);
  EXPECT_EQ(error_of(whole()), "");
}

TEST_F(R1Run, ADamagedModelIsNoticed) {
  const std::string name = copy("damaged");
  const std::string model = stage_file(name, "base", "model.safetensors");
  std::string bytes = *read_file(model);
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(remove_all(model));
  write_text(model, bytes);
  for (const char* stage : {"", "base", "cold"}) {
    const std::string error = error_of(name, {}, stage);
    EXPECT_NE(error.find("stages/base/model.safetensors"), std::string::npos) << error;
    EXPECT_NE(error.find("SHA-256"), std::string::npos) << error;
  }
  ASSERT_TRUE(remove_all(model));
  EXPECT_NE(error_of(name).find("stages/base/model.safetensors"), std::string::npos);
}

TEST_F(R1Run, OneStageAloneNeedsItsParentJudgesAndSources) {
  std::string error = error_of(run("new"), {}, "zero");
  EXPECT_NE(error.find("'cold' is not finished"), std::string::npos) << error;
  EXPECT_EQ(error_of(run("new"), {}, "base"), "");
  for (const std::string& stage : stages())
    EXPECT_EQ(file_exists(stage_file(run("new"), stage, "manifest.json")), stage == "base")
        << stage;
  EXPECT_EQ(result_of(run("new"), "base"), result_of(whole(), "base"));
  EXPECT_EQ(error_of(run("new"), {}, "cold"), "");
  EXPECT_EQ(result_of(run("new"), "cold"), result_of(whole(), "cold"));
  error = error_of(run("new"), {}, "tuned");
  EXPECT_NE(error.find("it needs stage 'zero'"), std::string::npos) << error;
  error = error_of(run("new"), {}, "zeor");
  EXPECT_NE(error.find("did you mean 'zero'?"), std::string::npos) << error;
}

TEST_F(R1Run, AStageNoticesThatItsJudgeWasTrainedAnew) {
  const std::string name = copy("rejudged");
  ASSERT_TRUE(remove_all(name + "/stages/judge"));
  ASSERT_EQ(error_of(name, {"stages.judge.lr=0.01"}, "judge"), "");
  const std::string error = error_of(name, {"stages.judge.lr=0.01"});
  EXPECT_NE(error.find("stage 'last'"), std::string::npos) << error;
  EXPECT_NE(error.find("or models"), std::string::npos) << error;
}

// A kill between sampling and the first checkpoint leaves samples.jsonl; other settings may follow.
TEST_F(R1Run, RepliesAreDrawnAnewForOtherSettings) {
  const std::vector<std::string> warm = {"stages.tuned.samples.temperature=0.7"};
  const std::string clean = copy("clean"), left = copy("left");
  ASSERT_TRUE(remove_all(clean + "/stages/tuned"));
  ASSERT_TRUE(remove_all(left + "/stages/tuned"));
  ASSERT_TRUE(make_directories(left + "/stages/tuned/checkpoints"));
  for (const char* file : {"samples.jsonl", "samples.sha256"})
    write_text(stage_file(left, "tuned", file), *read_file(stage_file(whole(), "tuned", file)));
  ASSERT_EQ(error_of(clean, warm, "tuned"), "");
  ASSERT_EQ(error_of(left, warm, "tuned"), "");
  EXPECT_EQ(result_of(left, "tuned"), result_of(clean, "tuned"));
  EXPECT_NE(result_of(left, "tuned"), result_of(whole(), "tuned"));
}

TEST_F(R1Run, ADamagedLineOfSamplesIsNamed) {
  const std::string name = copy("samples");
  const std::string samples = *read_file(stage_file(name, "tuned", "samples.jsonl"));
  const std::string drawn_with = *read_file(stage_file(name, "tuned", "samples.sha256"));
  ASSERT_TRUE(remove_all(name + "/stages/tuned"));
  ASSERT_TRUE(make_directories(name + "/stages/tuned/checkpoints"));
  write_text(stage_file(name, "tuned", "samples.jsonl"), "{}\n" + samples);
  write_text(stage_file(name, "tuned", "samples.sha256"), drawn_with);
  const std::string error = error_of(name, {}, "tuned");
  EXPECT_NE(error.find("samples.jsonl:1"), std::string::npos) << error;
}

TEST_F(R1Run, AFolderMayBeTheParentWhenItsTokenizerIsTheSame) {
  const std::string one =
      "rows: 64\nreply_estimate: 2\nevaluation: {problems: 2, samples: 1, "
      "reply_tokens: 2}\nstages:\n  a: {kind: sft, steps: 1, tokens: 64, data: "
      "{facts: {}}, parent: ";
  const auto error_with = [&](const std::string& text) {
    Result<R1Recipe> recipe = try_r1_recipe(text);
    EXPECT_TRUE(recipe) << recipe.error().message;
    ThreadPool pool(1);
    testing::internal::CaptureStderr();
    Result<R1Summary> summary = run_r1(*recipe, {}, pool);
    testing::internal::GetCapturedStderr();
    return summary ? "" : summary.error().message;
  };
  EXPECT_EQ(error_with("run: " + run("goes-on") + "\n" + one + whole() + "/stages/zero}\n"), "");
  EXPECT_TRUE(file_exists(run("goes-on") + "/stages/a/manifest.json"));
  const std::string stated =
      error_with("run: " + run("stated") + "\nmodel: demo\n" + one + whole() + "}\n");
  EXPECT_NE(stated.find("'model' is stated"), std::string::npos) << stated;

  // The same size, other merges.
  const std::string_view text[] = {
      "zzzz qqqq zzzz qqqq wwww wwww zqzq zqzq wzwz wzwz wqwq wqwq vvvv vvvv",
      "vvzz vvzz qqvv qqvv wwvv wwvv zzww zzww qqww qqww zzqq zzqq"};
  TokenizerTrainOptions options;
  options.vocab_size = 280;
  options.added_tokens = deepseek_chat_tokens();
  options.bos = options.added_tokens[0].text, options.eos = options.added_tokens[1].text;
  ThreadPool pool(1);
  Result<Tokenizer> other = train_tokenizer(text, options, pool);
  ASSERT_TRUE(other) << other.error().message;
  ASSERT_TRUE(make_directories(run("tokenizer")));
  ASSERT_TRUE(write_tokenizer(*other, run("tokenizer")));
  const std::string error =
      error_with("run: " + run("other") + "\ntokenizer: {path: " + run("tokenizer") + "}\n" + one +
                 whole() + "}\n");
  EXPECT_NE(error.find("another tokenizer"), std::string::npos) << error;
}

TEST_F(R1Run, N16AFailedStartLeavesTheFolderFree) {
  const std::string name = run("retry");
  // No time for a step, so nothing was taken.
  const std::vector<std::string> hopeless = {"stages.base.steps=0", "stages.base.share=1",
                                             "minutes=0.01", "stages.base.tokens=900000"};
  const std::string error = error_of(name, hopeless);
  EXPECT_NE(error.find("leaves no time for a step"), std::string::npos) << error;
  for (const auto& entry : std::filesystem::directory_iterator(name))
    EXPECT_EQ(entry.path().filename(), ".lock");
  // Another model, in the same folder.
  ASSERT_EQ(error_of(name, {"model.hidden_size=64"}, "base"), "");
  EXPECT_NE(error_of(name, {}, "base").find("another model"), std::string::npos);
}

TEST_F(R1Run, N16AStageThatFailsBeforeItLearnsLeavesTheFolderFreeToo) {
  const std::string name = run("retry2");
  const std::string error = error_of(name, {"model.max_position_embeddings=4"}, "base");
  EXPECT_NE(error, "");
  EXPECT_EQ(error_of(name, {}, "base"), "") << "after: " << error;
  EXPECT_EQ(result_of(name, "base"), result_of(whole(), "base"));
}

TEST_F(R1Run, N16AnAloneStageIsRefusedBeforeTheMachineIsMeasured) {
  testing::internal::CaptureStderr();
  R1Recipe recipe = must_r1_recipe(yaml(run("alone")));
  ThreadPool pool(1);
  Result<R1Summary> summary = run_r1(recipe, {"zero"}, pool);
  const std::string said = testing::internal::GetCapturedStderr();
  ASSERT_FALSE(summary);
  EXPECT_NE(summary.error().message.find("'cold' is not finished"), std::string::npos);
  EXPECT_EQ(said.find("measuring"), std::string::npos) << said;
}

TEST_F(R1Run, N16ADamagedConfigurationIsCalledDamaged) {
  const std::string name = copy("config");
  ASSERT_TRUE(remove_all(name + "/config.json"));
  write_text(name + "/config.json", "{");
  const std::string error = error_of(name);
  EXPECT_NE(error.find("config.json is damaged"), std::string::npos) << error;
  EXPECT_EQ(error.find("another model"), std::string::npos) << error;
}

// A base that goes on until it is good enough.
class Rounds : public R1Run {
 protected:
  static std::vector<std::string> until(const std::string& share) {
    return {"stages.base.steps=4", "stages.base.good_enough=" + share, "stages.base.steps_max=9"};
  }
  static int64_t steps_of(const std::string& run) {
    return *(*read_json_file(stage_file(run, "base", "manifest.json"))).int_at("steps");
  }
};

TEST_F(Rounds, N1AStageGoesOnUntilItIsGoodEnoughOrAtItsBound) {
  ASSERT_EQ(error_of(run("never"), until("1"), "base"), "");
  EXPECT_EQ(steps_of(run("never")), 8) << "two rounds of 2 after 4, a third would exceed 9";
  Result<Json> rounds = read_json_file(stage_file(run("never"), "base", "rounds.json"));
  ASSERT_TRUE(rounds);
  ASSERT_EQ(rounds->size(), 3u);
  EXPECT_EQ(*rounds->items()[0].int_at("step"), 4);
  EXPECT_EQ(*rounds->items()[2].int_at("step"), 8);
  ASSERT_EQ(error_of(run("soon"), until("0.0000001"), "base"), "");
  EXPECT_GE(steps_of(run("soon")), 4);
  // The first four steps are those of the longer run.
  std::ifstream a(stage_file(run("never"), "base", "metrics.jsonl")),
      b(stage_file(run("soon"), "base", "metrics.jsonl"));
  for (int i = 0; i < 4; ++i) {
    std::string one, other;
    ASSERT_TRUE(std::getline(a, one) && std::getline(b, other));
    EXPECT_EQ(number_at(*parse_json(one), "loss"), number_at(*parse_json(other), "loss"));
  }
}

TEST_F(Rounds, N1ARunKilledInARoundEndsWithTheSameBits) {
  ASSERT_EQ(error_of(run("whole"), until("1"), "base"), "");
  // Stopped after the last step of the plan and in each round: the checkpoint is what a kill
  // leaves.
  for (const char* last : {"step-00000004", "step-00000006"}) {
    const std::string name = run(std::string("killed-") + last);
    signal_at(start(name, 2, until("1"), "base"),
              stage_file(name, "base", std::string("checkpoints/") + last), SIGKILL);
    ASSERT_EQ(error_of(name, until("1"), "base"), "");
    EXPECT_EQ(result_of(name, "base"), result_of(run("whole"), "base")) << last;
    EXPECT_EQ(steps_of(name), 8);
  }
}

TEST_F(Rounds, N1WhatIsGoodEnoughDecidesTheResult) {
  ASSERT_EQ(error_of(run("first"), until("1"), "base"), "");
  for (const char* change : {"stages.base.good_enough=0.5", "evaluation.problems=3"}) {
    std::vector<std::string> sets = until("1");
    sets.push_back(change);
    EXPECT_NE(error_of(run("first"), sets, "base").find("other settings"), std::string::npos)
        << change;
  }
  std::vector<std::string> sets = until("1");
  sets.push_back("stages.base.about=words change nothing");
  EXPECT_EQ(error_of(run("first"), sets, "base"), "");
}

TEST_F(R1Run, N24AResumedRunSaysTheWholeTime) {
  Result<R1Summary> again = go(whole());
  ASSERT_TRUE(again) << again.error().message;
  double seconds = 0;
  for (const std::string& stage : stages()) {
    const Json manifest = *read_json_file(stage_file(whole(), stage, "manifest.json"));
    for (const char* part : {"seconds", "sampling_seconds", "evaluation_seconds"})
      seconds += number_at(manifest, part);
    EXPECT_GT(number_at(manifest, "core_seconds"), 0);
  }
  EXPECT_GE(again->seconds_in_all, seconds * 0.999);
  EXPECT_TRUE(again->has_report);
  EXPECT_NE(again->conclusion, "");
}

// The seconds before a kill are those of its last checkpoint.
TEST_F(R1Run, AResumedStageCountsTheSamplingOfTheProcessBefore) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    const std::string name = copy("killed" + std::to_string(attempt));
    ASSERT_TRUE(remove_all(name + "/stages/tuned"));
    const std::string checkpoint = stage_file(name, "tuned", "checkpoints/step-00000002");
    signal_at(start(name, 1, {}, "tuned"), checkpoint, SIGKILL);
    if (!is_directory(checkpoint)) continue;  // the stage was faster
    const Json state = *read_json_file(checkpoint + "/state.json");
    const double before = number_at(*state.find("cursor"), "sampling_seconds");
    EXPECT_GT(before, 0);
    ASSERT_EQ(error_of(name, {}, "tuned"), "");
    EXPECT_DOUBLE_EQ(
        number_at(*read_json_file(stage_file(name, "tuned", "manifest.json")), "sampling_seconds"),
        before);
    return;
  }
  ADD_FAILURE() << "no kill came in time";
}

TEST_F(Rounds, ACheckpointKeepsTheSecondsOfEvaluations) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    const std::string name = run("killed" + std::to_string(attempt));
    const std::string checkpoint = stage_file(name, "base", "checkpoints/step-00000006");
    signal_at(start(name, 1, until("1"), "base"), checkpoint, SIGKILL);
    if (!is_directory(checkpoint)) continue;
    const double before = number_at(*read_json_file(checkpoint + "/state.json")->find("cursor"),
                                    "evaluation_seconds");
    EXPECT_GT(before, 0);
    ASSERT_EQ(error_of(name, until("1"), "base"), "");
    EXPECT_GT(
        number_at(*read_json_file(stage_file(name, "base", "manifest.json")), "evaluation_seconds"),
        before);
    return;
  }
  ADD_FAILURE() << "no kill came in time";
}

TEST_F(R1Run, OneFolderOneRun) {
  Result<R1Folder> held = R1Folder::open(run("held"));
  ASSERT_TRUE(held);
  EXPECT_NE(error_of(run("held")).find("another weir"), std::string::npos);
  write_text(run("file"), "text");
  EXPECT_NE(error_of(run("file")).find("is a file"), std::string::npos);
  ASSERT_TRUE(make_directories(run("taken")));
  write_text(run("taken") + "/notes.txt", "mine");
  const std::string error = error_of(run("taken"));
  EXPECT_NE(error.find("notes.txt"), std::string::npos) << error;
}

TEST_F(R1Run, WithoutGoodRepliesTheStageSaysSo) {
  const std::string name = copy("strict");
  ASSERT_TRUE(remove_all(name + "/stages/tuned"));
  // No reply is longer than one token, so none ends.
  const std::string error = error_of(name, {"stages.tuned.samples.reply_tokens=1"}, "tuned");
  EXPECT_NE(error.find("none of the replies of 'zero' is good enough"), std::string::npos) << error;
  EXPECT_FALSE(file_exists(stage_file(name, "tuned", "manifest.json")));
}

}  // namespace
}  // namespace weir
