#include "stages/scores.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace weir {
namespace {

FamilyScore make_score(const std::string& family, int difficulty, int64_t right, int64_t wrong) {
  FamilyScore score{.family = family, .difficulty = difficulty};
  score.problems = right + wrong;
  score.right = right;
  score.wrong = wrong;
  score.well_formed = right;
  score.pass_at_k = double(right) / double(right + wrong);
  score.thinking_tokens = 10.25 * difficulty;
  score.language = 0.5;
  return score;
}

TEST(WilsonInterval, EqualsPublishedValues) {
  // Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
  const double cases[][4] = {{81, 263, 0.2553, 0.3662},
                             {15, 148, 0.0624, 0.1605},
                             {0, 20, 0, 0.1611},
                             {1, 29, 0.0061, 0.1718}};
  for (const auto& [right, count, low, high] : cases) {
    const Interval interval = wilson_interval(right, count);
    EXPECT_NEAR(interval.low, low, 6e-5) << right << " of " << count;
    EXPECT_NEAR(interval.high, high, 6e-5) << right << " of " << count;
  }
}

TEST(WilsonInterval, IsEverythingWithoutTrialsAndTouchesTheEnds) {
  for (const Interval& none : {wilson_interval(0, 0), wilson_interval(3, NAN)}) {
    EXPECT_EQ(none.low, 0);
    EXPECT_EQ(none.high, 1);
  }
  EXPECT_EQ(wilson_interval(0, 7).low, 0);
  EXPECT_EQ(wilson_interval(7, 7).high, 1);
  EXPECT_GT(wilson_interval(7, 7).low, 0.6);
}

// Of all ways to choose k of the replies, the share that holds a right one.
TEST(PassAt, IsTheShareOfChoicesWithARightReply) {
  for (int samples = 1; samples <= 9; ++samples)
    for (int right = 0; right <= samples; ++right)
      for (int k = 1; k <= samples; ++k) {
        int choices = 0, with_right = 0;
        for (unsigned chosen = 0; chosen < 1u << samples; ++chosen) {
          if (std::popcount(chosen) != k) continue;
          ++choices;
          with_right += (chosen & ((1u << right) - 1)) != 0;  // the first `right` are
        }
        EXPECT_NEAR(pass_at(samples, right, k), double(with_right) / choices, 1e-12)
            << samples << " " << right << " " << k;
      }
}

TEST(Scores, ComeBackFromJson) {
  std::vector<FamilyScore> scores = {make_score("sums", 3, 5, 2), make_score("f \"q\"\n", 0, 1, 0)};
  scores[0].is_trained = false;
  scores[0].samples = 4;
  scores[1].truncated = 3;
  scores[1].unparseable = 2;
  scores[1].k = 2;
  auto text = parse_json(scores_json(scores).dump());
  ASSERT_TRUE(text);
  auto again = parse_scores(*text);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(scores_json(*again).dump(), scores_json(scores).dump());
  EXPECT_EQ((*again)[0].samples, 4);
  EXPECT_FALSE((*again)[0].is_trained);
  EXPECT_EQ((*again)[0].k, 0);
  EXPECT_EQ((*again)[1].k, 2);
  const std::vector<TextScore> texts = {{"wiki \"q\"", 12.25, 4096}};
  const auto texts_again = parse_texts(*parse_json(texts_json(texts).dump()));
  ASSERT_TRUE(texts_again) << texts_again.error().message;
  EXPECT_EQ((*texts_again)[0].name, texts[0].name);
  EXPECT_EQ((*texts_again)[0].perplexity, 12.25);
  EXPECT_EQ((*texts_again)[0].tokens, 4096);
  EXPECT_FALSE(parse_texts(*parse_json("[{\"name\": \"a\", \"perplexity\": -1, \"tokens\": 1}]")));
}

TEST(Scores, ErrorsNameTheRowAndTheKey) {
  const std::vector<FamilyScore> good = {make_score("sums", 1, 1, 1), make_score("sums", 2, 1, 1)};
  const std::pair<const char*, Json> bad[] = {
      {"family", 3},     {"difficulty", -1}, {"trained", "yes"},  {"problems", 0.5},
      {"samples", -2},   {"right", "x"},     {"wrong", Json()},   {"unparseable", 1e18},
      {"truncated", -1}, {"well_formed", 9}, {"pass_at_k", 1.01}, {"thinking_tokens", -1},
      {"language", "en"}};
  for (const auto& [key, value] : bad) {
    Json json = scores_json(good);
    json.items()[1].set(key, value);
    auto parsed = parse_scores(json);
    ASSERT_FALSE(parsed) << key;
    EXPECT_NE(parsed.error().message.find("row 1"), std::string::npos) << parsed.error().message;
    EXPECT_NE(parsed.error().message.find(key), std::string::npos) << parsed.error().message;
    auto& members = json.items()[1].members();
    std::erase_if(members, [&](const Json::Member& member) { return member.first == key; });
    auto missing = parse_scores(json);
    ASSERT_FALSE(missing) << key;
    EXPECT_NE(missing.error().message.find(key), std::string::npos) << missing.error().message;
  }
  EXPECT_FALSE(parse_scores(Json::object()));
  EXPECT_FALSE(parse_scores(*parse_json("[1]")));
}

TEST(Scores, TotalsWeighByReplies) {
  std::vector<FamilyScore> scores = {make_score("sums", 1, 9, 1), make_score("sums", 2, 10, 20),
                                     make_score("words", 4, 1, 0)};
  scores[1].is_trained = false;
  const FamilyScore sums = total_score(scores, "sums");
  EXPECT_EQ(sums.problems, 40);
  EXPECT_DOUBLE_EQ(sums.accuracy(), 19.0 / 40);
  EXPECT_DOUBLE_EQ(sums.pass_at_k, 19.0 / 40);
  EXPECT_DOUBLE_EQ(sums.thinking_tokens, (10.25 * 10 + 20.5 * 30) / 40);
  EXPECT_DOUBLE_EQ(sums.language, 0.5);
  EXPECT_DOUBLE_EQ(total_score(scores, "sums", true).accuracy(), 0.9);
  EXPECT_EQ(total_score(scores, "").problems, 41);
  EXPECT_EQ(total_score(scores, "none").replies(), 0);
  EXPECT_EQ(total_score(scores, "none").accuracy(), 0);
}

}  // namespace
}  // namespace weir
