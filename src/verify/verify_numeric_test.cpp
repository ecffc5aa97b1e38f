// The numeric verifier on golds that are not one number and on numbers written another way. The
// column `peer` is the verdict of math-verify 0.9.0 (verify(parse(gold), parse(reply))), kept where
// the two differ or where that library is the reference.
#include <gtest/gtest.h>

#include <string>

#include "verify/verifier.h"

namespace weir {
namespace {

const Verifier& numeric() {
  static const auto verifier = std::move(*make_verifier("numeric"));
  return *verifier;
}

struct BadGold {
  const char* gold;
  const char* reply;     // of which a part is a part of the gold
  const char* verifier;  // that the error names
};

TEST(NumericGold, F1GoldsThatAreNotOneNumberAreRefused) {
  const BadGold cases[] = {
      {"(3, 5)", "5", "exact"},
      {"4\\sqrt{2}", "2", "exact"},
      {"3\\pi", "3", "exact"},
      {"-2, 7", "7", "exact"},
      {"0.\\overline{3}", "3", "exact"},
      {"(-\\infty, 2)", "2", "exact"},
      {"(x+2)(x+3)", "3", "exact"},
      {"1010_2", "1010", "exact"},
      {"12:30", "30", "exact"},
      {"2:3", "3", "exact"},
      {"5!", "5", "exact"},
      {"\\frac{\\pi}{6}", "6", "exact"},
      {"\\frac{\\sqrt{3}}{2}", "2", "exact"},
      {"\\frac{3\\pi}{4}", "4", "exact"},
      {"\\sqrt{5}", "5", "exact"},
      {"√5", "5", "exact"},
      {"2√3", "3", "exact"},
      {"π/6", "6", "exact"},
      {"2π", "2", "exact"},
      {"\\pm 3", "3", "exact"},
      {"±3", "3", "exact"},
      {"x = ±3", "3", "exact"},
      {"[-1, 1]", "1", "exact"},
      {"\\{1, 2\\}", "2", "exact"},
      {"1, 2, 3", "3", "exact"},
      {"1,2,3", "3", "exact"},
      {"3,14", "3.14", "3.14"},
      {"3 or 5", "5", "exact"},
      {"3 and 5", "5", "exact"},
      {"3 to 5", "5", "exact"},
      {"3-5", "5", "exact"},
      {"2+3", "3", "exact"},
      {"2x", "2", "exact"},
      {"3x + 5", "5", "exact"},
      {"x^2 + 1", "1", "exact"},
      {"2n", "2", "exact"},
      {"6 - 5i", "5", "exact"},
      {"3i", "3", "exact"},
      {"5k", "5", "exact"},
      {"\\log_2 8", "8", "exact"},
      {"\\ln 2", "2", "exact"},
      {"\\binom{5}{2}", "2", "exact"},
      {"e^2", "2", "exact"},
      {"2^x", "2", "exact"},
      {"2^{n+1}", "1", "exact"},
      {"x \\le 5", "5", "exact"},
      {"x > 5", "5", "exact"},
      {"\\approx 3.14", "3.14", "exact"},
      {"about 5", "5", "exact"},
      {"5 \\pmod 7", "5", "exact"},
      {"x = 1, y = 2", "2", "exact"},
      {"2x = 6", "6", "exact"},
      {"5 m 30 cm", "30", "exact"},
      {"2 hours 30 minutes", "30", "exact"},
      {"5'10\"", "10", "exact"},
      {"1 and 1/2", "1/2", "exact"},
      {"3.5.1", "3.5", "exact"},
      {"2024-05-06", "6", "exact"},
      {"0.333...", "0.333", "exact"},
      {"\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "2", "exact"},
      {"She has 5 apples and eats 2.", "2", "exact"},
      {"So the sum is\n5 + 3", "3", "exact"},
      {"\\boxed{(3, 5)}", "5", "exact"},
      {"So.\n#### 3, 5", "5", "exact"},
      {"B", "B", "choice"},
      {"(C)", "C", "choice"},
      {"3 7 12;43", "43", "countdown"},
      {"refuse", "refuse", "refusal"},
      {"^4[0-9]$", "4", "regex"},
      {"twelve", "12", "exact"},
      {"几十", "10", "exact"},
      {"三四个", "4", "exact"},
      {"一万五", "15000", "exact"},
      {"3个半", "3", "exact"},
      {"三成", "3", "exact"},
      {"三角形", "3", "exact"},
      {"3和5", "5", "exact"},
      {"3到5", "5", "exact"},
  };
  for (const BadGold& c : cases) {
    const auto accepted = numeric().check_gold(c.gold);
    ASSERT_FALSE(accepted) << "accepts the gold '" << c.gold << "'";
    EXPECT_NE(accepted.error().message.find(c.verifier), std::string::npos)
        << accepted.error().message;
    EXPECT_NE(numeric().check(c.reply, c.gold), Verdict::right) << c.gold;
  }
}

TEST(NumericGold, F1OneNumberWithItsUnitIsAccepted) {
  const std::pair<const char*, const char*> cases[] = {
      {"42", "42"},
      {"-7", "-7"},
      {"$18.90", "18.9"},
      {"\\$18.90", "18.9"},
      {"US$5", "5"},
      {"Rs. 500", "500"},
      {"10\\%", "10%"},
      {"12 m^2", "12"},
      {"12\\text{ cm}^2", "12"},
      {"12\\,\\mathrm{kg}", "12"},
      {"60 km/h", "60"},
      {"5 dollars per hour", "5"},
      {"90^\\circ", "90"},
      {"90°", "90"},
      {"5 square feet", "5"},
      {"$\\frac{3}{4}$", "0.75"},
      {"\\dfrac{9}{256}", "9/256"},
      {"1\\frac{1}{2}", "1.5"},
      {"x = 5", "5"},
      {"x=-5", "-5"},
      {"a_1 = 5", "5"},
      {"\\text{Answer: } 5", "5"},
      {"The answer is 5.", "5"},
      {"答案是12个苹果", "12"},
      {"100元", "100"},
      {"3千米", "3"},
      {"1,\\!000,\\!000", "1000000"},
      {"5 \\times 10^{-3}", "0.005"},
      {"2^{10}", "1024"},
      {"5 million", "5000000"},
      {"(5)", "5"},
      {"\\left(5\\right)", "5"},
      {"**5**", "5"},
      {"5th", "5"},
      {"Long.\nSo \\boxed{x = 5\\text{ apples}}.", "5"},
      {"He sold 48/2 = <<48/2=24>>24.\n#### 72", "72"},
  };
  for (const auto& [gold, reply] : cases) {
    const auto accepted = numeric().check_gold(gold);
    EXPECT_TRUE(accepted) << accepted.error().message;
    EXPECT_EQ(numeric().check(reply, gold), Verdict::right) << reply << " for " << gold;
    EXPECT_EQ(numeric().check(gold, gold), Verdict::right) << gold;
  }
}

struct Pair {
  const char *gold, *reply;
  bool is_right;
};
template <size_t n>
void expect_pairs(const Pair (&pairs)[n]) {
  for (const Pair& pair : pairs) {
    const auto accepted = numeric().check_gold(pair.gold);
    EXPECT_TRUE(accepted) << accepted.error().message;
    EXPECT_EQ(numeric().check(pair.reply, pair.gold) == Verdict::right, pair.is_right)
        << "reply '" << pair.reply << "' for gold '" << pair.gold << "'";
  }
}

TEST(NumericReply, F2NumbersWrittenAnotherWay) {
  const Pair pairs[] = {
      {"-5", "\\boxed{- 5}", true},
      {"5", "\\boxed{- 5}", false},
      {"-\\frac{1}{2}", "\\boxed{- \\frac{1}{2}}", true},
      {"-0.5", "\\boxed{\\frac{1}{-2}}", true},
      {"0.5", "\\boxed{\\frac{-1}{-2}}", true},
      {"-0.5", "1/-2", true},
      {"1234567", "\\boxed{1,\\!234,\\!567}", true},
      {"11111111100", "\\boxed{11,\\! 111,\\! 111,\\! 100}", true},
      {"300000", "3×10⁵", true},
      {"0.003", "3×10⁻³", true},
      {"5", "5²", false},
      {"25", "5²", true},
      {"1024", "2^{10}", true},
      {"2", "2^x", false},
      {"0.375", "⅜", true},
      {"-0.5", "−½", true},
      {"2.6", "2⅗", true},
      {"42", "2+40=42\n#### 42\n\n#### Check\n1. 42-40=2", true},
      {"-7", "The change is: - 7", true},
      {"7", "Two things:\n- 7 apples", true},
      {"-7", "minus 7", true},
      {"7", "negative 7", false},
      {"-7", "It is $-7$.", true},
      {"-7", "It is -$7$.", true},
      // Groups and decimal commas.
      {"100000", "1,00,000", true},
      {"0", "1,00,000", false},
      {"12345678", "Rs. 1,23,45,678", true},
      {"3.14", "3,14", true},
      {"14", "3,14", false},
      {"0.5", "0,5", true},
      {"1234.56", "1 234,56", true},
      {"1234.56", "1.234,56", false},
      {"56", "1.234,56", false},
      {"3", "1,2,3", false},
      {"1000000", "1_000_000", true},
      {"1", "1_000", false},
      {"1234", "1\\,234", true},
      {"1234567", "1.234.567", false},
      {"567", "1.234.567", false},
      // Scale words.
      {"5000000", "5 million", true},
      {"5", "5 million", false},
      {"1500000", "$1.5 million", true},
      {"2500000000", "2.5bn", true},
      {"500000", "5 lakh", true},
      {"24", "2 dozen", true},
      {"500000", "5 hundred thousand", true},
      {"5000000", "$5\\text{ million}$", true},
      {"5000000", "$5$ million", true},
      {"5", "5k", false},
      {"5", "5M", false},
      {"200", "5 thousand 200", false},
      // Parts of expressions.
      {"2", "4\\sqrt{2}", false},
      {"2", "the root $4\\sqrt{2}$", false},
      {"8", "It is $\\log_2 8$.", false},
      {"8", "$5 + 3 = 8$", true},
      {"3", "$5 + 3$", false},
      {"3", "\\boxed{2+3}", false},
      {"4", "\\frac{3\\pi}{4}", false},
      {"3", "so 0.\\overline{3}", false},
      {"0.333", "so 0.333...", false},
      {"30", "at 12:30", false},
      {"30", "at 12:30 he has 30", true},
      {"6", "pi/6", false},
      {"6", "π/6", false},
      {"2", "sqrt(2)", false},
      {"2", "√2", false},
      {"3", "x+3", false},
      {"5", "x = ±5", false},
      {"5", "so (3, 5)", false},
      {"10", "1010_2 is 10", true},
      {"1010", "it is 1010_2", false},
      {"2", "2 and a half", false},
      {"0.5", "1 and 1/2", false},
      {"500", "1/2 × 10^3", true},
      {"5", "5!", true},
      {"5", "**5**", true},
      {"5", "It costs $5.", true},
      {"7", "She pays $5 and he pays $7.", true},
      {"0.5", "1⁄2", true},
      {"0.0769230769", "\\frac1{13}", false},
      {"1/13", "\\frac1{13}", true},
      {"1/3", "\\frac13", true},
  };
  expect_pairs(pairs);
}

TEST(NumericReply, F51ChineseNumbers) {
  const Pair pairs[] = {
      {"150000000", "1.5亿", true},
      {"1.5亿", "150000000", true},
      {"1.5", "1.5亿", false},
      {"2005", "两千零五", true},
      {"两千零五", "2005", true},
      {"30000", "三万", true},
      {"30000", "3万", true},
      {"3", "3万", false},
      {"10300", "一万零三百", true},
      {"10005", "一万零五", true},
      {"15", "十五", true},
      {"115", "一百一十五", true},
      {"1000000000000", "一万亿", true},
      {"350000000", "3亿5000万", true},
      {"15000", "1万5千", true},
      {"30005", "3万零5", true},
      {"30005", "3万5", false},
      {"5", "3万5", false},
      {"3.14", "三点一四", true},
      {"350000000", "三点五亿", true},
      {"2024", "二〇二四", true},
      {"-120", "负一百二十", true},
      {"-5", "零下5度", true},
      {"-5", "负5", true},
      {"2/3", "三分之二", true},
      {"2/3", "3分之2", true},
      {"50%", "百分之五十", true},
      {"0.5", "百分之50", true},
      {"0.005", "千分之5", true},
      {"5/3", "一又三分之二", true},
      {"1200", "壹仟贰佰元", true},
      {"2005", "所以答案是两千零五。", true},
      {"2005", "2000加5，答案是两千零五个。", true},
      {"5", "2000加5，答案是两千零五个。", false},
      {"3", "一共有3个，这是一个简单的问题。", true},
      {"12", "现在有12个苹果，一起吃吧。", true},
      {"3", "3个半", false},
      {"3", "3多", false},
      {"3", "3千米", true},
      {"3000", "3千米", false},
      {"5", "5千克", true},
      {"3", "三角形", false},
      {"8", "3加5等于8", true},
      {"5", "3加5", false},
  };
  expect_pairs(pairs);
  EXPECT_EQ(numeric().check("三角形", "3"), Verdict::unparseable);
}

// The pairs and extractions for which math-verify 0.9.0 was run: the comment says what it gives.
TEST(NumericReply, AgreesWithMathVerifyOrIsRightWhereItIsNot) {
  const Pair pairs[] = {
      {"x=5", "5", true},                          // true
      {"5", "x=5", true},                          // true
      {"\\frac13", "0.333333", false},             // true: it rounds, 'numeric:1e-5' would too
      {"0.333333", "\\frac13", false},             // true
      {"50\\%", "0.5", true},                      // true
      {"50\\%", "50", true},                       // true
      {"1{,}234", "1234", true},                   // true
      {"3", "\\boxed{2}，因此 \\boxed{3}", true},  // {2, 3} and '2,3'
      {"2", "\\boxed{2}，因此 \\boxed{3}", false},
      {"4", "The answer is 3 or $4$.", true},     // 4
      {"3.5", "答案是 $3\\frac{1}{2}$。", true},  // 7/2
      {"1234.5", "共有1,234.50元", true},         // nothing
      {"12", "\\boxed{12\\text{ cm}^2}", true},   // 12
      {"3", "答案是3", true},                     // nothing
  };
  expect_pairs(pairs);
  for (const char* gold : {"\\{1,2\\}", "1,2", "(1,2)"})  // true as sets: no golds of 'numeric'
    EXPECT_FALSE(numeric().check_gold(gold)) << gold;
}

// Replies that the scorers of verl 0.9.1 (gsm8k, math_dapo), TRL 1.16.0 (accuracy_reward) and
// lm_eval 0.4.13 judge otherwise: findings/verl-*.sh, trl-accuracy-reward.sh and
// lm-eval-gsm8k-numbers.sh run them.
TEST(NumericReply, ReadsRepliesThatOtherTrainersScorersJudgeWrongly) {
  const Pair pairs[] = {
      {"72", "#### 72.", true},                              // verl gsm8k: 0
      {"72", "#### 72.00", true},                            // verl gsm8k: 0
      {"1,000", "#### 1,000", true},                         // verl gsm8k: 0
      {"72", "#### $72", true},                              // verl gsm8k: 0
      {"72", "#### **72**", true},                           // verl gsm8k: 0
      {"72", "**Answer:** 72", true},                        // verl math_dapo: -1
      {"72", "**Answer: 72**", true},                        // verl math_dapo: -1
      {"72", "Answer: 72.", true},                           // verl math_dapo: -1
      {"72", "Answer\uFF1A72", true},                        // verl math_dapo: -1
      {"31/2", "Answer: 3 1/2", false},                      // verl math_dapo: 1
      {"7/2", "Answer: 3 1/2", true},                        // verl math_dapo: -1
      {"72", "Answer: 72 apples", true},                     // verl math_dapo: -1
      {"72", "Answer: the value above\n\\boxed{72}", true},  // verl math_dapo: -1
      {"72", "The answer is 72.", true},                     // TRL: 0
      {"72", "$72$", true},                                  // TRL: 0
      {"72", "#### 72", true},                               // TRL: 0
      {"72", "It is $72.00.", true},                         // lm_eval flexible-extract: 72.00
      {"72", "It is 72, as shown ...", true},                // lm_eval flexible-extract: ...
      {"72", "The answer is 72", true},                      // lm_eval gsm8k-cot: 7
  };
  expect_pairs(pairs);
  const std::string late = "#### 72\n" + std::string(400, ' ') + "Good luck!";  // verl gsm8k: 0
  EXPECT_EQ(numeric().check(late, "72"), Verdict::right);
}

}  // namespace
}  // namespace weir
