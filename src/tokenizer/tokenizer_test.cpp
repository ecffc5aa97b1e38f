#include "tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "testing/tokenizer_data.h"
#include "testing/work_fixture.h"
#include "text/unicode.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

// Trained once on the committed text: 700 tokens, chat tokens first.
const Tokenizer& trained() {
  static const Tokenizer tokenizer = [] {
    std::string text = must_read(test_data("training_text.txt"));
    std::string_view document = text;
    TokenizerTrainOptions options;
    options.vocab_size = 700;
    options.added_tokens = deepseek_chat_tokens();
    options.bos = options.added_tokens[0].text;
    options.eos = options.added_tokens[1].text;
    options.frames_with_bos = true;
    ThreadPool pool(1);
    Result<Tokenizer> made = train_tokenizer({&document, 1}, options, pool);
    EXPECT_TRUE(made) << made.error().message;
    return *std::move(made);
  }();
  return tokenizer;
}

std::vector<int> encode(const Tokenizer& tokenizer, std::string_view text,
                        EncodeOptions options = {}) {
  Result<std::vector<int>> ids = tokenizer.encode(text, options);
  EXPECT_TRUE(ids) << ids.error().message;
  return ids ? *ids : std::vector<int>();
}

std::string random_bytes(uint64_t seed, size_t n) {
  Random random(seed, 2);
  std::string bytes;
  // Every third text is any bytes, the others are mostly letters with some junk between.
  for (size_t i = 0; i < n; ++i) {
    bool junk = seed % 3 == 0 || random.below(20) == 0;
    bytes += junk ? char(random.below(256)) : "etaoin shrdlu\n"[random.below(14)];
  }
  return bytes;
}

TEST(Tokenizer, AnyBytesComeBack) {
  const Tokenizer& tokenizer = trained();
  std::string all;
  for (int b = 0; b < 256; ++b) all += char(b);
  std::vector<std::string> texts = {"", all, all + all, "\xFF", "a\xE4\xBD"};
  for (uint64_t seed = 0; seed < 200; ++seed) texts.push_back(random_bytes(seed, 1 + seed * 3));
  for (const std::string& text : texts) {
    Result<std::string> back = tokenizer.decode_bytes(encode(tokenizer, text));
    ASSERT_TRUE(back);
    ASSERT_EQ(*back, text);
  }
}

TEST(Tokenizer, UserTextCannotForgeControlTokens) {
  const Tokenizer& tokenizer = trained();
  std::string forged;
  for (const AddedToken& token : tokenizer.added_tokens()) forged += token.text + " x" + token.text;
  std::vector<int> ids = encode(tokenizer, forged);
  for (int id : ids) EXPECT_FALSE(tokenizer.is_added(id)) << id;
  EXPECT_EQ(*tokenizer.decode_bytes(ids), forged);

  std::vector<int> trusted = encode(tokenizer, forged, {.allow_special = true});
  size_t added = 0;
  for (int id : trusted) added += tokenizer.is_added(id);
  EXPECT_EQ(added, 2 * tokenizer.added_tokens().size());
  EXPECT_EQ(*tokenizer.decode_bytes(trusted, true), forged);
}

TEST(Tokenizer, MergesCannotLeadToAnAddedToken) {
  // A vocabulary whose merges spell the control token out of plain letters.
  TokenizerSpec spec;
  spec.tokens = {"<", "s", ">", "<s", "<s>", "x"};
  spec.merges = {{"<", "s"}, {"<s", ">"}};
  spec.added = {{.id = 4, .text = "<s>"}};
  spec.ignore_merges = true;
  Result<Tokenizer> made = Tokenizer::create(std::move(spec));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(encode(*made, "<s>"), (std::vector<int>{3, 2}));
  EXPECT_EQ(encode(*made, "x<s>x", {.allow_special = true}), (std::vector<int>{5, 4, 5}));
}

TEST(Tokenizer, LettersThatAreAddedTokensMatchInAnyText) {
  // As in DeepSeek-LLM, where some letters are only there as added tokens.
  TokenizerSpec spec;
  spec.tokens = {"F", "h", "r", "\u00FC", "\u00FCh"};
  spec.added = {{.id = 3, .text = "\u00FC", .special = false},
                {.id = 4, .text = "\u00FCh", .special = false}};
  Result<Tokenizer> made = Tokenizer::create(std::move(spec));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(encode(*made, "F\u00FChr\u00FC"), (std::vector<int>{0, 4, 2, 3}));  // longest first
  EXPECT_EQ(*made->decode(std::vector<int>{0, 4, 2, 3}), "F\u00FChr\u00FC");
}

TEST(Tokenizer, FramingAndSkippingOfSpecialTokens) {
  const Tokenizer& tokenizer = trained();
  std::vector<int> ids = encode(tokenizer, "Hello", {.framed = true});
  ASSERT_GT(ids.size(), 1u);
  EXPECT_EQ(ids[0], tokenizer.bos());
  EXPECT_EQ(*tokenizer.decode(ids), "Hello");
  EXPECT_EQ(*tokenizer.decode(ids, true), "<｜begin▁of▁sentence｜>Hello");
  EXPECT_EQ(tokenizer.find_added("<think>"), 6);
  EXPECT_FALSE(tokenizer.is_special(6));
  EXPECT_EQ(tokenizer.find_added("Hello"), std::nullopt);
  EXPECT_EQ(tokenizer.token_bytes(*tokenizer.find("A")), "A");
  EXPECT_EQ(tokenizer.find("<think>"), std::nullopt);
  EXPECT_FALSE(tokenizer.decode(std::vector<int>{0, tokenizer.size()}));
  EXPECT_FALSE(tokenizer.decode(std::vector<int>{-1}));
}

TEST(Tokenizer, StreamingEqualsDecodingForEverySplit) {
  const Tokenizer& tokenizer = trained();
  std::vector<std::string> texts = {"Hello \u4F60\u597D \U0001F600\U0001F44D\U0001F3FD!",
                                    "broken \xE4\xBD then \xFF\xFE and \xF0\x9F\x98",
                                    "\xF0\x9F\x98\x80"};
  for (uint64_t seed = 0; seed < 100; ++seed) texts.push_back(random_bytes(seed, 80));
  for (const std::string& text : texts) {
    // Bytes one token each, so that characters are cut everywhere, and as encoded.
    std::vector<int> bytes;
    for (char c : text) bytes.push_back(*tokenizer.find(std::string(1, c)));
    for (const std::vector<int>& ids : {bytes, encode(tokenizer, text)}) {
      std::string whole = *tokenizer.decode(ids);
      EXPECT_EQ(whole, replace_invalid_utf8(text));
      StreamDecoder stream(tokenizer);
      std::string joined;
      for (int id : ids) {
        std::string part = stream.push(id);
        EXPECT_EQ(valid_utf8_prefix(part), part.size());
        joined += part;
      }
      joined += stream.finish();
      EXPECT_EQ(joined, whole);
    }
  }
}

TEST(Tokenizer, StreamHoldsBackSpecialTokensAndStrangers) {
  const Tokenizer& tokenizer = trained();
  StreamDecoder hidden(tokenizer), shown(tokenizer, true);
  EXPECT_EQ(hidden.push(tokenizer.eos()), "");
  EXPECT_EQ(shown.push(tokenizer.eos()), "<｜end▁of▁sentence｜>");
  EXPECT_EQ(hidden.push(6), "<think>");
  EXPECT_EQ(hidden.push(-1), "");
  EXPECT_EQ(hidden.push(1 << 30), "");
}

TEST(Tokenizer, DocumentsInParallelEqualOneByOne) {
  const Tokenizer& tokenizer = trained();
  std::string text = must_read(test_data("training_text.txt"));
  std::string large;
  for (int i = 0; large.size() < (3 << 20); ++i) large += text + random_bytes(uint64_t(i), 50);
  std::vector<std::string_view> documents = {text, "",   large,
                                             "x",  text, std::string_view(large).substr(7)};
  for (int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    for (bool framed : {false, true}) {
      EncodeOptions options = {.allow_special = true, .framed = framed};
      auto all = tokenizer.encode_documents(documents, pool, options);
      ASSERT_TRUE(all) << all.error().message;
      ASSERT_EQ(all->size(), documents.size());
      for (size_t i = 0; i < documents.size(); ++i) {
        ASSERT_EQ((*all)[i], encode(tokenizer, documents[i], options)) << i;
      }
    }
  }
}

TEST(Tokenizer, TenMegabytesOfOneLetterAreNotQuadratic) {
  const Tokenizer& tokenizer = trained();
  for (char c : {'a', ' '}) {
    expect_linear_work(1 << 14, [&](size_t length) { encode(tokenizer, std::string(length, c)); });
    const std::string text(10 << 20, c);
    EXPECT_EQ(*tokenizer.decode_bytes(encode(tokenizer, text)), text);
  }
}

TEST(Tokenizer, UnknownByteIsAnErrorThatSaysWhere) {
  std::string text = "to be or not";
  std::string_view document = text;
  Result<Tokenizer> made = train_character_tokenizer({&document, 1}, {});
  ASSERT_TRUE(made);
  Result<std::vector<int>> ids = made->encode("to be? \u00E9");
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().message,
            "the vocabulary has no token for byte 0x3F (in '?') at position 5; train the tokenizer "
            "on text that has it, or with the full byte alphabet");
  std::vector<std::string_view> documents = {"to", "be", "\n"};
  ThreadPool pool(2);
  auto all = made->encode_documents(documents, pool);
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().message.find("document 2: the vocabulary has no token for byte 0x0A at "),
            0u);
}

TEST(Tokenizer, AddedTokensAfterwards) {
  std::string text = "abcabc";
  std::string_view document = text;
  Result<Tokenizer> made = train_character_tokenizer({&document, 1}, {.only_seen = false});
  ASSERT_TRUE(made);
  ASSERT_EQ(made->size(), 256);
  EXPECT_EQ(*made->add_token("<|im_end|>"), 256);
  EXPECT_EQ(*made->add_token("<|im_end|>"), 256);
  EXPECT_EQ(*made->add_token("<x>", false), 257);
  EXPECT_FALSE(made->add_token(""));
  EXPECT_EQ(encode(*made, "a<|im_end|>", {.allow_special = true}), (std::vector<int>{97, 256}));
  EXPECT_EQ(encode(*made, "a<|im_end|>").size(), 11u);
}

TEST(Tokenizer, NfcIsAppliedBetweenAddedTokens) {
  TokenizerSpec spec;
  for (int b = 0; b < 256; ++b) {
    spec.tokens.push_back(bytes_to_characters(std::string(1, char(b))));
  }
  spec.nfc = true;
  spec.tokens.resize(258);
  spec.added = {{.id = 256, .text = "e\u0301", .special = false},
                {.id = 257, .text = "o\u0301", .special = false, .normalized = true}};
  Result<Tokenizer> made = Tokenizer::create(std::move(spec));
  ASSERT_TRUE(made) << made.error().message;
  // The first is looked for as it stands, the second in composed text, however it was written.
  EXPECT_EQ(encode(*made, "e\u0301"), std::vector<int>{256});
  EXPECT_EQ(encode(*made, "\u00E9"), (std::vector<int>{0xC3, 0xA9}));
  EXPECT_EQ(encode(*made, "o\u0301\u00F3"), (std::vector<int>{257, 257}));
  EXPECT_EQ(encode(*made, "u\u0301"), (std::vector<int>{0xC3, 0xBA}));
}

TEST(Tokenizer, CreateRefusesInconsistentParts) {
  auto error = [](TokenizerSpec spec) {
    Result<Tokenizer> made = Tokenizer::create(std::move(spec));
    return made ? std::string("no error") : made.error().message;
  };
  auto base = [] {
    TokenizerSpec spec;
    spec.tokens = {"a", "b", "ab"};
    return spec;
  };
  EXPECT_EQ(error(base()), "no error");
  EXPECT_EQ(error({}), "a vocabulary of 0 tokens; it must have from 1 to 2000000");
  TokenizerSpec spec = base();
  spec.tokens[1] = "";
  EXPECT_EQ(error(std::move(spec)), "no token has id 1; ids must run from 0 to 2 without holes");
  spec = base();
  spec.tokens[1] = "a";
  EXPECT_EQ(error(std::move(spec)), "token 'a' has two ids, 0 and 1");
  spec = base();
  spec.tokens[2] = std::string((64 << 10) + 1, 'a');
  EXPECT_NE(error(std::move(spec)).find("is longer than 64 KiB"), std::string::npos);
  spec = base();
  spec.merges = {{"a", "b"}, {"b", "a"}};
  EXPECT_EQ(error(std::move(spec)),
            "merge 1 ('b' with 'a') needs the token 'ba', which the vocabulary lacks");
  spec = base();
  spec.added = {{.id = 3, .text = "<s>"}};
  EXPECT_EQ(error(std::move(spec)), "added token '<s>' has id 3, outside 0..2");
  spec = base();
  spec.added = {{.id = 1, .text = "<s>"}, {.id = 1, .text = "</s>"}};
  EXPECT_EQ(error(std::move(spec)), "two added tokens have id 1, one is '</s>'");
  spec = base();
  spec.added = {{.id = 1, .text = "<s>"}, {.id = 2, .text = "<s>"}};
  EXPECT_EQ(error(std::move(spec)), "added token '<s>' is listed twice");
  spec = base();
  spec.added = {{.id = 1, .text = std::string(1025, 'x')}};
  EXPECT_NE(error(std::move(spec)).find("limited to 1 KiB"), std::string::npos);
  spec = base();
  spec.prefix = {7};
  EXPECT_EQ(error(std::move(spec)), "the post-processor adds token id 7, which does not exist");
}

}  // namespace
}  // namespace weir
