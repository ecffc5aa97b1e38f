#include "guard/detectors.h"

#include <gtest/gtest.h>

#include "guard/check_digits.h"
#include "guard/secrets.h"

namespace weir {
namespace {

std::string found(std::string_view text) {
  std::vector<DetectorMatch> matches;
  detect(text, 0, true, matches);
  std::string all;
  for (const DetectorMatch& m : matches)
    all += (all.empty() ? "" : "; ") + detector_names()[size_t(m.kind)] + "=" +
           std::string(text.substr(m.begin, m.end - m.begin));
  return all;
}

// The examples of the standards: GB 11643-1999 (appendix A), ISO 13616's registry, issuers' numbers
// for tests.
TEST(CheckDigits, PublishedExamplesPass) {
  EXPECT_TRUE(is_identity_card_cn("11010519491231002X"));
  EXPECT_TRUE(is_identity_card_cn("440524188001010014") == false);  // before 1900
  EXPECT_TRUE(is_iban("GB29NWBK60161331926819"));
  EXPECT_TRUE(is_iban("DE89370400440532013000"));
  EXPECT_TRUE(is_iban("NO9386011117947"));
  // Countries that joined the registry late: made up, valid for python-stdnum 2.2.
  EXPECT_TRUE(is_iban("HN29ABCD12345678901234567890"));
  EXPECT_TRUE(is_iban("YE76ABCD1234A1B2C3D4E5F6G7H8I9"));
  EXPECT_TRUE(is_bank_card("4111111111111111"));
  EXPECT_TRUE(is_bank_card("378282246310005"));
  EXPECT_TRUE(is_bank_card("6200000000000005"));
  EXPECT_TRUE(is_credit_code_cn("91350100M000100Y43"));  // GB 32100-2015, appendix
}

TEST(CheckDigits, EveryWrongDigitIsFound) {
  const std::string card = "11010519491231002X", iban = "GB29NWBK60161331926819",
                    bank = "4111111111111111", code = "91350100M000100Y43";
  for (size_t i = 0; i < card.size(); ++i)
    for (char c = '0'; c <= '9'; ++c) {
      std::string other = card;
      other[i] = c;
      if (other != card) {
        EXPECT_FALSE(is_identity_card_cn(other)) << other;
      }
    }
  for (size_t i = 0; i < code.size(); ++i)
    for (const char c : std::string("0123456789ABCDEFGHJKLMNPQRTUWXY")) {
      std::string other = code;
      other[i] = c;
      if (other != code) {
        EXPECT_FALSE(is_credit_code_cn(other)) << other;
      }
    }
  for (size_t i = 4; i < iban.size(); ++i)
    for (char c = '0'; c <= '9'; ++c) {
      std::string other = iban;
      other[i] = c;
      if (other != iban) {
        EXPECT_FALSE(is_iban(other)) << other;
      }
    }
  for (size_t i = 0; i < bank.size(); ++i)
    for (char c = '0'; c <= '9'; ++c) {
      std::string other = bank;
      other[i] = c;
      if (other != bank) {
        EXPECT_FALSE(is_bank_card(other)) << other;
      }
    }
}

TEST(Detectors, FindPersonalDataInRunningText) {
  EXPECT_EQ(found("身份证号：11010519491231002X，谢谢"), "identity_card_cn=11010519491231002X");
  EXPECT_EQ(found("身份证１１０１０５１９４９１２３１００２Ｘ。"),
            "identity_card_cn=１１０１０５１９４９１２３１００２Ｘ");
  EXPECT_EQ(found("card 4111 1111 1111 1111, valid until 12/27"), "bank_card=4111 1111 1111 1111");
  EXPECT_EQ(found("卡号6200000000000005到账"), "bank_card=6200000000000005");
  EXPECT_EQ(found("IBAN GB29 NWBK 6016 1331 9268 19 please"), "iban=GB29 NWBK 6016 1331 9268 19");
  EXPECT_EQ(found("统一社会信用代码 91350100M000100Y43"), "credit_code_cn=91350100M000100Y43");
  EXPECT_EQ(found("打我电话13812345678或138-1234-5679"),
            "phone_cn=13812345678; phone_cn=138-1234-5679");
  EXPECT_EQ(found("tel. +86 138 1234 5678"), "phone_cn=+86 138 1234 5678");
  EXPECT_EQ(found("座机010-62345678"), "phone_cn=010-62345678");
  EXPECT_EQ(found("call (415) 555-2671 or +44 20 7946 0958 today"),
            "phone=415) 555-2671; phone=+44 20 7946 0958");
  EXPECT_EQ(found("mail to Ann.Lee+x@mail.example.org."), "email=Ann.Lee+x@mail.example.org");
  EXPECT_EQ(found("邮箱是zhang_san@example.com。"), "email=zhang_san@example.com");
  EXPECT_EQ(found("138\u200B1234\u200B5678"), "phone_cn=138\u200B1234\u200B5678");
}

TEST(Detectors, LeaveOtherNumbersAlone) {
  for (const char* text :
       {"Order 4111111111111112", "pi is 3.14159265358979", "on 2024-01-15 at 10:30:00",
        "version 10.4.20.3", "110105194912310021", "sum 1,234,567,890", "a@b", "@everyone",
        "550e8400-e29b-41d4-a716-446655440000", "0x7fffffffffffffff", "ISBN 978-3-16-148410-0",
        "12345678901234567890", "https://example.org/a/b/c"})
    EXPECT_EQ(found(text), "") << text;
}

TEST(Detectors, FindSecretsByFormAndEntropy) {
  EXPECT_EQ(found("export KEY=ghp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"),
            "secret=ghp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX");
  EXPECT_EQ(found("api_key: 8fK2mQ9xLp4vTz7wRb3nYc6d"), "secret=8fK2mQ9xLp4vTz7wRb3nYc6d");
  EXPECT_EQ(found("密钥是8fK2mQ9xLp4vTz7wRb3nYc6d"), "secret=8fK2mQ9xLp4vTz7wRb3nYc6d");
  EXPECT_EQ(found("the commit 8fK2mQ9xLp4vTz7wRb3nYc6d"), "");  // nothing announces it
  EXPECT_EQ(found("the key is-this-a-long-hyphenated-thing"), "");
  EXPECT_NEAR(entropy_bits("abcdabcd"), 2.0, 1e-12);
}

TEST(Detectors, APartThatMayGoOnIsHeldBack) {
  std::vector<DetectorMatch> matches;
  EXPECT_EQ(detect("call 1381234567", 0, false, matches), 5u);
  EXPECT_EQ(detect("call 13812345678", 0, false, matches), 5u);
  EXPECT_TRUE(matches.empty());
  EXPECT_EQ(detect("call 13812345678 now ", 5, false, matches), 21u);
  EXPECT_EQ(matches.size(), 1u);
}

}  // namespace
}  // namespace weir
