#include "pipeline/run_stages.h"

#include <gtest/gtest.h>

#include "base/atomic_output.h"
#include "base/file.h"
#include "testing/training_fixture.h"

namespace weir {
namespace {

void write(const std::string& path, const std::string& text) {
  Result<void> written = write_file_atomic(path, text);
  ASSERT_TRUE(written) << written.error().message;
}

// base and zero are finished, judge is a reward model, final is not finished, extra is nobody's.
class RunStages : public testing::Test {
 protected:
  void SetUp() override {
    write(run_.file("recipe.yaml"),
          "stages:\n  base: {kind: pretrain}\n  zero: {kind: grpo}\n  judge: {kind: reward}\n"
          "  final: {kind: grpo}\n  ../out: {kind: sft}\n");
    add("zero", "grpo");
    add("base", "pretrain");
    add("judge", "reward");
    add("extra", "sft");
    FamilyScore sums{.family = "sums", .problems = 4, .right = 3, .wrong = 1};
    FamilyScore facts{.family = "facts", .problems = 4, .wrong = 4};
    Json json = Json::object();
    json.set("scores", scores_json({sums, facts}));
    write(folder("zero") + "/scores.json", json.dump());
    ASSERT_TRUE(make_directories(folder("final")));
  }
  std::string folder(const std::string& stage) { return run_.file("stages/" + stage); }
  void add(const std::string& stage, const std::string& kind) {
    ASSERT_TRUE(make_directories(folder(stage)));
    write(folder(stage) + "/manifest.json", "{\"kind\": \"" + kind + "\"}");
  }
  std::vector<RunStage> list() {
    Result<std::vector<RunStage>> stages = list_run_stages(run_.path());
    EXPECT_TRUE(stages) << stages.error().message;
    return stages ? *stages : std::vector<RunStage>();
  }
  std::string refusal(const std::string& name) {
    const std::vector<RunStage> stages = list();
    Result<const RunStage*> chosen = choose_stage(stages, name);
    EXPECT_FALSE(chosen) << name;
    return chosen ? "" : chosen.error().message;
  }
  TemporaryFolder run_;
};

TEST_F(RunStages, ComeInTheRecipesOrderWithKindStateAndScore) {
  const std::vector<RunStage> stages = list();
  std::string text;
  for (const RunStage& s : stages)
    text += s.name + " " + s.kind + (s.is_finished ? " +" : " -") + headline_score(s.scores) + "\n";
  EXPECT_EQ(text,
            "base pretrain +\nzero grpo +reasoning 75 %\njudge reward +\nfinal grpo -\n"
            "extra sft +\n");
  EXPECT_EQ(stages[1].folder, folder("zero"));
}

TEST_F(RunStages, TheLastOneThatTalksIsChosenUnlessNamed) {
  const std::vector<RunStage> stages = list();
  EXPECT_EQ((*choose_stage(stages, ""))->name, "extra");
  EXPECT_EQ((*choose_stage(stages, "base"))->name, "base");
}

TEST_F(RunStages, RefusalsSayWhyAndWhatElseThereIs) {
  EXPECT_NE(refusal("final").find("not finished"), std::string::npos);
  EXPECT_NE(refusal("judge").find("reward model"), std::string::npos);
  EXPECT_NE(refusal("zeor").find("did you mean 'zero'?"), std::string::npos);
  EXPECT_NE(refusal("something").find("base, zero, extra"), std::string::npos);
  EXPECT_FALSE(choose_stage({}, ""));
}

TEST_F(RunStages, DamagedFilesAndOtherFoldersAreNamed) {
  write(folder("zero") + "/scores.json", "{\"scores\": [{}]}");
  Result<std::vector<RunStage>> stages = list_run_stages(run_.path());
  ASSERT_FALSE(stages);
  EXPECT_NE(stages.error().message.find("zero/scores.json"), std::string::npos)
      << stages.error().message;
  Result<std::vector<RunStage>> none = list_run_stages(folder("base"));
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("no folder 'stages'"), std::string::npos);
}

}  // namespace
}  // namespace weir
