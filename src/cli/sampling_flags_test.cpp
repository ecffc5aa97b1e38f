// What the command line says of sampling, as options of the sampler.
#include "cli/sampling_flags.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "testing/tiny_models.h"

namespace weir {
namespace {

const Tokenizer& tokenizer() {
  static const Tokenizer bytes = make_byte_tokenizer({{"<s>"}, {"a\nb"}});
  return bytes;
}

SamplingOptions resolved(const SamplingTexts& texts, double dry_multiplier = 0) {
  SamplingOptions options{.dry_multiplier = dry_multiplier};
  auto done = resolve(texts, tokenizer(), options);
  if (!done) ADD_FAILURE() << done.error().message;
  return options;
}

TEST(SamplingFlags, ABiasIsATokenAndASignedNumber) {
  const auto options = resolved({.logit_bias = {"15+1", "16-2.5", "17+-3", "0-0"}});
  EXPECT_EQ(options.logit_bias, (std::vector<LogitBias>{{15, 1}, {16, -2.5f}, {17, -3}, {0, 0}}));
  for (const char* bad : {"", "15", "x+1", "15+", "-1+2", "15+nan", "15+200", "999999+1", "15*2"}) {
    SamplingOptions ignored;
    auto done = resolve({.logit_bias = {bad}}, tokenizer(), ignored);
    ASSERT_FALSE(done.has_value()) << bad;
    EXPECT_NE(done.error().message.find("logit-bias"), std::string::npos) << done.error().message;
  }
}

TEST(SamplingFlags, BreakersAreAllTokensWithTheirText) {
  EXPECT_TRUE(resolved({}).dry_breakers.empty());  // DRY is off
  const auto usual = resolved({}, 1).dry_breakers;
  // Four bytes, and the added token that holds a newline.
  EXPECT_EQ(usual.size(), 5u);
  EXPECT_TRUE(std::is_sorted(usual.begin(), usual.end()));
  EXPECT_EQ(usual.front(), 1);
  EXPECT_TRUE(resolved({.dry_breakers = {"none"}}, 1).dry_breakers.empty());
  const auto newline = resolved({.dry_breakers = {"\\n"}}, 1).dry_breakers;
  ASSERT_EQ(newline.size(), 2u);
  EXPECT_EQ(tokenizer().token_bytes(newline[1]), "\n");
}

TEST(SamplingFlags, EscapesBecomeCharacters) {
  EXPECT_EQ(unescape("a\\nb\\tc\\\\n\\x\\"), "a\nb\tc\\n\\x\\");
}

}  // namespace
}  // namespace weir
