// Classes of tokens against those that DeepSeek's code makes with Python's tokenizers.
#include "tokenizer/token_classes.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/json.h"
#include "testing/tokenizer_data.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

TEST(TokenClasses, AreThoseOfPython) {
  const auto golden = parse_json(must_read(test_data("token_classes.json")));
  ASSERT_TRUE(golden) << golden.error().message;
  const auto tokenizer = parse_tokenizer_json(golden->find("tokenizer")->dump());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const TokenClasses classes = token_classes(*tokenizer);
  const auto& expected = golden->find("classes")->items();
  ASSERT_EQ(classes.of_token.size(), expected.size());
  int most = 0;
  for (size_t token = 0; token < expected.size(); ++token) {
    EXPECT_EQ(int64_t(classes.of_token[token]), *expected[token].as_int())
        << token << " '" << tokenizer->token_text(int(token)) << "'";
    most = std::max(most, classes.of_token[token]);
  }
  EXPECT_EQ(classes.count, most + 1);
  EXPECT_LT(classes.count, tokenizer->size());
}

TEST(TokenClasses, FoldsWhatReadsAlike) {
  EXPECT_EQ(folded_token(" Thé"), "the");
  EXPECT_EQ(folded_token("a \t\n b"), "a b");
  EXPECT_EQ(folded_token("\n"), " ");
  EXPECT_EQ(folded_token("\u3000"), " ");       // NFKD makes it a space
  EXPECT_EQ(folded_token("\u0301"), "\u0301");  // nothing is left: the text itself
  EXPECT_EQ(folded_token("x\xff"), "x\xff");
  EXPECT_EQ(folded_token("\uE000x"), " x");
}

// V4.1-Flash's 'engram_compressed_vocab_size', and the FNV-1a hash of all classes as Python has
// them.
TEST(TokenClasses, OfDeepSeeksVocabularyAreThosePublished) {
  const char* folder = std::getenv("WEIR_REAL_MODELS");
  const std::string path = folder ? std::string(folder) + "/deepseek-v4-tokenizer" : "";
  if (!is_directory(path)) GTEST_SKIP() << "no deepseek-v4-tokenizer in WEIR_REAL_MODELS";
  const auto tokenizer = read_tokenizer(path);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const TokenClasses classes = token_classes(*tokenizer);
  EXPECT_EQ(tokenizer->size(), 129280);
  EXPECT_EQ(classes.count, 99092);
  uint64_t hash = 1469598103934665603u;
  for (int id : classes.of_token)
    for (int byte = 0; byte < 4; ++byte)
      hash = (hash ^ uint64_t(id >> (8 * byte) & 255)) * 1099511628211u;
  EXPECT_EQ(hash, 0x8af1cd8833dd3e98u);
}

}  // namespace
}  // namespace weir
