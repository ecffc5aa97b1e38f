#include "pretrain/run_training.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <fstream>
#include <set>
#include <thread>

#include "base/sha256.h"
#include "base/stop_signal.h"
#include "pretrain/run_folder.h"
#include "testing/training_fixture.h"

namespace weir {
namespace {

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

class RunTraining : public testing::Test {
 protected:
  void SetUp() override { write_text(data(), small_text(400)); }

  std::string data() const { return folder_.file("data.txt"); }
  std::string run(const std::string& name) const { return folder_.file(name); }

  Result<TrainRecipe> recipe(const std::string& name,
                             const std::vector<std::string>& sets = {}) const {
    Recipe file = TRY(Recipe::parse(small_recipe(data(), run(name)), "small.yaml"));
    for (const std::string& set : sets) TRY(file.set(set));
    return read_train_recipe(file);
  }
  Result<TrainSummary> train(const std::string& name, const std::vector<std::string>& sets = {},
                             int threads = 1) const {
    TrainRecipe r = TRY(recipe(name, sets));
    ThreadPool pool(threads);
    testing::internal::CaptureStderr();
    Result<TrainSummary> result = run_training(r, pool);
    testing::internal::GetCapturedStderr();
    return result;
  }
  std::string error_of(const std::string& name, const std::vector<std::string>& sets = {}) const {
    auto result = train(name, sets);
    return result ? "" : result.error().message;
  }

  // The same in a child process, as the program runs it: 0 when it ended well, 2 on an error.
  pid_t start(const std::string& name, const std::vector<std::string>& sets, int threads) const {
    const pid_t child = fork();
    if (child != 0) return child;
    int null = ::open("/dev/null", O_WRONLY);
    dup2(null, 2);
    catch_stop_signals();
    auto r = recipe(name, sets);
    ThreadPool pool(threads);
    _exit(r && run_training(*r, pool) ? 0 : 2);
  }
  static int wait_for(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

  // All that training decides: weights, moments, and the losses of every step.
  std::string result_of(const std::string& name, int64_t step) const {
    const std::string checkpoint = join_path(run(name), "checkpoints/" + checkpoint_name(step));
    std::string losses;
    std::ifstream in(join_path(run(name), "metrics.jsonl"));
    for (std::string line; std::getline(in, line);) {
      auto json = parse_json(line);
      if (!json) return "metrics.jsonl is not JSON";
      for (const char* key : {"step", "loss", "grad_norm", "lr"})
        losses += (json->find(key) ? json->find(key)->dump() : "none") + " ";
    }
    auto model = sha256_file(join_path(checkpoint, "model.safetensors"));
    auto moments = sha256_file(join_path(checkpoint, "trainer.safetensors"));
    auto published = sha256_file(join_path(run(name), "model.safetensors"));
    if (!model || !moments || !published) return "files are missing";
    return *model + " " + *moments + " " + *published + " " + losses;
  }

  TemporaryFolder folder_;
};

TEST_F(RunTraining, LeavesAFolderThatOthersCanRead) {
  auto summary = train("a", {"samples.prompts=[the river, a]", "samples.tokens=5"});
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->step, 12);
  EXPECT_FALSE(summary->stopped);
  EXPECT_GT(summary->validation_loss, 0);
  auto listed = list_directory(run("a"));
  ASSERT_TRUE(listed);
  const std::set<std::string> names(listed->begin(), listed->end());
  for (const char* name :
       {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors",
        "recipe.yaml", "metrics.jsonl", "report.html", "checkpoints"})
    EXPECT_TRUE(names.count(name)) << name;
  EXPECT_EQ(*list_checkpoints(join_path(run("a"), "checkpoints")), (std::vector<int64_t>{8, 12}));
  EXPECT_TRUE(load_model(run("a"), false));
}

TEST_F(RunTraining, AFinishedRunHasNothingToDo) {
  ASSERT_TRUE(train("a"));
  std::string before = result_of("a", 12);
  auto again = train("a");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->step, 12);
  EXPECT_EQ(again->loss, 0);
  EXPECT_EQ(result_of("a", 12), before);
}

TEST_F(RunTraining, TheRecipeInTheFolderContinuesTheRun) {
  ASSERT_TRUE(train("a"));
  auto file = Recipe::read(join_path(run("a"), "recipe.yaml"));
  ASSERT_TRUE(file) << file.error().message;
  auto read = read_train_recipe(*file);
  ASSERT_TRUE(read) << read.error().message;
  ThreadPool pool(1);
  testing::internal::CaptureStderr();
  EXPECT_TRUE(run_training(*read, pool));
  testing::internal::GetCapturedStderr();
}

const std::vector<std::string> kLengthens = {"schedule.name=constant", "mtp.final_weight=0.3"};

TEST_F(RunTraining, LengthenedRunEqualsTheLongOne) {
  std::vector<std::string> long_run = kLengthens, first = kLengthens, second = kLengthens;
  first.push_back("steps=5");
  second.push_back("steps=9");
  ASSERT_TRUE(train("long", long_run));
  ASSERT_TRUE(train("cut", first));
  ASSERT_TRUE(train("cut", second, 2));
  auto last = train("cut", long_run, 3);
  ASSERT_TRUE(last) << last.error().message;
  // Short runs evaluate at their own ends; what is learned is the same.
  EXPECT_EQ(result_of("cut", 12), result_of("long", 12));
}

TEST_F(RunTraining, LengtheningIsRefusedWhereTheScheduleLookedAtTheEnd) {
  ASSERT_TRUE(train("a", {"steps=6"}));
  std::string message = error_of("a", {"steps=12"});
  EXPECT_NE(message.find("'steps' changed from 6 to 12"), std::string::npos) << message;
  message = error_of("a", {"steps=3"});
  EXPECT_NE(message.find("6 steps behind it"), std::string::npos) << message;
}

// T1 of the fault plan: killed at random moments, with other thread counts each time.
TEST_F(RunTraining, KilledRunsEndWithTheBitsOfAnUninterruptedOne) {
  const std::vector<std::string> sets = {"steps=40", "checkpoint_every=7", "evaluate_every=20"};
  const auto began = std::chrono::steady_clock::now();
  ASSERT_EQ(wait_for(start("whole", sets, 2)), 0);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const std::string expected = result_of("whole", 40);
  Random random(uint64_t(getpid()), 3);
  for (int trial = 0; trial < 4; ++trial) {
    const std::string name = "killed" + std::to_string(trial);
    for (int attempt = 0, ended = -1; ended != 0; ++attempt) {
      ASSERT_LT(attempt, 200);
      const pid_t child = start(name, sets, 1 + attempt % 3);
      const double patience = seconds * (attempt < 3 ? double(random.uniform()) : 1000);
      if (attempt < 3) {
        std::this_thread::sleep_for(std::chrono::duration<double>(patience));
        kill(child, SIGKILL);
      }
      ended = wait_for(child);
      ASSERT_TRUE(ended == 0 || ended == 1000 + SIGKILL) << ended;
    }
    ASSERT_EQ(result_of(name, 40), expected);
  }
}

TEST_F(RunTraining, SignalToStopSavesAndTheSameCommandGoesOn) {
  const std::vector<std::string> sets = {"steps=300", "checkpoint_every=1000",
                                         "evaluate_every=1000", "keep_checkpoints=50"};
  ASSERT_EQ(wait_for(start("whole", sets, 1)), 0);
  int stops = 0;
  double patience = 0.04;  // seconds; grows until a machine of any speed gets something done
  for (int attempt = 0; attempt < 60; ++attempt, patience *= 1.2) {
    const pid_t child = start("stopped", sets, 1 + attempt % 2);
    std::this_thread::sleep_for(std::chrono::duration<double>(patience));
    kill(child, attempt % 2 ? SIGTERM : SIGINT);
    const int status = wait_for(child);
    // A signal before the program listens ends it, as it ends any program.
    ASSERT_TRUE(status == 0 || status == 1000 + SIGTERM || status == 1000 + SIGINT) << status;
    auto steps = list_checkpoints(join_path(run("stopped"), "checkpoints"));
    ASSERT_TRUE(steps);
    stops += status == 0;
    if (!steps->empty() && steps->back() == 300) break;
  }
  EXPECT_GT(stops, 0);
  EXPECT_EQ(result_of("stopped", 300), result_of("whole", 300));
}

TEST_F(RunTraining, WhatDecidesTheResultMayNotChange) {
  ASSERT_TRUE(train("a", {"steps=4"}));
  struct Case {
    std::string set;
    std::string word;
  };
  const Case cases[] = {{"optimizer.lr=0.02", "'optimizer.lr'"},
                        {"seed=9", "'seed'"},
                        {"batch.micro_windows=2", "'batch.micro_windows'"},
                        {"model.hidden_size=64", "'model.hidden_size'"},
                        {"data.packing=documents", "'data.packing'"},
                        {"schedule.name=wsd", "'schedule.name'"}};
  const std::string before = result_of("a", 4);
  for (const Case& c : cases) {
    std::string message = error_of("a", {"steps=4", c.set});
    EXPECT_NE(message.find(c.word), std::string::npos) << message;
    EXPECT_NE(message.find("other values"), std::string::npos) << message;
    EXPECT_EQ(result_of("a", 4), before);
  }
  for (const char* harmless : {"threads=2", "log_every=3", "checkpoint_every=2", "recompute=true"})
    EXPECT_EQ(error_of("a", {"steps=4", harmless}), "") << harmless;
}

TEST_F(RunTraining, ChangedDataIsNoticedAndMovedDataIsNot) {
  ASSERT_TRUE(train("a"));
  write_text(folder_.file("moved.txt"), small_text(400));
  EXPECT_EQ(error_of("a", {"data.paths=" + folder_.file("moved.txt")}), "");
  write_text(data(), small_text(400) + "one more.\n");
  std::string message = error_of("a");
  EXPECT_NE(message.find("other data"), std::string::npos) << message;
}

TEST_F(RunTraining, ChangedTokenizerIsNoticed) {
  ASSERT_TRUE(train("a"));
  const std::string file = join_path(run("a"), "tokenizer.json");
  std::string text = *read_file(file);
  write_text(file, text + "\n");
  std::string message = error_of("a");
  EXPECT_NE(message.find(file), std::string::npos) << message;
  write_text(file, text);
  EXPECT_EQ(error_of("a"), "");
}

TEST_F(RunTraining, TokenizerOfAnotherRunCanBeUsed) {
  ASSERT_TRUE(train("a"));
  for (const char* file : {"", "/tokenizer.json"}) {
    auto again =
        train(std::string("b") + (*file ? "1" : "2"), {"tokenizer.path=" + run("a") + file});
    EXPECT_TRUE(again) << again.error().message;
  }
  EXPECT_EQ(*sha256_file(run("a") + "/tokenizer.json"),
            *sha256_file(run("b1") + "/tokenizer.json"));
}

TEST_F(RunTraining, WrongInputIsOneClearSentenceAndLeavesNoModel) {
  write_text(folder_.file("empty.txt"), "");
  write_text(folder_.file("short.txt"), "a weir");
  struct Case {
    std::vector<std::string> sets;
    std::vector<std::string> words;
  };
  const Case cases[] = {
      {{"data.paths=" + folder_.file("absent.txt")}, {"absent.txt"}},
      {{"data.paths=" + folder_.file("empty.txt")}, {"empty"}},
      {{"data.paths=" + folder_.file("short.txt")}, {"window"}},
      {{"model=deepsek-v3"}, {"deepsek-v3", "deepseek-v3"}},
      {{"model=/no/such/config.json"}, {"/no/such/config.json"}},
      {{"model.hiden_size=5"}, {"hiden_size", "hidden_size"}},
      {{"model.hidden_size=many"}, {"hidden_size"}},
      {{"model.vocab_size=3"}, {"vocab_size", "3", "tokenizer"}},
      {{"model.max_position_embeddings=8"}, {"sequence_length", "max_position_embeddings"}},
      {{"tokenizer.path=/no/such"}, {"tokenizer", "/no/such"}},
      {{"tokenizer={kind: bpe, vocab_size: 100000}"}, {"tokenizer", "100000"}},
      {{"tokenizer={kind: bpe, vocab_size: 300, pattern: gtp2}"}, {"tokenizer", "gtp2"}},
      {{"samples.prompts=[\"\\u4e2d\"]"}, {"samples.prompts"}},
      {{"run=" + folder_.file("data.txt")}, {"data.txt"}},
      {{"run=/proc/weir"}, {"/proc/weir"}},
      {{"model=deepseek-v3", "model.max_position_embeddings=64"}, {"model"}},
      {{"model={preset: deepseek-v3}"}, {"memory", "free", "recompute"}},
  };
  for (const Case& c : cases) {
    std::string message = error_of("wrong", c.sets);
    EXPECT_NE(message, "") << c.sets[0];
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    for (const std::string& word : c.words)
      EXPECT_NE(message.find(word), std::string::npos) << "'" << message << "' lacks " << word;
    EXPECT_FALSE(file_exists(join_path(run("wrong"), "model.safetensors")));
  }
  EXPECT_EQ(error_of("wrong"), "");  // the mistakes left nothing in the way
}

TEST_F(RunTraining, OneFolderOneRun) {
  auto held = RunFolder::open(run("a"));
  ASSERT_TRUE(held);
  std::string message = error_of("a");
  EXPECT_NE(message.find("another weir"), std::string::npos) << message;
}

// A weight that is not finite in the checkpoint would be refused when loading; a step that makes
// one stops the run and leaves the checkpoint before it.
TEST_F(RunTraining, DivergenceLeavesTheLastCheckpoint) {
  std::string message = error_of(
      "a", {"optimizer.lr=10", "optimizer.clip=0", "optimizer.beta2=0.5", "schedule.name=constant",
            "steps=400", "checkpoint_every=1", "loss_limit_factor=1"});
  ASSERT_NE(message, "");
  EXPECT_NE(message.find("optimizer.lr"), std::string::npos) << message;
  auto steps = list_checkpoints(join_path(run("a"), "checkpoints"));
  ASSERT_TRUE(steps && !steps->empty());
  EXPECT_TRUE(
      verify_checkpoint(join_path(run("a"), "checkpoints/" + checkpoint_name(steps->back()))));
}

}  // namespace
}  // namespace weir
