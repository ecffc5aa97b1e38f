// What `weir inspect`, `bench` and `perplexity` print, as their users meet it.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/atomic_output.h"
#include "tests/small_checkpoint.h"

namespace weir {
namespace {

class InspectCommands : public SmallCheckpoint {
 protected:
  void SetUp() override {
    SmallCheckpoint::SetUp();
    make("m.gguf", "q8_0");
  }
  static int64_t lines(const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
  }
};

#define EXPECT_HOLDS(text, words) EXPECT_NE((text).find(words), std::string::npos) << text

TEST_F(InspectCommands, N14AFileIsFiveLinesAndDetailsFollowOnRequest) {
  Outcome five = run({"inspect", path("m.gguf")});
  ASSERT_EQ(five.code, 0) << five.error;
  EXPECT_EQ(lines(five.out), 5) << five.out;
  for (const char* words : {"m.gguf: deepseek", " parameters", "on disk", "q8_0", "memory",
                            "of context", "speed", "can      chat"})
    EXPECT_HOLDS(five.out, words);
  Outcome details = run({"inspect", path("m.gguf"), "--details"});
  ASSERT_EQ(details.code, 0) << details.error;
  EXPECT_HOLDS(details.out, "memory to train");
  EXPECT_EQ(details.out.find("panels"), std::string::npos);
  EXPECT_EQ(details.out.find("memory to generate"), std::string::npos);  // the file's type is known
  Outcome tensors = run({"inspect", path("m.gguf"), "--tensors"});
  EXPECT_HOLDS(tensors.out, "token_embd.weight");
  EXPECT_GT(lines(tensors.out), 20);
}

TEST_F(InspectCommands, N14NamesAndConfigurationsAreFiveLinesToo) {
  for (const std::string& target :
       {std::string("deepseek-v3"), std::string("demo"), path("config.json")}) {
    Outcome five = run({"inspect", target});
    ASSERT_EQ(five.code, 0) << five.error;
    EXPECT_EQ(lines(five.out), 5) << five.out;
    EXPECT_HOLDS(five.out, "a plan");
  }
  // No comparison with DeepSeek-67B where nothing was saved by a latent.
  Outcome grouped = run({"inspect", "qwen2.5-0.5b", "--details"});
  ASSERT_EQ(grouped.code, 0) << grouped.error;
  EXPECT_EQ(grouped.out.find("67B"), std::string::npos) << grouped.out;
  EXPECT_HOLDS(run({"inspect", "deepseek-v2", "--details"}).out, "67B");
}

TEST_F(InspectCommands, N14TheSummaryIsInTheJsonAndAddsUp) {
  Outcome outcome = run({"inspect", path("m.gguf"), "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  auto json = parse_json(outcome.out);
  ASSERT_TRUE(json) << outcome.out;
  const Json* summary = json->find("summary");
  ASSERT_NE(summary, nullptr);
  auto number = [&](const char* key) { return *summary->find(key)->as_double(); };
  // All but the header of the file.
  const double file = double((*read_file(path("m.gguf"))).size());
  EXPECT_GT(number("disk_bytes"), 0.5 * file);
  EXPECT_LT(number("disk_bytes"), file);
  EXPECT_EQ(number("memory_bytes"),
            number("disk_bytes") + number("packed_bytes") + number("cache_bytes"));
  EXPECT_EQ(summary->find("main_type")->text(), "q8_0");
}

// Experts count by those that a token visits, here and where the tensors are checked one by one.
// (Of a latent model the two differ: its key and value matrices are joined when they are loaded.)
TEST_F(InspectCommands, N14ATokenReadsTheSameBytesInSummaryAndDetails) {
  Json config =
      *read_json_file(std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/qwen3_moe/config.json");
  config.set("vocab_size", 300);
  ASSERT_TRUE(write_file_atomic(path("moe.json"), config.dump()));
  Outcome made = run({"make-random", path("moe"), "--like", path("moe.json"), "--type", "bf16"});
  ASSERT_EQ(made.code, 0) << made.error;
  Outcome outcome = run({"inspect", path("moe"), "--json"});
  auto json = parse_json(outcome.out);
  ASSERT_TRUE(json) << outcome.out << outcome.error;
  const double summary = *json->find("summary")->find("bytes_per_token")->as_double();
  EXPECT_GT(summary, 0);
  EXPECT_NEAR(summary, *json->find("weights")->find("bytes_per_token")->as_double(),
              1e-6 * summary);
}

TEST_F(InspectCommands, N14ACutFileIsDescribedAndRefused) {
  const std::string whole = *read_file(path("m.gguf"));
  ASSERT_TRUE(write_file_atomic(path("cut.gguf"), whole.substr(0, whole.size() - 1000)));
  Outcome outcome = run({"inspect", path("cut.gguf")});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(lines(outcome.out), 5) << outcome.out;
  EXPECT_HOLDS(outcome.out, "CUT");
  EXPECT_HOLDS(outcome.error, "download it again");
  EXPECT_EQ(lines(outcome.error), 1) << outcome.error;
}

// The names of the zones in a trace, by thread; each zone is inside another or beside it.
std::map<std::string, std::set<std::string>> zones_of(const Json& trace) {
  std::map<int64_t, std::string> threads;
  std::map<int64_t, std::vector<double>> ends;  // of the zones around
  std::map<std::string, std::set<std::string>> zones;
  for (const Json& event : trace.find("traceEvents")->items()) {
    const int64_t thread = *event.find("tid")->as_int();
    if (event.find("ph")->text() == "M") {
      threads[thread] = event.find("args")->find("name")->text();
      continue;
    }
    zones[threads[thread]].insert(event.find("name")->text());
    const double begin = *event.find("ts")->as_double();
    const double end = begin + *event.find("dur")->as_double();
    auto& around = ends[thread];
    while (!around.empty() && around.back() < begin + 0.0005) around.pop_back();
    if (!around.empty()) {
      EXPECT_LE(end, around.back() + 0.0005) << event.find("name")->text();
    }
    around.push_back(end);
  }
  return zones;
}

TEST_F(InspectCommands, BenchWritesATraceOfTheZones) {
  Outcome bench = run({"bench", path("m.gguf"), "--sequences", "2", "--prompt", "4", "--tokens",
                       "2", "--repetitions", "1", "--threads", "2", "--trace", path("t.json")});
  ASSERT_EQ(bench.code, 0) << bench.error;
  EXPECT_HOLDS(bench.out, "trace: ");
  auto trace = parse_json(*read_file(path("t.json")));
  ASSERT_TRUE(trace);
  std::set<std::string> main = zones_of(*trace)["main"];
  for (const char* name : {"pass", "sample", "forward", "attention", "linear", "logits"})
    EXPECT_TRUE(main.contains(name)) << name;
  EXPECT_EQ(*last_line(bench.out).find("repetitions")->as_int(), 1);
}

TEST_F(InspectCommands, F34BenchCountsStoredBytesAndHasTheCacheOfGenerate) {
  Outcome bench = run({"bench", path("m.gguf"), "--sequences", "1", "--prompt", "4", "--tokens",
                       "2", "--repetitions", "1"});
  ASSERT_EQ(bench.code, 0) << bench.error;
  const Json json = last_line(bench.out);
  EXPECT_EQ(json.find("cache")->text(), "latent");  // weights are not f32
  auto inspected = parse_json(run({"inspect", path("m.gguf"), "--json"}).out);
  ASSERT_TRUE(inspected);
  EXPECT_NEAR(*json.find("bytes_per_token")->as_double(),
              *inspected->find("weights")->find("bytes_per_token")->as_double(), 1);
}

TEST_F(InspectCommands, F41OneOptionOfArithmeticEverywhere) {
  for (const char* command : {"generate", "chat", "perplexity", "logits", "bench"}) {
    Outcome help = run({command, "--help"});
    EXPECT_HOLDS(help.out, "--exact");
    EXPECT_EQ(help.out.find("--rounded"), std::string::npos) << command;
  }
}

TEST_F(InspectCommands, PerplexityRefusesWhatTrainingRefuses) {
  struct Case {
    std::string text;
    const char* words;
  };
  const Case cases[] = {{"caf\xe9 au lait\n", "UTF-8"}, {std::string("ab\0cd", 5), "NUL"}};
  for (const Case& c : cases) {
    Outcome outcome = run({"perplexity", path("m.gguf"), "-", "--context", "8"}, c.text);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_HOLDS(outcome.error, c.words);
    EXPECT_HOLDS(outcome.error, "standard input:1");
  }
}

TEST_F(InspectCommands, PerplexityPrintsWhatItHasWhenStopped) {
  std::string text;
  for (int i = 0; i < 200000; ++i) text += "the river runs ";
  Outcome outcome = run({"perplexity", path("m.gguf"), "-", "--context", "64"}, text, true);
  EXPECT_EQ(outcome.code, 130) << outcome.error;
  EXPECT_HOLDS(outcome.error, "stopped after ");
  if (outcome.error.find("stopped after 0 of") == std::string::npos) {
    EXPECT_EQ(outcome.out.rfind("perplexity ", 0), 0u) << outcome.out;
  }
}

}  // namespace
}  // namespace weir
