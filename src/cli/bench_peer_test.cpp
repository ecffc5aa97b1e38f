#include "cli/bench_peer.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

constexpr char kLlamaBench[] =
    "[\n  {\"n_prompt\": 512, \"n_gen\": 0, \"avg_ts\": 93.5},\n"
    "  {\"n_prompt\": 0, \"n_gen\": 128, \"n_depth\": 0, \"avg_ts\": 13.8},\n"
    "  {\"n_prompt\": 0, \"n_gen\": 128, \"n_depth\": 4096, \"avg_ts\": 9.1}\n]\n";
constexpr char kOwn[] =
    "model: 5 M\n\n{\"model\":\"m\",\"speeds\":[{\"sequences\":1,\"prefill_tokens_per_second\":80,"
    "\"decode_tokens_per_second\":20},{\"decode_tokens_per_second\":7}]}\n";

TEST(BenchPeer, ReadsLlamaBench) {
  auto speeds = reported_speeds(kLlamaBench, {});
  ASSERT_TRUE(speeds) << speeds.error().message;
  EXPECT_DOUBLE_EQ(*speeds->prefill, 93.5);
  EXPECT_DOUBLE_EQ(*speeds->decode, 13.8);                                           // the first
  speeds = reported_speeds("{\"n_prompt\": 0, \"n_gen\": 8, \"avg_ts\": 5}\n", {});  // jsonl
  ASSERT_TRUE(speeds);
  EXPECT_DOUBLE_EQ(*speeds->decode, 5);
  EXPECT_FALSE(speeds->prefill);
}

TEST(BenchPeer, ReadsItsOwnKind) {
  auto speeds = reported_speeds(kOwn, {});
  ASSERT_TRUE(speeds) << speeds.error().message;
  EXPECT_DOUBLE_EQ(*speeds->prefill, 80);
  EXPECT_DOUBLE_EQ(*speeds->decode, 20);
}

TEST(BenchPeer, APatternTakesTheLastMatch) {
  PeerOptions options;
  options.pattern = "eval.*?([0-9.]+) tokens per second";
  auto speeds = reported_speeds(
      "prompt eval time: 1 ms, 90.25 tokens per second\neval time: 9 ms, 12.5 tokens per second\n",
      options);
  ASSERT_TRUE(speeds) << speeds.error().message;
  EXPECT_DOUBLE_EQ(*speeds->decode, 12.5);
  EXPECT_FALSE(speeds->prefill);
  options.prefill_pattern = "prompt.* ([0-9.]+) tokens per second";
  speeds = reported_speeds("prompt 90.25 tokens per second\neval 12.5 tokens per second", options);
  ASSERT_TRUE(speeds);
  EXPECT_DOUBLE_EQ(*speeds->prefill, 90.25);
}

// A pattern sees 4 KiB of a line, so no line makes the matcher recurse without end.
TEST(BenchPeer, ALongLineIsCut) {
  PeerOptions options;
  options.pattern = "a*b([0-9]+)";
  EXPECT_FALSE(reported_speeds(std::string(5'000'000, 'a') + "b7", options));
  EXPECT_TRUE(reported_speeds(std::string(4'000, 'a') + "b7", options));
}

std::string error_of(const std::string& output, const std::string& pattern) {
  PeerOptions options;
  options.pattern = pattern;
  auto speeds = reported_speeds(output, options);
  return speeds ? "" : speeds.error().message;
}

TEST(BenchPeer, SaysWhatIsMissing) {
  EXPECT_NE(error_of("nothing\nhere\n", "").find("ends with 'here'"), std::string::npos);
  EXPECT_NE(error_of("", "").find("--vs-pattern"), std::string::npos);
  EXPECT_NE(error_of("x", "([0-9]+").find("no regular expression"), std::string::npos);
  EXPECT_NE(error_of("x", "[0-9]+").find("no group"), std::string::npos);
  EXPECT_NE(error_of("speed: 12", "fast: ([0-9]+)").find("nowhere"), std::string::npos);
  EXPECT_NE(error_of("speed: 0", "speed: ([0-9]+)").find("no positive number"), std::string::npos);
  // JSON of other programs, damaged JSON, speeds that are none.
  for (const char* output : {"[{\"a\": 1}]", "[{]", "{\"speeds\": []}", "{\"speeds\": 3}",
                             "[{\"n_prompt\": 1, \"n_gen\": 0, \"avg_ts\": -2}]", "]["})
    EXPECT_NE(error_of(output, "").find("no speeds"), std::string::npos) << output;
}

TEST(BenchPeer, SpreadIsMedianLeastAndMost) {
  const RatioSpread odd = spread_of({3, 1, 2});
  EXPECT_DOUBLE_EQ(odd.median, 2);
  EXPECT_DOUBLE_EQ(odd.least, 1);
  EXPECT_DOUBLE_EQ(odd.most, 3);
  EXPECT_DOUBLE_EQ(spread_of({4, 1, 2, 3}).median, 2.5);
}

std::vector<std::string> printing(const std::string& text) { return {"printf", "%s", text}; }

TEST(BenchPeer, RunsInTurnAndComparesPairs) {
  PeerOptions options;
  options.command = "echo speed 4 >&2";
  options.pattern = "speed ([0-9.]+)";
  options.pairs = 5;
  auto json = run_against(printing(kOwn), options);
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(json->find("pairs")->size(), 5u);
  EXPECT_DOUBLE_EQ(*json->find("decode_ratio")->find("median")->as_double(), 5);
  EXPECT_TRUE(json->find("prefill_ratio")->is_null());
}

TEST(BenchPeer, AFailingCommandEndsItWithASentence) {
  PeerOptions options;
  options.command = "echo no model; exit 3";
  auto json = run_against(printing(kOwn), options);
  ASSERT_FALSE(json);
  EXPECT_NE(json.error().message.find("ended with code 3: no model"), std::string::npos)
      << json.error().message;
  options.command = "kill -9 $$";
  json = run_against(printing(kOwn), options);
  ASSERT_FALSE(json);
  EXPECT_NE(json.error().message.find("signal 9: it printed nothing"), std::string::npos);
  json = run_against({"false"}, options);
  ASSERT_FALSE(json);
  EXPECT_NE(json.error().message.find("own run: ''false'' ended with code 1"), std::string::npos)
      << json.error().message;
}

}  // namespace
}  // namespace weir
