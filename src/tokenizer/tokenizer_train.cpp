// Training from documents to tokenizer: alphabet and added tokens here, the counting of pieces and
// the merging of pairs in files of their own.
#include "tokenizer/tokenizer_train.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "text/unicode.h"
#include "tokenizer/pair_merger.h"
#include "tokenizer/piece_counts.h"
#include "tokenizer/pretokenize.h"

namespace weir {
namespace {

constexpr int kVocabMax = 2'000'000;

std::string quoted(std::string_view text) { return "'" + replace_invalid_utf8(text) + "'"; }

// Checks the added tokens, and puts them first into the specification.
Result<void> put_added_first(const std::vector<NewToken>& added, const std::string& bos,
                             const std::string& eos, bool frames_with_bos, TokenizerSpec& spec) {
  for (const NewToken& token : added) {
    std::optional<std::string> bytes = characters_to_bytes(token.text);
    if (token.text.empty() || (bytes && bytes->size() == 1)) {
      return Error{"added token " + quoted(token.text) + " must have at least two characters"};
    }
    int id = int(spec.tokens.size());
    spec.tokens.push_back(token.text);
    spec.added.push_back({.id = id, .text = token.text, .special = token.special});
    if (token.text == bos) spec.bos = id;
    if (token.text == eos) spec.eos = id;
  }
  if (!bos.empty() && spec.bos < 0) return Error{"BOS " + quoted(bos) + " is not an added token"};
  if (!eos.empty() && spec.eos < 0) return Error{"EOS " + quoted(eos) + " is not an added token"};
  if (frames_with_bos && spec.bos >= 0) spec.prefix = {spec.bos};
  return {};
}

}  // namespace

std::vector<NewToken> deepseek_chat_tokens() {
  return {{"<｜begin▁of▁sentence｜>"},
          {"<｜end▁of▁sentence｜>"},
          {"<｜▁pad▁｜>"},
          {"<｜User｜>"},
          {"<｜Assistant｜>"},
          {"<|EOT|>"},
          {"<think>", false},
          {"</think>", false},
          {"<｜fim▁hole｜>"},
          {"<｜fim▁begin｜>"},
          {"<｜fim▁end｜>"},
          {"<｜tool▁calls▁begin｜>"},
          {"<｜tool▁calls▁end｜>"},
          {"<｜tool▁call▁begin｜>"},
          {"<｜tool▁call▁end｜>"},
          {"<｜tool▁outputs▁begin｜>"},
          {"<｜tool▁outputs▁end｜>"},
          {"<｜tool▁output▁begin｜>"},
          {"<｜tool▁output▁end｜>"},
          {"<｜tool▁sep｜>"}};
}

Result<Tokenizer> train_tokenizer(std::span<const std::string_view> documents,
                                  const TokenizerTrainOptions& options, ThreadPool& pool,
                                  const TrainProgress& progress) {
  TokenizerSpec spec;
  spec.nfc = options.nfc;
  spec.pre_tokenizer = TRY(PreTokenizer::preset(options.pattern, options.isolate_digits));
  TRY(put_added_first(options.added_tokens, options.bos, options.eos, options.frames_with_bos,
                      spec));
  PieceCounts text = TRY(count_pieces(documents, spec.pre_tokenizer, options.nfc, pool, progress));

  // The alphabet in the order of the characters that bytes are written as.
  std::array<bool, 256> seen{};
  for (size_t i = 0; i < text.counts.size(); ++i) {
    for (char c : text.pieces[int(i)]) seen[static_cast<unsigned char>(c)] = true;
  }
  std::vector<std::pair<char32_t, int>> alphabet;
  for (int b = 0; b < 256; ++b) {
    if (seen[size_t(b)] || !options.only_seen_bytes) {
      alphabet.push_back({byte_to_character(static_cast<unsigned char>(b)), b});
    }
  }
  std::sort(alphabet.begin(), alphabet.end());
  int first = int(spec.tokens.size());
  std::array<int, 256> byte_ids;
  byte_ids.fill(-1);
  std::vector<std::string> tokens;
  for (auto [character, byte] : alphabet) {
    byte_ids[size_t(byte)] = first + int(tokens.size());
    tokens.push_back(std::string(1, char(byte)));
  }
  int least = first + int(tokens.size());
  if (options.vocab_size < least || options.vocab_size > kVocabMax) {
    return Error{"vocab_size " + std::to_string(options.vocab_size) + " asked; " +
                 std::to_string(first) + " added tokens and " + std::to_string(tokens.size()) +
                 " bytes need at least " + std::to_string(least) +
                 ", and at most 2000000 are possible"};
  }

  WordTable forbidden;  // no ordinary token may read like an added one
  for (const NewToken& token : options.added_tokens) forbidden.insert(token.text);
  PairMerger merger(text, byte_ids, first, std::move(tokens));
  text = {};
  merger.run({.size = options.vocab_size,
              .min_frequency = options.min_frequency,
              .token_bytes_max = options.max_token_bytes,
              .forbidden = forbidden},
             progress);
  if (merger.size() < options.vocab_size && !options.takes_fewer) {
    return Error{"vocab_size " + std::to_string(options.vocab_size) +
                 " asked, but the text supports only " + std::to_string(merger.size()) +
                 "; lower vocab_size or add text"};
  }
  for (const std::string& token : merger.tokens()) {
    spec.tokens.push_back(bytes_to_characters(token));
  }
  for (auto [left, right] : merger.merges()) {
    spec.merges.emplace_back(spec.tokens[size_t(left)], spec.tokens[size_t(right)]);
  }
  return Tokenizer::create(std::move(spec));
}

Result<Tokenizer> train_character_tokenizer(std::span<const std::string_view> documents,
                                            const CharacterTokenizerOptions& options) {
  std::vector<bool> seen(0x110000);
  std::array<bool, 256> bytes{};  // that are needed alone
  bytes.fill(!options.only_seen);
  for (std::string_view text : documents) {
    for (size_t at = 0; at < text.size();) {
      Utf8Character c = decode_utf8(text, at);
      if (!c.valid) {
        for (int i = 0; i < c.bytes; ++i)
          bytes[static_cast<unsigned char>(text[at + size_t(i)])] = true;
      } else if (c.code < 0x80) {
        bytes[c.code] = true;
      } else {
        seen[c.code] = true;
      }
      at += size_t(c.bytes);
    }
  }
  TokenizerSpec spec;
  TRY(put_added_first(options.added_tokens, options.bos, options.eos, options.frames_with_bos,
                      spec));
  for (int b = 0; b < 256; ++b) {
    if (bytes[size_t(b)]) spec.tokens.push_back(bytes_to_characters(std::string(1, char(b))));
  }
  for (char32_t code = 0x80; code < seen.size(); ++code) {
    if (!seen[code]) continue;
    std::string character;
    append_utf8(character, code);
    spec.tokens.push_back(bytes_to_characters(character));
  }
  if (spec.tokens.empty()) return Error{"there is no text to take characters from"};
  spec.pre_tokenizer = TRY(PreTokenizer::preset("char"));
  spec.ignore_merges = true;  // a character is a token as a whole, without merges that lead to it
  return Tokenizer::create(std::move(spec));
}

}  // namespace weir
