// What `weir bench` prints, as its users meet it.
#include <gtest/gtest.h>

#include <string>

#include "tests/small_checkpoint.h"

namespace weir {
namespace {

class BenchCommand : public SmallCheckpoint {
 protected:
  void SetUp() override {
    SmallCheckpoint::SetUp();
    make("m.gguf", "q8_0");
  }
  static double number(const Json& object, const char* key) {
    auto value = object.double_at(key);
    EXPECT_TRUE(value) << key << " in " << object.dump();
    return value ? *value : -1;
  }
};

#define EXPECT_HOLDS(text, words) EXPECT_NE((text).find(words), std::string::npos) << text

TEST_F(BenchCommand, EveryDepthAndBatchSizeIsARowThatAddsUp) {
  Outcome bench = run({"bench", path("m.gguf"), "--depth", "4,40", "--sequences", "1,3", "--tokens",
                       "4", "--repetitions", "1", "--threads", "2"});
  ASSERT_EQ(bench.code, 0) << bench.error;
  const Json json = last_line(bench.out);
  EXPECT_GT(number(json, "load_seconds"), 0);
  const double bandwidth = number(json, "memory_bytes_per_second");
  EXPECT_GT(bandwidth, 0);
  EXPECT_TRUE(*json.bool_at("uses_integers"));
  const std::vector<Json>& rows = json.find("speeds")->items();
  ASSERT_EQ(rows.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(number(rows[i], "depth"), i < 2 ? 4 : 40);
    EXPECT_EQ(number(rows[i], "sequences"), i % 2 ? 3 : 1);
    const double bytes =
        number(rows[i], "weight_bytes_per_token") + number(rows[i], "cache_bytes_per_token");
    EXPECT_NEAR(number(rows[i], "share_of_memory_bandwidth"),
                number(rows[i], "decode_tokens_per_second") * bytes / bandwidth, 1e-6);
    EXPECT_GT(number(rows[i], "first_token_seconds"), 0);
    EXPECT_GT(number(rows[i], "peak_memory_bytes"), 1e6);
    EXPECT_TRUE(rows[i].find("acceptance")->is_null());
  }
  // One sequence reads what its token reads; three share a pass and choose more experts together.
  const double alone = number(rows[0], "weight_bytes_per_token");
  EXPECT_NEAR(alone, number(json, "bytes_per_token"), 1);
  EXPECT_LT(number(rows[1], "weight_bytes_per_token"), alone);
  EXPECT_GT(number(rows[1], "weight_bytes_per_token"), alone / 3);
  EXPECT_GT(number(rows[2], "cache_bytes_per_token"), number(rows[0], "cache_bytes_per_token"));
  EXPECT_GT(number(rows[2], "operations_per_token"), number(rows[0], "operations_per_token"));
}

TEST_F(BenchCommand, GuessesAreCountedInRepliesToAText) {
  std::string text;
  for (int i = 0; i < 3; ++i) text += "the cat sat on the mat\n";
  ASSERT_TRUE(write_file_atomic(path("prompt.txt"), text));
  Outcome bench = run({"bench", path("m.gguf"), "--prompt-file", path("prompt.txt"), "--depth",
                       "30,60", "--sequences", "1", "--tokens", "60", "--repetitions", "1",
                       "--speculate", "ngram", "--every-guess", "--threads", "1"});
  ASSERT_EQ(bench.code, 0) << bench.error;
  Json json = last_line(bench.out);
  EXPECT_EQ(json.find("speculate")->text(), "ngram");
  for (const Json& row : json.find("speeds")->items()) {
    EXPECT_GT(number(row, "acceptance"), 0) << "a model without training repeats itself";
    EXPECT_LE(number(row, "acceptance"), 1);
    EXPECT_GT(number(row, "prefill_tokens_per_second"), 0);
  }
  // Without --depth the prompt is the text.
  bench = run({"bench", path("m.gguf"), "--prompt-file", path("prompt.txt"), "--sequences", "1",
               "--tokens", "4", "--repetitions", "1", "--threads", "1"});
  ASSERT_EQ(bench.code, 0) << bench.error;
  const std::vector<Json> rows = last_line(bench.out).find("speeds")->items();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_GT(number(rows[0], "depth"), 8);
  EXPECT_TRUE(rows[0].find("acceptance")->is_null());  // off by default
}

TEST_F(BenchCommand, AnswersWithoutATextOrADraftModelAreRefused) {
  ASSERT_TRUE(write_file_atomic(path("empty.txt"), ""));
  Outcome bench = run({"bench", "demo", "--prompt-file", path("empty.txt")});
  EXPECT_EQ(bench.code, 2);
  EXPECT_HOLDS(bench.error, "random weights");
  bench = run({"bench", path("m.gguf"), "--prompt-file", path("empty.txt")});
  EXPECT_EQ(bench.code, 2);
  EXPECT_HOLDS(bench.error, "holds no text");
  bench = run({"bench", path("m.gguf"), "--prompt-file", path("missing.txt")});
  EXPECT_EQ(bench.code, 2);
  EXPECT_HOLDS(bench.error, "missing.txt");
  bench = run({"bench", path("m.gguf"), "--speculate", "draft"});
  EXPECT_EQ(bench.code, 2);
  EXPECT_HOLDS(bench.error, "--draft MODEL");
}

TEST_F(BenchCommand, LimitsOfTheMachineAlone) {
  Outcome bench = run({"bench", "--limits", "--threads", "2"});
  ASSERT_EQ(bench.code, 0) << bench.error;
  const Json json = last_line(bench.out);
  EXPECT_GT(number(*json.find("memory_bytes_per_second"), "all_threads"), 1e8);
  for (const auto& [name, rate] : json.find("peak_operations_per_second")->members())
    EXPECT_GT(number(rate, "one_thread"), 1e9) << name;
  EXPECT_GT(number(*json.find("barrier_seconds"), "jobs_in_a_row"), 0);
  EXPECT_GE(number(*json.find("topology"), "cores"), 1);
  EXPECT_TRUE(json.find("disk_bytes_per_second")->is_null());
}

TEST_F(BenchCommand, TheDiskIsMeasuredPastThePageCache) {
  const std::string file = path("large");
  ASSERT_TRUE(write_file_atomic(file, std::string(size_t(17) << 20, 'x')));
  Outcome bench = run({"bench", "--limits", "--threads", "1", "--file", file});
  if (bench.code == 2) {  // a temporary folder in memory
    EXPECT_HOLDS(bench.error, "has no direct I/O");
    return;
  }
  ASSERT_EQ(bench.code, 0) << bench.error;
  const Json json = last_line(bench.out);
  EXPECT_GT(number(*json.find("disk_bytes_per_second"), "in_order"), 0);
  EXPECT_GT(number(*json.find("disk_bytes_per_second"), "scattered"), 0);
}

TEST_F(BenchCommand, ComparesWithAnotherProgramInTurn) {
  Outcome bench = run({"bench", path("m.gguf"), "--depth", "4", "--sequences", "1", "--tokens", "2",
                       "--vs", "echo '[{\"n_prompt\": 0, \"n_gen\": 2, \"avg_ts\": 0.001}]'"});
  ASSERT_EQ(bench.code, 0) << bench.error;
  const Json json = last_line(bench.out);
  const Json* vs = json.find("vs");
  ASSERT_NE(vs, nullptr);
  ASSERT_EQ(vs->find("pairs")->size(), 5u);
  const Json& pair = vs->find("pairs")->items()[0];
  EXPECT_EQ(number(*pair.find("peer"), "decode"), 0.001);
  EXPECT_TRUE(pair.find("peer")->find("prefill")->is_null());
  EXPECT_GT(number(*pair.find("own"), "prefill"), 0);
  EXPECT_GT(number(*vs->find("decode_ratio"), "least"), 1);
  EXPECT_TRUE(vs->find("prefill_ratio")->is_null());
}

TEST_F(BenchCommand, WrongInputsGetASentence) {
  const struct {
    std::vector<std::string> words;
    const char* sentence;
  } wrong[] = {
      {{path("m.gguf"), "--depth", "4,999999"}, "exceed the model's context"},
      {{path("m.gguf"), "--depth", "0"}, "--depth"},
      {{path("m.gguf"), "--vs", "true"}, "--vs compares one depth and one batch size"},
      {{path("m.gguf"), "--vs", "true", "--pairs", "2"}, "--pairs"},
      {{path("m.gguf"), "--vs-pattern", "(x)"}, "--vs-pattern is for --vs"},
      {{path("m.gguf"), "--file", "x"}, "--file is for --limits"},
      {{"--limits", "--file", path("none")}, "none"},
      {{"--limits", "--file", path("config.json")}, "measured with a file of"},
  };
  for (const auto& [words, sentence] : wrong) {
    std::vector<std::string> all = {"bench"};
    all.insert(all.end(), words.begin(), words.end());
    Outcome bench = run(all);
    EXPECT_EQ(bench.code, 2) << sentence << bench.out;
    EXPECT_HOLDS(bench.error, sentence);
  }
  Outcome failing = run({"bench", path("m.gguf"), "--depth", "4", "--sequences", "1", "--tokens",
                         "2", "--vs", "echo broken; exit 4"});
  EXPECT_EQ(failing.code, 2);
  EXPECT_HOLDS(failing.error, "ended with code 4: broken");
}

}  // namespace
}  // namespace weir
