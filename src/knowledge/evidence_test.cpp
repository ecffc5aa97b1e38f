#include "knowledge/evidence.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weir {
namespace {

using List = std::vector<std::string>;

SentenceEvidence evidence(const std::string& sentence, const List& texts) {
  return find_evidence(sentence, texts, {});
}

const char* const kText =
    "The default block size is 8192 bytes. It is set by BLCKSZ when the server is built. The "
    "current "
    "database cannot be renamed while you are connected to it.";

TEST(Evidence, SupportsWhatATextSaysAndQuotesItThere) {
  const SentenceEvidence found =
      evidence("The block size is 8192 bytes by default.", {"Nothing.", kText});
  EXPECT_TRUE(found.is_supported);
  EXPECT_EQ(found.text, 1);
  EXPECT_EQ(found.quote, "The default block size is 8192 bytes.");
}

TEST(Evidence, RefusesOtherNumbersAndNames) {
  const SentenceEvidence number = evidence("The default block size is 4096 bytes.", {kText});
  EXPECT_FALSE(number.is_supported);
  EXPECT_EQ(number.missing, List{"4096"});
  const SentenceEvidence name = evidence("The block size is set by RELSEG_SIZE.", {kText});
  EXPECT_FALSE(name.is_supported);
  EXPECT_EQ(name.missing, List{"RELSEG_SIZE"});
  EXPECT_FALSE(evidence("The block size was chosen by Oracle when the server is built.", {kText})
                   .is_supported);
}

TEST(Evidence, RefusesTheOppositeOfWhatATextSays) {
  EXPECT_TRUE(evidence("The current database cannot be renamed.", {kText}).is_supported);
  EXPECT_FALSE(evidence("The current database can be renamed.", {kText}).is_supported);
  EXPECT_FALSE(evidence("The default block size is not 8192 bytes.", {kText}).is_supported);
}

TEST(Evidence, RefusesWhatIsNotSaidAtAll) {
  EXPECT_FALSE(evidence("Zebras drink water at night.", {kText}).is_supported);
  EXPECT_FALSE(evidence("", {kText}).is_supported);
  EXPECT_FALSE(evidence("The block size is 8192 bytes.", {}).is_supported);
}

TEST(Evidence, ReadsChinese) {
  const char* text = "脚本中应使用 apt-get 命令。不要删除 /var/lib/dpkg/ 中的文件。超时为三十秒。";
  EXPECT_TRUE(evidence("在脚本中应使用 apt-get 命令。", {text}).is_supported);
  EXPECT_FALSE(evidence("在脚本中应使用 aptitude 命令。", {text}).is_supported);
  EXPECT_FALSE(evidence("可以删除 /var/lib/dpkg/ 中的文件。", {text}).is_supported);
  EXPECT_TRUE(evidence("不要删除 /var/lib/dpkg/ 中的文件。", {text}).is_supported);
}

TEST(Evidence, KnowsNumbersInAllTheirForms) {
  EXPECT_EQ(claims_of("It takes 1,000 ms, three times, since 15.2.").numbers,
            (List{"1000", "15.2", "3"}));
  EXPECT_TRUE(
      evidence("It waits 1000 ms three times.", {"It waits 1,000 ms 3 times."}).is_supported);
  EXPECT_TRUE(claims_of("One may do this.").numbers.empty());
}

TEST(Evidence, TellsDenialsFromWordsThatLookLikeThem) {
  EXPECT_TRUE(has_denial("It doesn't work."));
  EXPECT_TRUE(has_denial("这样不行。"));
  EXPECT_FALSE(has_denial("不同的系统"));
  EXPECT_FALSE(has_denial("A note about knots."));
}

}  // namespace
}  // namespace weir
