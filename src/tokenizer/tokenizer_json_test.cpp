#include "tokenizer/tokenizer_json.h"

#include <gtest/gtest.h>

#include "base/atomic_output.h"
#include "base/json.h"
#include "base/text.h"
#include "testing/tokenizer_data.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

std::vector<int> ids_of(const Json& row) {
  std::vector<int> ids;
  for (const Json& id : row.find("ids")->items()) ids.push_back(int(*id.as_int()));
  return ids;
}

class PythonTokenizer : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Files, PythonTokenizer,
                         testing::Values("v3", "gpt2", "qwen2", "gpt2_digits"));

TEST_P(PythonTokenizer, EncodesAsPythonDoes) {
  std::string name = GetParam();
  Result<Tokenizer> tokenizer =
      parse_tokenizer_json(must_read(test_data(name + ".tokenizer.json")));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  // Once as Python wrote it and once as this program writes it back.
  Result<Tokenizer> again = parse_tokenizer_json(tokenizer_json(*tokenizer));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(tokenizer_json(*again), tokenizer_json(*tokenizer));
  int rows = 0;
  for (const std::string& line : split(must_read(test_data(name + ".ids.jsonl")), '\n')) {
    if (line.empty()) continue;
    Result<Json> row = parse_json(line);
    ASSERT_TRUE(row);
    EncodeOptions options = {.allow_special = true, .framed = row->find("framed") != nullptr};
    std::string text = row->find("text")->text();
    for (const Tokenizer* t : {&*tokenizer, &*again}) {
      Result<std::vector<int>> ids = t->encode(text, options);
      ASSERT_TRUE(ids) << ids.error().message;
      EXPECT_EQ(*ids, ids_of(*row)) << text;
      if (!t->nfc()) {
        EXPECT_EQ(*t->decode(*ids), text);
      }
    }
    ++rows;
  }
  EXPECT_EQ(rows, 33);
}

// A small file, and the same with one thing changed.
constexpr char kSmall[] = R"({
 "added_tokens": [{"id": 3, "content": "<s>", "special": true, "normalized": false}],
 "normalizer": null,
 "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
 "post_processor": null,
 "decoder": {"type": "ByteLevel"},
 "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})";

std::string error_with(const std::string& from, const std::string& to) {
  std::string text = kSmall;
  size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  text.replace(at, from.size(), to);
  Result<Tokenizer> made = parse_tokenizer_json(text);
  return made ? "no error" : made.error().message;
}

TEST(TokenizerJson, HostileFilesGetOneClearSentence) {
  EXPECT_EQ(error_with("\"a\"", "\"a\""), "no error");
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"\"b\": 1", "\"b\": -1", "token 'b' has id -1; ids must be 0 or more"},
      {"\"b\": 1", "\"b\": 0", "'a' and token 'b' both have id 0"},
      {"\"b\": 1", "\"b\": 999999999999",
       "token 'b' has id 999999999999; ids must be below 2000000"},
      {"\"b\": 1", "\"b\": 1e300", "token 'b'"},
      {"\"b\": 1", "\"b\": \"1\"", "token 'b'"},
      {"\"b\": 1", "\"b\": 7", "no token has id 1; ids must run from 0 to 7 without holes"},
      {"\"b\": 1", "\"\": 1", "a token is empty"},
      {"\"a b\"", "\"b a\"", "needs the token 'ba', which the vocabulary lacks"},
      {"\"a b\"", "\"a c\"", "needs the token 'c', which the vocabulary lacks"},
      {"\"a b\"", "\"ab\"", "model.merges[0]: must be two tokens"},
      {"\"a b\"", "\"\"", "model.merges[0]: must be two tokens"},
      {"\"a b\"", "\" \"", "model.merges[0]: must be two tokens"},
      {"\"a b\"", "\"a b c\"", "model.merges[0]: must be two tokens"},
      {"\"a b\"", "[\"a\"]", "model.merges[0]: must be \"left right\""},
      {"\"a b\"", "3", "model.merges[0]: must be \"left right\""},
      {"[\"a b\"]", "{}", "model.merges: must be an array"},
      {"{\"a\": 0, \"b\": 1, \"ab\": 2}", "[]", "model.vocab: must be an object"},
      {"\"BPE\"", "\"Unigram\"", "model: type 'Unigram' (only BPE) is not supported"},
      {"\"type\": \"BPE\"", "\"byte_fallback\": true", "model: byte_fallback is not supported"},
      {"\"type\": \"BPE\"", "\"dropout\": 0.1", "model: dropout is not supported"},
      {"\"type\": \"BPE\"", "\"end_of_word_suffix\": \"</w>\"", "end_of_word_suffix is not"},
      {"\"vocab\"", "\"words\"", "model"},
      {"\"id\": 3", "\"id\": 9", "id 9 leaves a hole in the ids"},
      {"\"id\": 3", "\"id\": -3", "it has id -3; ids must be 0 or more"},
      {"\"id\": 3", "\"id\": 1", "model.vocab gives id 1 to 'b'"},
      {"\"<s>\"", "\"b\"", "it has id 3 here and 1 in model.vocab"},
      {"\"<s>\"", "\"\"", "added token with id 3 has no text"},
      {"\"special\": true", "\"lstrip\": true", "lstrip is not supported"},
      {"\"normalizer\": null", "\"normalizer\": {\"type\": \"Lowercase\"}",
       "normalizer: type 'Lowercase'"},
      {"\"type\": \"ByteLevel\", ", "\"type\": \"Whitespace\", ",
       "pre_tokenizer: type 'Whitespace'"},
      {"\"add_prefix_space\": false", "\"add_prefix_space\": true",
       "pre_tokenizer: add_prefix_space is not supported"},
      {"{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": true}",
       R"({"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated"})",
       "a text model without ByteLevel"},
      {"{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": true}",
       R"({"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Removed"})",
       "behavior 'Removed' (only Isolated) is not supported"},
      {"{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": true}",
       R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "("},
           "behavior": "Isolated"}, {"type": "ByteLevel", "use_regex": false}]})",
       "split pattern '('"},
      {"\"post_processor\": null", "\"post_processor\": {\"type\": \"RobertaProcessing\"}",
       "post_processor: type 'RobertaProcessing'"},
      {"\"post_processor\": null",
       R"("post_processor": {"type": "TemplateProcessing", "special_tokens": {},
          "single": [{"SpecialToken": {"id": "<s>"}}]})",
       "the template's token '<s>' has no ids"},
      {"\"decoder\": {\"type\": \"ByteLevel\"}", "\"decoder\": {\"type\": \"WordPiece\"}",
       "decoder: type 'WordPiece'"},
      {"\"model\"", "\"modell\"", "model"},
      {"{", "[", "tokenizer.json"},
  };
  for (const auto& [from, to, expected] : cases) {
    std::string message = error_with(from, to);
    EXPECT_NE(message.find(expected), std::string::npos) << to << " gave: " << message;
    EXPECT_EQ(message.find("tokenizer.json: "), 0u) << message;
  }
}

TEST(TokenizerJson, DeepNestingIsRefused) {
  std::string nested = "null";
  for (int i = 0; i < 20; ++i) {
    nested = R"({"type": "Sequence", "normalizers": [)" + nested + "]}";
  }
  EXPECT_NE(error_with("\"normalizer\": null", "\"normalizer\": " + nested), "no error");
}

TEST(TokenizerJson, UnusualButValidFilesAreRead) {
  EXPECT_EQ(error_with("\"a b\"", "[\"a\", \"b\"]"), "no error");
  EXPECT_EQ(error_with("\"b\": 1", "\"b\": 1.0"), "no error");
  EXPECT_EQ(error_with("\"type\": \"BPE\", ", ""), "no error");  // files before 2020 have no type
  EXPECT_EQ(error_with("\"decoder\": {\"type\": \"ByteLevel\"}", "\"decoder\": null"), "no error");
  EXPECT_EQ(error_with("\"normalizer\": null",
                       R"("normalizer": {"type": "Sequence", "normalizers": []})"),
            "no error");
  // A token that no bytes are written as is kept, but never encoded.
  EXPECT_EQ(error_with("\"id\": 3", "\"id\": 4").find("no error"), std::string::npos);
  std::string text = kSmall;
  text.replace(text.find("\"ab\": 2"), 7, "\"ab\": 2, \"\u4F60 x\": 4");
  Result<Tokenizer> made = parse_tokenizer_json(text);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(*made->decode(std::vector<int>{4, 2}), "\u4F60 xab");
  EXPECT_EQ(tokenizer_json(*parse_tokenizer_json(tokenizer_json(*made))), tokenizer_json(*made));
}

TEST(TokenizerJson, ConfigNamesBosAndEos) {
  auto configured = [](const std::string& config) {
    EXPECT_EQ(parse_tokenizer_json(kSmall)->bos(), 3);  // <s> is a known name
    Result<Tokenizer> made = parse_tokenizer_json(kSmall, config);
    if (!made) return made.error().message;
    return std::to_string(made->bos()) + " " + std::to_string(made->eos()) + " " +
           std::to_string(made->prefix().size());
  };
  EXPECT_EQ(configured("{}"), "3 -1 0");
  EXPECT_EQ(
      configured(R"({"bos_token": "<s>", "eos_token": {"content": "<s>"}, "add_bos_token": true})"),
      "3 3 1");
  EXPECT_EQ(configured(R"({"bos_token": null})"), "-1 -1 0");
  EXPECT_EQ(configured(R"({"eos_token": "</s>"})"),
            "tokenizer_config.json: eos_token '</s>' is no token of tokenizer.json");
  EXPECT_NE(configured("[").find("tokenizer_config.json"), std::string::npos);
}

TEST(TokenizerJson, F14AnAddBosTokenThatIsNullIsAbsent) {
  std::string text = kSmall;
  text.replace(text.find("\"post_processor\": null"), 22,
               R"("post_processor": {"type": "TemplateProcessing",
                   "special_tokens": {"<s>": {"id": "<s>", "ids": [3], "tokens": ["<s>"]}},
                   "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}]})");
  const auto framed = [&](const char* config) {
    return *parse_tokenizer_json(text, config)->encode("ab", {.framed = true});
  };
  EXPECT_EQ(framed("{}"), (std::vector<int>{3, 2}));
  EXPECT_EQ(framed(R"({"add_bos_token": null})"), (std::vector<int>{3, 2}));
  EXPECT_EQ(framed(R"({"add_bos_token": false})"), std::vector<int>{2});
}

TEST(TokenizerJson, F14AnEndThatIsAnOrdinaryTokenBecomesAControlToken) {
  Result<Tokenizer> made =
      parse_tokenizer_json(kSmall, R"({"eos_token": "ab", "pad_token": "b", "unk_token": "none"})");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->eos(), 2);
  EXPECT_EQ(made->pad(), 1);
  EXPECT_EQ(made->unk(), -1);
  EXPECT_TRUE(made->is_special(2));
  EXPECT_EQ(*made->encode("a", {.allow_special = true}), std::vector<int>{0});
  EXPECT_EQ(*made->encode("ab", {.allow_special = true}), std::vector<int>{2});
  EXPECT_EQ(*made->encode("ab"), (std::vector<int>{0, 1})) << "users can not type it";
  EXPECT_FALSE(made->is_added(1)) << "a pad token may be an ordinary one";
}

TEST(TokenizerJson, F14TheMapNamesWhatTheConfigDoesNot) {
  const std::string folder = testing::TempDir() + "weir_special_map";
  (void)remove_all(folder);
  ASSERT_TRUE(make_directories(folder));
  ASSERT_TRUE(write_file_atomic(join_path(folder, "tokenizer.json"), kSmall));
  ASSERT_TRUE(write_file_atomic(join_path(folder, "special_tokens_map.json"),
                                R"({"eos_token": {"content": "<s>"}, "pad_token": "a"})"));
  Result<Tokenizer> made = read_tokenizer(folder);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->eos(), 3);
  EXPECT_EQ(made->pad(), 0);
  ASSERT_TRUE(write_file_atomic(join_path(folder, "tokenizer_config.json"),
                                R"({"eos_token": "b", "pad_token": null})"));
  made = read_tokenizer(folder);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->eos(), 1);
  EXPECT_EQ(made->pad(), -1);
  // What is written names them again.
  ASSERT_TRUE(write_tokenizer(*parse_tokenizer_json(kSmall, R"({"pad_token": "<s>"})"), folder));
  ASSERT_TRUE(remove_all(join_path(folder, "special_tokens_map.json")));
  EXPECT_EQ(read_tokenizer(folder)->pad(), 3);
  ASSERT_TRUE(remove_all(folder));
}

TEST(TokenizerJson, FolderRoundTrip) {
  std::string text = must_read(test_data("training_text.txt"));
  std::string_view document = text;
  CharacterTokenizerOptions options;
  options.added_tokens = deepseek_chat_tokens();
  options.bos = options.added_tokens[0].text;
  options.eos = options.added_tokens[1].text;
  options.frames_with_bos = true;
  Result<Tokenizer> made = train_character_tokenizer({&document, 1}, options);
  ASSERT_TRUE(made);
  std::string folder = testing::TempDir() + "/weir_tokenizer_test";
  ASSERT_TRUE(make_directories(folder));
  ASSERT_TRUE(write_tokenizer(*made, folder, {.model_max_length = 4096, .chat_template = "{{x}}"}));
  Result<Tokenizer> again = read_tokenizer(folder);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(tokenizer_json(*again), tokenizer_json(*made));
  EXPECT_EQ(again->bos(), made->bos());
  EXPECT_EQ(again->eos(), made->eos());
  EXPECT_EQ(*again->encode(text, {.framed = true}), *made->encode(text, {.framed = true}));
  EXPECT_NE(must_read(folder + "/tokenizer_config.json").find("\"model_max_length\": 4096"),
            std::string::npos);
  ASSERT_TRUE(remove_all(folder));
  Result<Tokenizer> missing = read_tokenizer(folder);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find(folder), std::string::npos);
}

}  // namespace
}  // namespace weir
