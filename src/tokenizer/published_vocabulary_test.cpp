// Vocabularies of published models, as their GGUF files have them, against the ids that llama.cpp
// gives for 46 texts. For Qwen2 and Llama 3 there are texts and ids but no vocabulary to try.
#include <gtest/gtest.h>

#include "base/text.h"
#include "formats/gguf.h"
#include "testing/tokenizer_data.h"
#include "tokenizer/gguf_tokenizer.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

struct Vocabulary {
  const char* name;
  int tokens;  // without padding
  int bos, eos;
  bool adds_bos;
};
void PrintTo(const Vocabulary& vocabulary, std::ostream* out) { *out << vocabulary.name; }

class PublishedVocabulary : public testing::TestWithParam<Vocabulary> {};
INSTANTIATE_TEST_SUITE_P(Models, PublishedVocabulary,
                         testing::Values(Vocabulary{"gpt-2", 50257, 50256, 50256, false},
                                         Vocabulary{"deepseek-llm", 100015, 100000, 100001, true},
                                         Vocabulary{"deepseek-coder", 32022, 32013, 32014, true}));

TEST_P(PublishedVocabulary, GivesTheKnownIds) {
  std::string name = GetParam().name;
  std::string path = large_data("tokenizers/ggml-vocab-" + name + ".gguf");
  if (path.empty()) GTEST_SKIP() << "no vocabulary of " << name << "; set WEIR_DATA";
  Result<GgufFile> file = GgufFile::open(path);
  ASSERT_TRUE(file) << file.error().message;
  Result<Tokenizer> tokenizer = read_gguf_tokenizer(file->metadata());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->size(), GetParam().tokens);
  EXPECT_EQ(tokenizer->bos(), GetParam().bos);
  EXPECT_EQ(tokenizer->eos(), GetParam().eos);
  EXPECT_EQ(tokenizer->prefix(),
            GetParam().adds_bos ? std::vector<int>{GetParam().bos} : std::vector<int>{});
  EXPECT_EQ(tokenizer->pre_tokenizer().name(), name);

  // Written in either form and read again it must give the same.
  Result<Tokenizer> from_json = parse_tokenizer_json(tokenizer_json(*tokenizer));
  ASSERT_TRUE(from_json) << from_json.error().message;
  GgufMetadata metadata;
  int rows = int((*file->metadata().strings_at("tokenizer.ggml.tokens"))->size());
  Result<void> written = write_gguf_tokenizer(*tokenizer, "", metadata, rows);
  ASSERT_TRUE(written) << written.error().message;
  for (const char* key : {"model", "pre", "tokens", "merges", "bos_token_id", "eos_token_id"}) {
    std::string full = std::string("tokenizer.ggml.") + key;
    EXPECT_TRUE(*metadata.find(full) == *file->metadata().find(full)) << full;
  }
  Result<Tokenizer> again = read_gguf_tokenizer(metadata);
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
    for (const Tokenizer* t : {&*tokenizer, &*from_json, &*again}) {
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
