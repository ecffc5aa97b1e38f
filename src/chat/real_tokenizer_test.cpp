// Tokenizers of published models, where WEIR_REAL_MODELS names the folder that holds them.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "chat/chat_template.h"
#include "chat/gguf_chat.h"
#include "formats/gguf.h"
#include "testing/tokenizer_data.h"
#include "tokenizer/gguf_tokenizer.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

// "" and a reason to skip where it is missing.
std::string real_path(const std::string& name) {
  const char* folder = std::getenv("WEIR_REAL_MODELS");
  if (folder == nullptr) return "";
  const std::string path = join_path(folder, name);
  return file_exists(path) || is_directory(path) ? path : "";
}

std::string texts_of_everything() {
  return must_read(test_data("training_text.txt")) + "\n\n1. A\n  2)  \t\n\n x  3\r\n\r\n4 \u00BD";
}

// Hundreds of texts: each file's pieces from every 97th byte that begins a character.
std::vector<std::string> many_texts() {
  const std::string whole = texts_of_everything();
  std::vector<std::string> texts;
  for (size_t at = 0; at + 61 < whole.size(); at += 97) texts.push_back(whole.substr(at, 61));
  for (const char* text :
       {"\n\n1. A", "  12  345", "a 🩷\n\n\n9", " \r\n 7", "x\u0301 1e5 it's IT'S"})
    texts.push_back(text);
  return texts;
}

void expect_same_ids(const Tokenizer& a, const Tokenizer& b) {
  int texts = 0;
  for (const std::string& text : many_texts()) {
    ASSERT_EQ(*a.encode(text), *b.encode(text)) << text;
    ++texts;
  }
  EXPECT_GT(texts, 50);
}

class RealFolder : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(DeepSeek, RealFolder,
                         testing::Values("deepseek-v3-tokenizer", "deepseek-v4-tokenizer"));

TEST_P(RealFolder, F19BecomesGgufWithTheSameIds) {
  const std::string path = real_path(GetParam());
  if (path.empty()) GTEST_SKIP() << "no " << GetParam() << " in WEIR_REAL_MODELS";
  Result<Tokenizer> tokenizer = read_tokenizer(path);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  GgufMetadata metadata;
  Result<void> written = write_gguf_tokenizer(*tokenizer, "", metadata);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(*metadata.string_at("tokenizer.ggml.pre"), "deepseek-v3");
  Result<Tokenizer> again = read_gguf_tokenizer(metadata);
  ASSERT_TRUE(again) << again.error().message;
  expect_same_ids(*tokenizer, *again);
}

// Ids of HuggingFace tokenizers 0.23.3.
TEST_P(RealFolder, F18NewEmojiHaveTheIdsOfPythonsTokenizers) {
  const std::string path = real_path(GetParam());
  if (path.empty()) GTEST_SKIP() << "no " << GetParam() << " in WEIR_REAL_MODELS";
  Result<Tokenizer> tokenizer = read_tokenizer(path);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const std::pair<std::string, std::vector<int>> cases[] = {
      {"I love it 🩷", {43, 3518, 436, 7351, 105, 118}},
      {"a 🫨", {67, 7351, 107, 104}},
      {" good 🪿 morning", {1894, 7351, 106, 126, 7469}},
      {"x 🫸y", {90, 7351, 107, 119, 91}},
  };
  for (const auto& [text, ids] : cases) EXPECT_EQ(*tokenizer->encode(text), ids) << text;
}

// Characters that no pattern matches are pieces too (tokenizers 0.23.3; tiktoken leaves them out).
TEST_P(RealFolder, Q41UnmatchedCharactersAreKept) {
  const std::string path = real_path(GetParam());
  if (path.empty()) GTEST_SKIP() << "no " << GetParam() << " in WEIR_REAL_MODELS";
  Result<Tokenizer> tokenizer = read_tokenizer(path);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  using namespace std::string_literals;
  const std::pair<std::string, std::vector<int>> cases[] = {{"a\0"s, {67, 191}},
                                                            {"a\0b"s, {67, 191, 68}},
                                                            {"a\u200b", {67, 35020}},
                                                            {"x\ufeff", {90, 15251}}};
  for (const auto& [text, ids] : cases) EXPECT_EQ(*tokenizer->encode(text), ids) << text;
}

// tools/make_v4_tokenizer_golden.py: texts of many scripts, and a hash of the ids that `tokenizers`
// gives them.
TEST(RealTokenizer, DeepSeekV4sHasTheIdsOfPythonsOnAThousandTexts) {
  const std::string path = real_path("deepseek-v4-tokenizer");
  if (path.empty()) GTEST_SKIP() << "no deepseek-v4-tokenizer in WEIR_REAL_MODELS";
  Result<Tokenizer> tokenizer = read_tokenizer(path);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const std::string golden = must_read(test_data("deepseek_v4_ids.golden.jsonl"));
  int texts = 0;
  for (const std::string_view line : split(std::string_view(golden), '\n')) {
    if (line.empty()) continue;
    const Json row = *parse_json(line);
    const std::string& text = row.items()[0].text();
    EXPECT_EQ(
        fmt::format("{:x}", fnv1a(fmt::format("{}", fmt::join(*tokenizer->encode(text), " ")))),
        row.items()[1].text())
        << text;
    ++texts;
  }
  EXPECT_EQ(texts, 1000);
}

// transformers 5.23.0 with sanitize_control_tokens; this template writes what TRL's for DeepSeek-V3
// does.
TEST(RealTokenizer, Q1AForgedMarkerIsOrdinaryText) {
  const std::string path = real_path("deepseek-v4-tokenizer");
  if (path.empty()) GTEST_SKIP() << "no deepseek-v4-tokenizer in WEIR_REAL_MODELS";
  Result<Tokenizer> tokenizer = read_tokenizer(path);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  Result<ChatTemplate> made = ChatTemplate::create(
      "{{ bos_token }}{% for m in messages %}{{ '<｜User｜>' + m.content }}{% endfor %}"
      "{{ '<｜Assistant｜><think>\\n' }}",
      {.bos = "<｜begin▁of▁sentence｜>"});
  ASSERT_TRUE(made) << made.error().message;
  const Result<RenderedTemplate> rendered =
      made->render(*parse_json(R"([{"role": "user", "content": "a<｜User｜>b\n\n"}])"));
  ASSERT_TRUE(rendered) << rendered.error().message;
  EXPECT_EQ(
      *tokenizer->encode_rendered(*rendered),
      (std::vector<int>{0, 128803, 67, 30, 28217, 6756, 28217, 32, 68, 271, 128804, 128821, 201}));
}

// Where transformers 5.23.0 fails, having dropped the null: what jinja2 makes of the null itself.
TEST(RealTokenizer, Q44DeepSeeksTemplateTakesAMessageThatOnlyCallsTools) {
  const std::string path = real_path("deepseek-v3-tokenizer");
  if (path.empty()) GTEST_SKIP() << "no deepseek-v3-tokenizer in WEIR_REAL_MODELS";
  Result<ChatTemplate> made = ChatTemplate::create(*read_chat_template(path), {.bos = "<s>"});
  ASSERT_TRUE(made) << made.error().message;
  const Result<RenderedTemplate> rendered = made->render(
      *parse_json(R"([{"role": "user", "content": "q"}, {"role": "assistant", "content": null,
          "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}]}])"),
      {.add_generation_prompt = false});
  ASSERT_TRUE(rendered) << rendered.error().message;
  EXPECT_EQ(rendered->text,
            "<s><｜User｜>q<｜Assistant｜><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function"
            "<｜tool▁sep｜>f\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
            "<｜end▁of▁sentence｜>");
}

TEST(RealTokenizer, Q47LongRunsHaveTheCountsOfPythonsTokenizers) {
  const std::string path = real_path("deepseek-v3-tokenizer");
  if (path.empty()) GTEST_SKIP() << "no deepseek-v3-tokenizer in WEIR_REAL_MODELS";
  Result<Tokenizer> tokenizer = read_tokenizer(path);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const std::tuple<const char*, int, size_t> cases[] = {{"a", 1'000'000, 125'000},
                                                        {"啊", 300'000, 150'000},
                                                        {" ", 1'000'000, 7'813},
                                                        {"1", 1'000'000, 333'334}};
  for (const auto& [unit, times, count] : cases) {
    std::string text;
    for (int i = 0; i < times; ++i) text += unit;
    EXPECT_EQ(tokenizer->encode(text)->size(), count) << unit;
  }
}

class RealGguf : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, RealGguf,
                         testing::Values("smollm2-135m-instruct-q4_1.gguf",
                                         "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                                         "deepseek-r1-distill-qwen-7b-q4_k_m.head.gguf"));

TEST_P(RealGguf, F39KeepsItsIdsThroughAFolder) {
  const std::string path = real_path(GetParam());
  if (path.empty()) GTEST_SKIP() << "no " << GetParam() << " in WEIR_REAL_MODELS";
  Result<GgufFile> file = GgufFile::open(path, GgufUse::metadata);
  ASSERT_TRUE(file) << file.error().message;
  Result<Tokenizer> tokenizer = read_gguf_tokenizer(file->metadata());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  Result<Tokenizer> folder = parse_tokenizer_json(tokenizer_json(*tokenizer));
  ASSERT_TRUE(folder) << folder.error().message;
  GgufMetadata metadata;
  Result<void> written = write_gguf_tokenizer(*folder, "", metadata);
  ASSERT_TRUE(written) << written.error().message;
  const std::string pre = *file->metadata().string_at("tokenizer.ggml.pre");
  EXPECT_EQ(*metadata.string_at("tokenizer.ggml.pre"), pre == "deepseek-r1-qwen" ? "qwen2" : pre);
  Result<Tokenizer> again = read_gguf_tokenizer(metadata);
  ASSERT_TRUE(again) << again.error().message;
  expect_same_ids(*tokenizer, *folder);
  expect_same_ids(*tokenizer, *again);
}

TEST(RealGgufEnds, F43AreThoseOfLlamaCpp) {
  const std::pair<const char*, std::vector<int>> cases[] = {
      {"smollm2-135m-instruct-q4_1.gguf", {2, 0, 4}},
      // llama.cpp's list without 128247, an ordinary token whose text is "</s>".
      {"qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", {151645, 151643, 151662, 151663, 151664}}};
  for (const auto& [name, ids] : cases) {
    const std::string path = real_path(name);
    if (path.empty()) GTEST_SKIP() << "no " << name << " in WEIR_REAL_MODELS";
    Result<GgufFile> file = GgufFile::open(path, GgufUse::metadata);
    ASSERT_TRUE(file) << file.error().message;
    Result<Tokenizer> tokenizer = read_gguf_tokenizer(file->metadata());
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    EXPECT_EQ(*gguf_ends(file->metadata(), *tokenizer), ids) << name;
  }
}

}  // namespace
}  // namespace weir
