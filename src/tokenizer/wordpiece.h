// WordPiece (Schuster and Nakajima 2012), the tokenizer of BERT: words in lower case, each cut into
// the longest tokens of the vocabulary from its beginning on. Only encoding: nothing here turns ids
// back into text.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/bert_words.h"
#include "tokenizer/tokenizer.h"

namespace weir {

struct WordPieceSpec {
  // By id. Tokens that go on a word begin with `prefix`.
  std::vector<std::string> tokens;
  std::string prefix = "##";
  std::string unknown = "[UNK]";
  BertWordRules words = {.characters_max = 100};  // of longer words the unknown token is left
  std::vector<AddedToken> added;
  std::vector<int> before, after;  // ids around a text: [CLS] and [SEP]
};

class WordPiece {
 public:
  // Limits as Tokenizer's. Errors name the token.
  static Result<WordPiece> create(WordPieceSpec spec);
  WordPiece(WordPiece&&) noexcept;
  WordPiece& operator=(WordPiece&&) noexcept;
  ~WordPiece();

  // The ids of a text, nothing around them. Fails on no text. May be called from many threads at
  // once. `allow_special`: added tokens such as [SEP] are looked for; else they are words.
  std::vector<int> encode(std::string_view text, bool allow_special = false) const;

  int size() const;  // ids are [0, size())
  const std::vector<int>& prefix() const;
  const std::vector<int>& suffix() const;

 private:
  struct State;
  explicit WordPiece(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Whether tokenizer.json says that it is a WordPiece model; false for what is no JSON.
bool is_wordpiece_json(std::string_view json);
// tokenizer.json with the model WordPiece, BertNormalizer and BertPreTokenizer. What encodes
// differently from what this program can do is refused, with the place in the file. Truncation and
// padding are left to whoever encodes.
Result<WordPiece> parse_wordpiece_json(std::string_view json);
// Of a folder with tokenizer.json.
Result<WordPiece> read_wordpiece(const std::string& folder);

class GgufMetadata;
// tokenizer.ggml.model "bert": tokens that begin a word are written with U+2581 before them.
bool has_gguf_wordpiece(const GgufMetadata& metadata);
Result<WordPiece> read_gguf_wordpiece(const GgufMetadata& metadata);

}  // namespace weir
