// Runs whose stages learn an adapter of a base that stays as it is stored.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/adapter_folder.h"
#include "adapter/lora.h"
#include "adapter/peft.h"
#include "pipeline/parent.h"
#include "testing/r1_parent_fixture.h"

namespace weir {
namespace {

class AdapterRun : public R1Parent {
 protected:
  void SetUp() override { write_parent(path("base"), "llama"); }

  // As R1Parent's, but whatever a random model ends in time is right, so that rewards differ.
  std::string rows() {
    std::string text;
    for (int i = 0; i < 60; ++i)
      text += "{\"question\": \"say " + std::to_string(i) + "\", \"answer\": \"" +
              (i % 3 ? "a" : "b") + "\", \"gold\": \"[a-m]\", \"verifier\": \"regex\"}\n";
    write_text(path("letters.jsonl"), text);
    return path("letters.jsonl");
  }

  std::string yaml(const std::string& parent, const std::string& run) {
    const std::string said = "{said: {kind: file, path: " + rows() + ", held_out: 0.2}}";
    return "run: " + run + "\nrows: 64\nreply_estimate: 2\ncheckpoint_every: 3\n" +
           "adapter: {rank: 4, alpha: 8}\nevaluation: {problems: 4, samples: 1, reply_tokens: 4, " +
           "sets: " + said + "}\nstages:\n  tuned: {kind: sft, parent: " + parent +
           ", steps: 30, tokens: 128, lr: 0.02, warmup_steps: 0, weight_decay: 0, data: " + said +
           "}\n  zero: {kind: grpo, parent: tuned, steps: 2, prompts: 6, group: 8, reply_tokens: " +
           "24, lr: 0.002, weight_decay: 0, data: " + said + "}\n";
  }
  static double loss_at(const std::string& run, const std::string& stage, bool last) {
    const std::string text = *read_file(stage_file(run, stage, "metrics.jsonl"));
    const size_t end = last ? text.size() - 1 : text.find('\n');
    const size_t begin = last ? text.rfind('\n', end - 1) + 1 : 0;
    return *parse_json(text.substr(begin, end - begin))->double_at("loss");
  }
};

TEST_F(AdapterRun, LearnsOverAQuantizedBaseAndLeavesItAsItWas) {
  write_gguf(path("base"), path("base.gguf"), "f16");
  for (const char* base : {"base", "base.gguf"}) {
    SCOPED_TRACE(base);
    const std::string run = path(std::string("run-") + base);
    const std::string before = *weights_sha256(path(base));
    const Result<R1Summary> done = go(yaml(path(base), run));
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(*weights_sha256(path(base)), before);
    // The head stays as it is, random: a rank of 4 below it takes a quarter of the loss away.
    EXPECT_LT(loss_at(run, "tuned", true), 0.8 * loss_at(run, "tuned", false));
    // The run's folder is the last stage's adapter, for PEFT, with the way to its base.
    EXPECT_TRUE(is_adapter_folder(run));
    EXPECT_EQ(*base_of_adapter(run), path(base));
    EXPECT_EQ(*sha256_file(join_path(run, kPeftWeights)),
              *sha256_file(stage_file(run, "zero", kPeftWeights)));
    EXPECT_NE(*sha256_file(stage_file(run, "zero", kPeftWeights)),
              *sha256_file(stage_file(run, "tuned", kPeftWeights)));
    EXPECT_FALSE(file_exists(join_path(run, "model.safetensors")));
    auto model = load_model(run, false);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ((*model)->default_adapter, 0);
    const LoraAdapter adapter = (*model)->adapter(0);
    EXPECT_EQ(adapter.modules[0].rank, 4);
    EXPECT_EQ(adapter.modules[0].scale, 2);
  }
}

TEST_F(AdapterRun, ThatWasStoppedEndsWithTheSameBits) {
  write_gguf(path("base"), path("base.gguf"), "f16");
  const Result<R1Summary> whole = go(yaml(path("base.gguf"), path("whole")));
  ASSERT_TRUE(whole) << whole.error().message;
  const std::string resumed = yaml(path("base.gguf"), path("resumed"));
  const std::string checkpoint =
      stage_file(path("resumed"), "tuned", "checkpoints/step-00000012/state.json");
  const pid_t child = fork();
  if (child == 0) _exit(go(resumed) ? 0 : 2);
  int status = 0;
  while (!file_exists(checkpoint) && waitpid(child, &status, WNOHANG) == 0) usleep(1000);
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  ASSERT_FALSE(file_exists(stage_file(path("resumed"), "zero", "manifest.json")));
  const Result<R1Summary> more = go(resumed, {}, 2);
  ASSERT_TRUE(more) << more.error().message;
  EXPECT_EQ(*sha256_file(join_path(path("resumed"), kPeftWeights)),
            *sha256_file(join_path(path("whole"), kPeftWeights)));
}

TEST_F(AdapterRun, SaysWhatItCannotDo) {
  const std::string wanted = yaml(path("base"), path("run"));
  EXPECT_NE(error_of(wanted, {"stages.zero.kl_weight=0.1"}).find("kl_weight"), std::string::npos);
  EXPECT_NE(error_of(wanted, {"stages.zero.rollouts=rounded"}).find("rollouts"), std::string::npos);
  EXPECT_NE(error_of(wanted, {"adapter.rank=65"}).find("adapter.rank"), std::string::npos);
  EXPECT_NE(error_of(wanted, {"adapter.targets=[q_prj]"}).find("q_proj"), std::string::npos);
}

}  // namespace
}  // namespace weir
