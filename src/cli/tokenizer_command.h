// `weir tokenizer`: learns a tokenizer from text; text to ids and back.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

struct TokenizerTrainCommand {
  std::string out;           // a folder, or a .json file for tokenizer.json alone
  std::string kind = "bpe";  // or "char"
  int vocab_size = 32000;
  std::string pattern = "deepseek-v3";
  bool isolate_digits = false;
  std::string end = "<｜end▁of▁sentence｜>";  // the end-of-text token; "": none
  std::vector<std::string> paths;
  std::string field = "text";
  bool skip_bad_lines = false;
  int threads = 0;
};

struct TokenizerCodeCommand {
  enum class Kind { encode, decode } kind = Kind::encode;
  std::string tokenizer;           // a folder or a tokenizer.json
  std::vector<std::string> words;  // text, or ids; none: standard input
  bool allow_special = false;      // encode: control tokens; decode: show them
  bool framed = false;             // encode: with BOS, if the tokenizer adds one
};

Result<void> tokenizer_train(const TokenizerTrainCommand& command);
// Ids to standard output, separated by spaces; or text, byte for byte.
Result<void> tokenizer_code(const TokenizerCodeCommand& command);

}  // namespace weir
