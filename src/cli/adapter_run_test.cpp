// Runs whose stages learn an adapter of a base that stays as it is stored.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "adapter/adapter_folder.h"
#include "adapter/lora.h"
#include "adapter/peft.h"
#include "base/text.h"
#include "pipeline/parent.h"
#include "pipeline/run_stages.h"
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

// What a run learned is a parent: of a further adapter as it is, of all weights folded into its
// base as `weir adapter merge` does it.
TEST_F(AdapterRun, IsAParentItself) {
  const std::string first = path("first");
  ASSERT_EQ(error_of(yaml(path("base"), first)), "");
  const std::string said = "{said: {kind: file, path: " + rows() + "}}";
  const auto still = [&](const std::string& run, const std::string& parent, bool has_adapter) {
    return "run: " + run + "\nrows: 64\nevaluation: {problems: 1, reply_tokens: 2, sets: {}}\n" +
           (has_adapter ? "adapter: {rank: 2}\n" : "") +
           "stages:\n  on: {kind: sft, parent: " + parent +
           ", steps: 1, tokens: 64, lr: 0, weight_decay: 0, data: " + said + "}\n";
  };
  ASSERT_EQ(error_of(still(path("second"), first, true)), "");
  EXPECT_EQ(*sha256_file(join_path(path("second"), kPeftWeights)),
            *sha256_file(join_path(first, kPeftWeights)));
  EXPECT_EQ(*base_of_adapter(path("second")), path("base")) << "not the adapter it began from";

  ASSERT_EQ(error_of(still(path("folded"), first, false)), "");
  ThreadPool pool(1);
  ConvertListener listener;
  ConvertRequest merge;
  merge.from = path("base"), merge.to = path("merged"), merge.adapter = first, merge.type = "f32";
  ASSERT_TRUE(convert(merge, pool, listener));
  ASSERT_EQ(error_of(still(path("from-merged"), path("merged"), false)), "");
  EXPECT_EQ(sha_of(path("folded"), "on"), sha_of(path("from-merged"), "on"));
  EXPECT_NE(sha_of(path("folded"), "on"), *sha256_file(path("base/model.safetensors")));

  // Without its base it says so, and two bases are refused.
  write_parent(path("other"), "qwen2");
  const std::string two = still(path("x"), first, true) +
                          "  off: {kind: sft, parent: " + path("other") +
                          ", steps: 1, tokens: 64, data: " + said + "}\n";
  EXPECT_NE(error_of(two).find("have one base"), std::string::npos);
  std::filesystem::rename(path("base"), path("gone"));
  EXPECT_NE(error_of(still(path("y"), first, true)).find("stages.on.parent"), std::string::npos);
}

// The penalty that the metrics state, against one computed apart: k3 of the parent's adapter over
// the tokens of the recorded rollouts (policy_objective.h).
TEST_F(AdapterRun, PenaltyIsThatOfTheParentsAdapter) {
  const std::string run = path("run");
  ASSERT_EQ(
      error_of(yaml(path("base"), run), {"stages.zero.steps=3", "stages.zero.kl_weight=0.5",
                                         "stages.zero.lr=0.02", "stages.zero.evaluate_every=1"}),
      "");
  const std::vector<std::string> lines =
      split(*read_file(stage_file(run, "zero", "metrics.jsonl")), '\n');
  auto reference = load_model(stage_file(run, "tuned", ""), false);
  ASSERT_TRUE(reference) << reference.error().message;
  ThreadPool pool(1);
  (*reference)->pack(pool);
  Arena arena(size_t(1) << 32);
  for (int step = 1; step <= 3; ++step) {
    const std::vector<std::string> rollouts = split(
        *read_file(stage_file(run, "zero", "rollouts/" + checkpoint_name(step) + ".jsonl")), '\n');
    double sum = 0;
    int64_t count = 0;
    for (const std::string& text : rollouts) {
      if (text.empty()) continue;
      const Json rollout = *parse_json(text);
      TrainingSequence sequence;
      for (const Json& token : rollout.find("prompt")->items())
        sequence.tokens.push_back(int(*token.as_int()));
      sequence.trained.assign(sequence.tokens.size(), 0);
      for (const Json& token : rollout.find("tokens")->items())
        sequence.tokens.push_back(int(*token.as_int()));
      sequence.trained.resize(sequence.tokens.size(), 1);
      TrainingBatch batch;
      append_sequence(sequence, 0, batch);
      std::vector<float> logs(batch.tokens.size());
      Learner::score(**reference, batch, 1, logs.data(), arena, pool);
      size_t next = 0;
      const std::vector<Json>& drawn = rollout.find("log_probabilities")->items();
      for (size_t row = 0; row < logs.size(); ++row) {
        if (batch.targets[row] < 0) continue;
        const double log_q = double(logs[row]) - *drawn[next++].as_double();
        sum += std::exp(log_q) - log_q - 1;
        ++count;
      }
      EXPECT_EQ(next, drawn.size());
    }
    const double kl = *parse_json(lines[size_t(step - 1)])->double_at("kl");
    ASSERT_GT(count, 0);
    EXPECT_NEAR(kl, sum / double(count), 1e-6 + 1e-4 * kl) << step;
    if (step == 1) {
      EXPECT_EQ(kl, 0) << "the policy is still its parent";
    } else {
      EXPECT_GT(kl, 1e-5) << step;
    }
  }
}

TEST_F(AdapterRun, WithAReferenceThatWasStoppedEndsWithTheSameBits) {
  const std::vector<std::string> sets = {"stages.tuned.steps=6", "stages.zero.steps=6",
                                         "stages.zero.kl_weight=0.5",
                                         "stages.zero.reference_every=2", "checkpoint_every=1"};
  ASSERT_EQ(error_of(yaml(path("base"), path("whole")), sets), "");
  const std::string resumed = yaml(path("base"), path("resumed"));
  const std::string checkpoint =
      stage_file(path("resumed"), "zero", "checkpoints/step-00000003/state.json");
  const pid_t child = fork();
  if (child == 0) _exit(go(resumed, sets) ? 0 : 2);
  int status = 0;
  while (!file_exists(checkpoint) && waitpid(child, &status, WNOHANG) == 0) usleep(200);
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  ASSERT_EQ(error_of(resumed, sets), "");
  EXPECT_EQ(*sha256_file(stage_file(path("resumed"), "zero", kPeftWeights)),
            *sha256_file(stage_file(path("whole"), "zero", kPeftWeights)));
}

// Distillation from a stage's adapter into another one, pairs, and objectives that look at a whole
// update before they learn from it.
TEST_F(AdapterRun, OtherKindsOfStagesWorkToo) {
  std::string pairs;
  for (int i = 0; i < 20; ++i)
    pairs += "{\"prompt\": \"say " + std::to_string(i) +
             "\", \"chosen\": \"a\", \"rejected\": \"bb\"}\n";
  write_text(path("pairs.jsonl"), pairs);
  const std::string run = path("run"), said = "{said: {kind: file, path: " + rows() + "}}",
                    end = ", weight_decay: 0, warmup_steps: 0, data: ";
  ASSERT_EQ(
      error_of(yaml(path("base"), run) + "  student: {kind: distill, parent: " + path("base") +
               ", teacher: tuned, steps: 12, prompts: 8, lr: 0.02, " + "reply_tokens: 8" + end +
               said + "}\n  prefer: {kind: dpo, parent: tuned, " + "steps: 6, pairs: 8, lr: 0.02" +
               end + "{mine: {kind: file, path: " + path("pairs.jsonl") +
               "}}}\n  whole: {kind: grpo, parent: tuned, steps: 2, " +
               "prompts: 6, group: 8, reply_tokens: 24, lr: 0.002, ratio: sequence, " +
               "loss: sequence, top_entropy: 0.5, minibatches: 2" + end + said + "}\n"),
      "");
  for (const char* stage : {"student", "prefer"})
    EXPECT_LT(loss_at(run, stage, true), 0.9 * loss_at(run, stage, false)) << stage;
  EXPECT_GT(loss_at(run, "student", false), 0.1) << "they differ at first";
}

// The second stage unlearns what the first one learned.
TEST_F(AdapterRun, KeepsTheBetterStage) {
  const std::string run = path("run"),
                    said = "{said: {kind: file, path: " + rows() + ", held_out: 0.2}}";
  const std::string recipe =
      "run: " + run + "\nrows: 64\nkeeps: best\nadapter: {rank: 4, alpha: 8}\nevaluation: " +
      "{problems: 12, samples: 4, reply_tokens: 24, sets: " + said + "}\nstages:\n" +
      "  good: {kind: sft, parent: " + path("base") +
      ", steps: 90, tokens: 128, lr: 0.02, warmup_steps: 0, data: " + said +
      "}\n  worse: {kind: sft, parent: good, steps: 20, tokens: 128, lr: 3, warmup_steps: 0, " +
      "clip: 0, data: " + said + "}\n";
  const Result<R1Summary> done = go(recipe);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(*sha256_file(join_path(run, kPeftWeights)),
            *sha256_file(stage_file(run, "good", kPeftWeights)));
  EXPECT_NE(done->conclusion.find("good"), std::string::npos) << done->conclusion;
  const auto stages = list_run_stages(run);
  ASSERT_TRUE(stages) << stages.error().message;
  EXPECT_EQ((*choose_stage(*stages, ""))->name, "good");
  EXPECT_EQ((*choose_stage(*stages, "worse"))->name, "worse");
}

TEST_F(AdapterRun, SaysWhatItCannotDo) {
  const std::string wanted = yaml(path("base"), path("run"));
  EXPECT_NE(error_of(wanted, {"stages.zero.rollouts=rounded"}).find("rollouts"), std::string::npos);
  EXPECT_NE(error_of(wanted, {"adapter.rank=65"}).find("adapter.rank"), std::string::npos);
  EXPECT_NE(error_of(wanted, {"adapter.targets=[q_prj]"}).find("q_proj"), std::string::npos);
}

}  // namespace
}  // namespace weir
