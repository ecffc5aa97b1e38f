// Learns a tokenizer from text: byte pairs merged by frequency (Sennrich, Haddow, Birch 2016), or
// one token per character. The same text gives the same tokenizer at any number of threads, and the
// same one as HuggingFace tokenizers' BpeTrainer.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/tokenizer.h"

namespace weir {

class ThreadPool;

struct NewToken {
  std::string text;
  bool special = true;  // false for tokens that stay in decoded text, such as <think>
};
// BOS, EOS and padding, then what DeepSeek-R1 and V3.1 conversations are written with.
std::vector<NewToken> deepseek_chat_tokens();

struct TokenizerTrainOptions {
  int vocab_size = 32000;               // with the added tokens and the alphabet
  std::string pattern = "deepseek-v3";  // a preset of pretokenize.h
  bool isolate_digits = false;          // every digit a token of its own
  bool nfc = false;                     // compose characters first
  // They take the first ids, in this order, and are not looked for in the training text.
  std::vector<NewToken> added_tokens = {};
  std::string bos = {}, eos = {};  // texts of added tokens, or "" for none
  bool frames_with_bos = false;
  int64_t min_frequency = 2;  // a pair seen less often is not merged
  int max_token_bytes = 256;  // longer tokens are not made; keeps rows of dashes from becoming one
  // Only the bytes that the text has, instead of all 256: text with other bytes cannot be encoded.
  bool only_seen_bytes = false;
  // When the text supports fewer tokens than `vocab_size`: all that it supports, instead of an
  // error.
  bool takes_fewer = false;
};

// Called now and then from the calling thread; `done` and `total` count bytes read, then merges
// made.
using TrainProgress = std::function<void(const char* stage, int64_t done, int64_t total)>;

// Fails when the text supports fewer tokens than asked for, unless `takes_fewer`.
Result<Tokenizer> train_tokenizer(std::span<const std::string_view> documents,
                                  const TokenizerTrainOptions& options, ThreadPool& pool,
                                  const TrainProgress& progress = {});

// One token per character of the text, in order of code points, after the added tokens. With
// `only_seen` nothing else is in the vocabulary (65 tokens for Shakespeare), without it all 256
// bytes.
struct CharacterTokenizerOptions {
  std::vector<NewToken> added_tokens = {};
  std::string bos = {}, eos = {};
  bool frames_with_bos = false;
  bool only_seen = true;
};
Result<Tokenizer> train_character_tokenizer(std::span<const std::string_view> documents,
                                            const CharacterTokenizerOptions& options);

}  // namespace weir
