// Vocabularies of published models against the ids that other programs give for 46 texts.
#include <gtest/gtest.h>

#include "base/text.h"
#include "text/gguf_vocabulary_for_tests.h"
#include "text/test_data.h"
#include "text/tokenizer_json.h"

namespace weir {
namespace {

class PublishedVocabulary : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, PublishedVocabulary,
                         testing::Values("gpt-2", "deepseek-llm", "deepseek-coder"));

TEST_P(PublishedVocabulary, GivesTheKnownIds) {
  std::string name = GetParam();
  std::string path = large_data("tokenizers/ggml-vocab-" + name + ".gguf");
  if (path.empty()) GTEST_SKIP() << "no vocabulary of " << name << "; set WEIR_DATA";
  Result<Tokenizer> tokenizer = GgufVocabulary(must_read(path)).tokenizer(name);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  // Written as tokenizer.json and read again it must give the same.
  Result<Tokenizer> again = parse_tokenizer_json(tokenizer_json(*tokenizer));
  ASSERT_TRUE(again) << again.error().message;

  const std::string separator = "\n__ggml_vocab_test__\n";
  std::string texts = must_read(path + ".inp");
  int cases = 0;
  for (const std::string& line : split(must_read(path + ".out"), '\n')) {
    size_t end = texts.find(separator);
    if (end == texts.npos) break;
    std::string text = texts.substr(0, end);
    texts = texts.substr(end + separator.size());
    std::vector<int> expected;
    for (const std::string& id : split(line, ' ')) {
      if (!id.empty()) expected.push_back(int(*parse_int(id)));
    }
    for (const Tokenizer* t : {&*tokenizer, &*again}) {
      Result<std::vector<int>> ids = t->encode(text);
      ASSERT_TRUE(ids) << ids.error().message;
      EXPECT_EQ(*ids, expected) << text;
      EXPECT_EQ(*t->decode(*ids), text);
    }
    ++cases;
  }
  EXPECT_EQ(cases, 46);
}

}  // namespace
}  // namespace weir
