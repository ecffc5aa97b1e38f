// Small tokenizers through GGUF's metadata and back; published_vocabulary_test.cpp has real ones.
#include "tokenizer/gguf_tokenizer.h"

#include <gtest/gtest.h>

#include "text/unicode.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

constexpr const char* kTypes = "tokenizer.ggml.token_type";

// 256 bytes, "he", "ll", "hell", a control token, an added one, and what the case wants.
TokenizerSpec small_spec(const std::string& preset) {
  TokenizerSpec spec;
  spec.pre_tokenizer = *PreTokenizer::preset(preset);
  for (int byte = 0; byte < 256; ++byte)
    spec.tokens.push_back(bytes_to_characters(std::string(1, char(byte))));
  for (const char* token : {"he", "ll", "hell", "<|bos|>", "\u00FC", "<|eos|>"})
    spec.tokens.push_back(token);
  // The added letter takes the place of the byte that is written so.
  spec.tokens[0xFC] = "unused";
  spec.merges = {{"h", "e"}, {"l", "l"}, {"he", "ll"}};
  spec.added = {{259, "<|bos|>", true}, {260, "\u00FC", false}, {261, "<|eos|>", true}};
  spec.bos = 259;
  spec.eos = 261;
  spec.prefix = {259};
  return spec;
}

Tokenizer small(const std::string& preset) {
  Result<Tokenizer> made = Tokenizer::create(small_spec(preset));
  EXPECT_TRUE(made) << made.error().message;
  return *std::move(made);
}

GgufMetadata metadata_of(const Tokenizer& tokenizer, int rows = 0) {
  GgufMetadata metadata;
  Result<void> written = write_gguf_tokenizer(tokenizer, "", metadata, rows);
  EXPECT_TRUE(written) << written.error().message;
  return metadata;
}

std::string refusal(const GgufMetadata& metadata) {
  Result<Tokenizer> read = read_gguf_tokenizer(metadata);
  return read ? "" : read.error().message;
}

void expect_same(const Tokenizer& a, const Tokenizer& b) {
  EXPECT_EQ(tokenizer_json(a), tokenizer_json(b));
  EXPECT_EQ(tokenizer_config_json(a, {}), tokenizer_config_json(b, {}));
}

TEST(GgufTokenizer, IsTheSameAfterWritingAndReading) {
  for (const char* preset : {"gpt-2", "deepseek-llm", "deepseek-coder", "deepseek-v3", "llama3"}) {
    Tokenizer tokenizer = small(preset);
    GgufMetadata metadata = metadata_of(tokenizer);
    Result<Tokenizer> again = read_gguf_tokenizer(metadata);
    ASSERT_TRUE(again) << again.error().message;
    expect_same(tokenizer, *again);
  }
}

TEST(GgufTokenizer, NamesTheSplittingAsLlamaCppDoes) {
  struct Case {
    const char* preset;
    bool nfc, ignore_merges;
    const char* name;
  };
  for (Case c :
       {Case{"qwen2", true, false, "qwen2"}, Case{"qwen2", false, false, "qwen2"},
        Case{"llama3", false, true, "llama-bpe"}, Case{"llama3", false, false, "smaug-bpe"},
        Case{"kimi-k2", false, true, "kimi-k2"}, Case{"gpt-2", true, false, "gpt-2"}}) {
    TokenizerSpec spec = small_spec(c.preset);
    spec.nfc = c.nfc;
    spec.ignore_merges = c.ignore_merges;
    Tokenizer tokenizer = *Tokenizer::create(std::move(spec));
    GgufMetadata metadata = metadata_of(tokenizer);
    EXPECT_EQ(*metadata.string_at("tokenizer.ggml.pre"), c.name);
    Result<Tokenizer> again = read_gguf_tokenizer(metadata);
    ASSERT_TRUE(again) << again.error().message;
    expect_same(tokenizer, *again);
  }
}

TEST(GgufTokenizer, ReadsEveryNameOfASplitting) {
  struct Case {
    const char *name, *preset;
    bool nfc, ignore_merges;
  };
  GgufMetadata metadata = metadata_of(small("gpt-2"));
  for (Case c : {Case{"deepseek-r1-qwen", "qwen2", true, false},
                 Case{"llama3", "llama3", false, true}, Case{"llama-v3", "llama3", false, true},
                 Case{"dbrx", "llama3", false, false}, Case{"default", "", false, false}}) {
    metadata.set("tokenizer.ggml.pre", c.name);
    Result<Tokenizer> tokenizer = read_gguf_tokenizer(metadata);
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    EXPECT_EQ(tokenizer->pre_tokenizer().name(), c.preset);
    EXPECT_EQ(tokenizer->nfc(), c.nfc);
    EXPECT_EQ(tokenizer->ignores_merges(), c.ignore_merges);
    GgufMetadata again;
    EXPECT_TRUE(write_gguf_tokenizer(*tokenizer, "", again));
  }
  metadata.set("tokenizer.ggml.pre", "tekken");
  EXPECT_NE(refusal(metadata).find("'tekken', which is not supported; known are deepseek-llm"),
            std::string::npos);
}

TEST(GgufTokenizer, UsersCanNotTypeControlTokens) {
  Tokenizer tokenizer = *read_gguf_tokenizer(metadata_of(small("deepseek-v3")));
  EXPECT_TRUE(tokenizer.is_special(259));
  EXPECT_FALSE(tokenizer.is_special(260));
  EXPECT_TRUE(tokenizer.is_added(260));
  EXPECT_EQ(*tokenizer.encode("hell\u00FC"), (std::vector<int>{258, 260}));
  EXPECT_EQ(tokenizer.encode("<|bos|>")->size(), 7u);
  EXPECT_EQ(*tokenizer.encode("<|bos|>", {.allow_special = true}), std::vector<int>{259});
}

TEST(GgufTokenizer, PadsToTheRowsOfTheModel) {
  Tokenizer tokenizer = small("deepseek-v3");
  GgufMetadata metadata = metadata_of(tokenizer, 264);
  const std::vector<std::string>& tokens = **metadata.strings_at("tokenizer.ggml.tokens");
  const std::vector<int64_t>& types = **metadata.ints_at(kTypes);
  ASSERT_EQ(tokens.size(), 264u);
  EXPECT_EQ(tokens[262], "[PAD262]");
  EXPECT_EQ(types[258], 1);
  EXPECT_EQ(types[259], 3);
  EXPECT_EQ(types[260], 4);
  EXPECT_EQ(types[263], 5);
  EXPECT_EQ(read_gguf_tokenizer(metadata)->size(), 262);
  GgufMetadata small_model;
  EXPECT_FALSE(write_gguf_tokenizer(tokenizer, "", small_model, 261));
}

TEST(GgufTokenizer, FramesTextsAsTheFileSays) {
  GgufMetadata metadata = metadata_of(small("llama3"));
  EXPECT_EQ(read_gguf_tokenizer(metadata)->prefix(), std::vector<int>{259});
  metadata.set("tokenizer.ggml.add_bos_token", false);
  metadata.set("tokenizer.ggml.add_eos_token", true);
  EXPECT_TRUE(read_gguf_tokenizer(metadata)->prefix().empty());
  EXPECT_EQ(read_gguf_tokenizer(metadata)->suffix(), std::vector<int>{261});
  // Llama 3's files need not say that BOS is added, others must.
  GgufMetadata silent;
  for (const GgufMetadata::Entry& entry : metadata.entries())
    if (entry.key.find(".add_") == std::string::npos) silent.set(entry.key, entry.value);
  EXPECT_TRUE(read_gguf_tokenizer(silent)->prefix().empty());
  silent.set("tokenizer.ggml.pre", "llama-bpe");
  EXPECT_EQ(read_gguf_tokenizer(silent)->prefix(), std::vector<int>{259});
}

TEST(GgufTokenizer, TakesSingleDigitsForRunsWhereNoTokenHasTwo) {
  // DeepSeek's tokenizer.json ends in {"type": "Digits", "individual_digits": true}.
  TokenizerSpec spec = small_spec("deepseek-llm");
  std::vector<SplitStep> steps = spec.pre_tokenizer.steps();
  steps.back() = {SplitStep::Kind::each_digit, ""};
  spec.pre_tokenizer = *PreTokenizer::from_steps(steps);
  Tokenizer tokenizer = *Tokenizer::create(std::move(spec));
  EXPECT_EQ(*metadata_of(tokenizer).string_at("tokenizer.ggml.pre"), "deepseek-llm");

  spec = small_spec("none");
  spec.pre_tokenizer = *PreTokenizer::from_steps(steps);
  spec.tokens.push_back("12");
  spec.merges.push_back({"1", "2"});
  // With a token of two digits runs would be joined. DeepSeek Coder's pattern isolates digits, and
  // no token of this small vocabulary tells it from DeepSeek LLM's.
  tokenizer = *Tokenizer::create(std::move(spec));
  GgufMetadata metadata = metadata_of(tokenizer);
  EXPECT_EQ(*metadata.string_at("tokenizer.ggml.pre"), "deepseek-coder");
  EXPECT_EQ(*read_gguf_tokenizer(metadata)->encode("he12 345"), *tokenizer.encode("he12 345"));
}

TEST(GgufTokenizer, SaysWhatGgufCanNotName) {
  auto message = [](TokenizerSpec spec) {
    GgufMetadata metadata;
    Tokenizer tokenizer = *Tokenizer::create(std::move(spec));
    Result<void> written = write_gguf_tokenizer(tokenizer, "", metadata);
    return written ? "" : written.error().message;
  };
  EXPECT_NE(message(small_spec("char")).find("none of its names"), std::string::npos);
  TokenizerSpec ignoring = small_spec("deepseek-v3");
  ignoring.ignore_merges = true;
  // Tokens that no other pattern treats alike: control characters beside signs, changes of case.
  for (const auto& [left, right] : {std::pair("\u0101", "!"), std::pair("a", "B")}) {
    ignoring.tokens.push_back(std::string(left) + right);
    ignoring.merges.emplace_back(left, right);
  }
  EXPECT_NE(message(std::move(ignoring)).find("ignore_merges"), std::string::npos);
  TokenizerSpec framed = small_spec("deepseek-v3");
  framed.suffix = {260};
  EXPECT_NE(message(std::move(framed)).find("frames texts"), std::string::npos);
  TokenizerSpec twice = small_spec("deepseek-v3");
  twice.tokens[0xFC] = "\u00FC";
  EXPECT_NE(message(std::move(twice)).find("two tokens are written"), std::string::npos);
}

TEST(GgufTokenizer, KeepsTheChatTemplate) {
  GgufMetadata metadata;
  ASSERT_TRUE(write_gguf_tokenizer(small("deepseek-v3"), "{{ x }}", metadata));
  EXPECT_EQ(*metadata.string_at("tokenizer.chat_template"), "{{ x }}");
}

TEST(GgufTokenizer, F14WithoutTokenTypesTheIdKeysNameControlTokens) {
  const Tokenizer tokenizer = small("deepseek-v3");
  const GgufMetadata typed = metadata_of(tokenizer);
  GgufMetadata untyped;
  for (const GgufMetadata::Entry& entry : typed.entries())
    if (entry.key != kTypes) untyped.set(entry.key, entry.value, entry.width);
  Result<Tokenizer> read = read_gguf_tokenizer(untyped);
  ASSERT_TRUE(read) << read.error().message;
  for (const char* text : {"hell", "<|bos|>x<|eos|>", "he ll"})
    EXPECT_EQ(*read->encode(text, {.allow_special = true, .framed = true}),
              *tokenizer.encode(text, {.allow_special = true, .framed = true}))
        << text;
  EXPECT_TRUE(read->is_special(259) && read->is_special(261));
  EXPECT_FALSE(read->is_added(258));
}

TEST(GgufTokenizer, F44PadAndUnknownTokensAreKept) {
  TokenizerSpec spec = small_spec("deepseek-v3");
  spec.pad = 261;
  spec.unk = 259;
  const Tokenizer tokenizer = *Tokenizer::create(std::move(spec));
  const GgufMetadata metadata = metadata_of(tokenizer);
  EXPECT_EQ(*metadata.int_at("tokenizer.ggml.padding_token_id"), 261);
  EXPECT_EQ(*metadata.int_at("tokenizer.ggml.unknown_token_id"), 259);
  Result<Tokenizer> again = read_gguf_tokenizer(metadata);
  ASSERT_TRUE(again) << again.error().message;
  expect_same(tokenizer, *again);
  EXPECT_EQ(again->pad(), 261);
}

TEST(GgufTokenizer, ReadsTheOtherTypesOfTokens) {
  GgufMetadata metadata = metadata_of(small("gpt-2"));
  std::vector<std::string> tokens = **metadata.strings_at("tokenizer.ggml.tokens");
  std::vector<int64_t> types = **metadata.ints_at(kTypes);
  tokens[0xFC] = "<0xFC>";
  types[0xFC] = 6;  // a byte
  types[259] = 2;   // unknown: a control token too
  types[257] = 5;   // unused, but merges lead to it
  metadata.set("tokenizer.ggml.tokens", tokens);
  metadata.set(kTypes, types);
  Result<Tokenizer> tokenizer = read_gguf_tokenizer(metadata);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->token_bytes(0xFC), "\xFC");
  EXPECT_TRUE(tokenizer->is_special(259));
  EXPECT_EQ(*tokenizer->encode("ll"), std::vector<int>{257});
}

}  // namespace
}  // namespace weir
