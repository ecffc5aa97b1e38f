// For tests: a run through every kind of stage in a second, over questions answered by a letter.
#pragma once
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/sha256.h"
#include "base/stop_signal.h"
#include "pipeline/pipeline.h"
#include "testing/r1_fixture.h"
#include "testing/training_fixture.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {

inline void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

class R1Run : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = new TemporaryFolder;
    ASSERT_TRUE(write_tokenizer(tiny_tokenizer(), shared_->path()));
    write_text(data(), said(200));
    ASSERT_EQ(error_of(whole()), "");
  }
  static void TearDownTestSuite() { delete shared_; }

  // Questions that are answered by "a", "b" or "ab", where "a" is right.
  static std::string said(int rows) {
    static const std::vector<std::string> kReplies = {"a", "b", "a", "ab"};
    std::string text;
    for (int i = 0; i < rows; ++i)
      text += "{\"question\": \"say " + std::to_string(i) + "\", \"answer\": \"" +
              kReplies[size_t(i % 4)] + "\", \"gold\": \"a\", \"verifier\": \"exact\"}\n";
    return text;
  }
  static std::string data() { return shared_->file("said.jsonl"); }
  // A run that was never interrupted, with one thread.
  static std::string whole() { return shared_->file("whole"); }
  std::string run(const std::string& name) const { return own_.file(name); }

  static std::string yaml(const std::string& run) {
    const std::string said = "{said: {kind: file, path: " + data() + ", held_out: 0.2}}";
    const std::string rl = ", prompts: 3, group: 4, reply_tokens: 4, lr: 0.002, weight_decay: 0";
    return "run: " + run +
           "\nrows: 64\nreply_estimate: 2\ncheckpoint_every: 2\ntokenizer: {path: " +
           shared_->path() + "}\n" + kTinyModel +
           "evaluation: {problems: 4, samples: 2, reply_tokens: 4, sets: " + said + "}\nstages:\n" +
           "  base: {kind: pretrain, steps: 25, tokens: 64, lr: 0.01, bias_speed: 0.01, data: " +
           said + "}\n  cold: {kind: sft, parent: base, steps: 3, tokens: 64, data: " + said +
           "}\n  zero: {kind: grpo, parent: cold, steps: 6" + rl +
           ", kl_weight: 0.05, reference_every: 3, inner_epochs: 2, minibatches: 2, curriculum: "
           "true, keeps_routing: true, rewards: {accuracy: 1, format: 0.2}, data: " +
           said +
           "}\n  tuned: {kind: sft, parent: base, steps: 3, tokens: 64, samples: {from: zero, "
           "problems: 12, per_problem: 4, reply_tokens: 4}, data: " +
           said +
           "}\n  judge: {kind: reward, parent: tuned, steps: 3, examples: 4, samples: {from: zero, "
           "problems: 8, reply_tokens: 4}, data: " +
           said + "}\n  last: {kind: grpo, parent: tuned, steps: 4" + rl +
           ", rewards: {accuracy: 1, helpful: {weight: 0.5, model: judge, from: 0.3}, "
           "guard: {weight: 0.25, policy: minimal}}, data: " +
           said + "}\n";
  }
  static const std::vector<std::string>& stages() {
    static const std::vector<std::string> names = {"base",  "cold",  "zero",
                                                   "tuned", "judge", "last"};
    return names;
  }

  static Result<R1Summary> go(const std::string& run, const std::vector<std::string>& sets = {},
                              const std::string& stage = "", int threads = 1) {
    R1Recipe recipe = TRY(try_r1_recipe(yaml(run), sets));
    ThreadPool pool(threads);
    testing::internal::CaptureStderr();
    Result<R1Summary> summary = run_r1(recipe, {stage}, pool);
    testing::internal::GetCapturedStderr();
    return summary;
  }
  // "" when the run ended well.
  static std::string error_of(const std::string& run, const std::vector<std::string>& sets = {},
                              const std::string& stage = "", int threads = 1) {
    Result<R1Summary> summary = go(run, sets, stage, threads);
    return summary ? "" : summary.error().message;
  }

  // The same in a child process, as the program runs it: 0 when it ended well, 2 on an error, 3
  // when it was stopped.
  static pid_t start(const std::string& run, int threads, const std::vector<std::string>& sets = {},
                     const std::string& stage = "") {
    const pid_t child = fork();
    if (child != 0) return child;
    dup2(::open("/dev/null", O_WRONLY), 2);
    catch_stop_signals();
    Result<R1Recipe> recipe = try_r1_recipe(yaml(run), sets);
    if (!recipe) _exit(2);
    ThreadPool pool(threads);
    Result<R1Summary> summary = run_r1(*recipe, {stage}, pool);
    _exit(!summary ? 2 : summary->is_stopped ? 3 : 0);
  }
  static int wait_for(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  // Sends `signal` as soon as `path` exists; what wait_for() says.
  static int signal_at(pid_t child, const std::string& path, int signal) {
    int status = 0;
    while (!file_exists(path) && !is_directory(path)) {
      if (waitpid(child, &status, WNOHANG) != 0)
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    kill(child, signal);
    return wait_for(child);
  }

  static std::string stage_file(const std::string& run, const std::string& stage,
                                const std::string& file) {
    return run + "/stages/" + stage + "/" + file;
  }
  // All that a stage decides: its model, the metrics but times, scores, samples. A look at held-out
  // problems is given up when a stop is requested meanwhile, so it is not compared.
  static std::string result_of(const std::string& run, const std::string& stage) {
    Result<std::string> model = sha256_file(stage_file(run, stage, "model.safetensors"));
    if (!model) return model.error().message;
    std::string all = *model;
    std::ifstream lines(stage_file(run, stage, "metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      Result<Json> json = parse_json(line);
      if (!json) return "metrics.jsonl is not JSON";
      for (const auto& [key, value] : json->members())
        if (key.find("second") == std::string::npos && key != "held_out")
          all += " " + key + " " + value.dump();
      all += "\n";
    }
    for (const char* name : {"scores.json", "samples.jsonl"}) {
      Result<std::string> text = read_file(stage_file(run, stage, name));
      if (!text) continue;
      Result<Json> json = parse_json(*text);
      const Json* scores = json ? json->find("scores") : nullptr;
      all += sha256_hex(scores ? scores->dump() : *text) + "\n";
    }
    return all;
  }
  static void expect_same(const std::string& run) {
    for (const std::string& stage : stages())
      EXPECT_EQ(result_of(run, stage), result_of(whole(), stage)) << stage;
    EXPECT_EQ(*sha256_file(run + "/model.safetensors"),
              *sha256_file(whole() + "/model.safetensors"));
  }

  // A copy of the whole run, to be spoilt.
  std::string copy(const std::string& name) const {
    std::filesystem::copy(whole(), run(name), std::filesystem::copy_options::recursive);
    return run(name);
  }
  // Names and contents of all files but locks, which hold a process, and the report, which is
  // written at the end of every stage.
  static std::string contents(const std::string& run) {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(run))
      if (entry.is_regular_file() && entry.path().filename() != "report.html" &&
          entry.path().filename() != ".lock")
        files.push_back(entry.path().string() + " " + *sha256_file(entry.path().string()) + "\n");
    std::sort(files.begin(), files.end());
    std::string all;
    for (const std::string& file : files) all += file;
    return all;
  }

  static inline TemporaryFolder* shared_ = nullptr;
  TemporaryFolder own_;
};

}  // namespace weir
