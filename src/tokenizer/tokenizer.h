// Byte-level BPE: text to token ids and back. What the text of users says can never become a
// control token unless the caller allows it. Reading and writing files is tokenizer_json.h's
// business.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/traced_text.h"
#include "tokenizer/pretokenize.h"

namespace weir {

class ThreadPool;
struct Merge;

// A token that is found in the text as it stands, before any splitting.
struct AddedToken {
  int id = -1;
  std::string text = {};
  bool special = true;      // a control token: decode() leaves it out unless asked
  bool normalized = false;  // looked for after normalisation instead of before
};

// Everything a tokenizer is made of, as files have it.
struct TokenizerSpec {
  // By id. In GPT-2's characters (unicode.h), except for added tokens, whose text is literal.
  std::vector<std::string> tokens;
  std::vector<std::pair<std::string, std::string>> merges;  // in order of rank
  std::vector<AddedToken> added;
  PreTokenizer pre_tokenizer;
  bool nfc = false;            // normalise to canonical composition first
  bool ignore_merges = false;  // a piece that is a token is that token, whatever the merges say
  std::vector<int> prefix, suffix;  // ids around a framed text, usually BOS alone before it
  int bos = -1, eos = -1;
  int pad = -1, unk = -1;  // kept for other programs; nothing here uses them
};

struct EncodeOptions {
  // False: only added tokens that are neither special nor contain '<' or '>' are looked for.
  bool allow_special = false;
  // Put the tokenizer's prefix and suffix (usually BOS) around the text.
  bool framed = false;
};

class Tokenizer {
 public:
  struct State;  // tokenizer_state.h
  // Limits: 2 M tokens of at most 64 KiB, 4 M merges. Errors name the token or merge.
  static Result<Tokenizer> create(TokenizerSpec spec);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // May be called from many threads at once. Bytes that are not UTF-8 are encoded as they are;
  // fails when the vocabulary has no token for some byte, and says where. Letters of one piece
  // beyond 1 MiB begin a new piece.
  Result<std::vector<int>> encode(std::string_view text, EncodeOptions options = {}) const;
  // A rendered chat template (chat_template.h). Control tokens are found where all of their text
  // is the template's, other added tokens everywhere; merging and splitting take the text as a
  // whole. If no data looks like a control token, the ids are encode()'s with allow_special.
  Result<std::vector<int>> encode_rendered(const TracedText& rendered) const;
  // The same ids as encode() of each document. Long documents are shared among the threads.
  Result<std::vector<std::vector<int>>> encode_documents(
      std::span<const std::string_view> documents, ThreadPool& pool,
      EncodeOptions options = {}) const;

  // The bytes behind the ids; special tokens only if asked. Fails on an id outside [0, size()).
  Result<std::string> decode_bytes(std::span<const int> ids, bool keep_special = false) const;
  // The same as valid UTF-8, with U+FFFD for what is not.
  Result<std::string> decode(std::span<const int> ids, bool keep_special = false) const;

  int size() const;  // ids are [0, size())
  bool has(int id) const { return id >= 0 && id < size(); }
  std::string_view token_bytes(int id) const;  // has(id)
  std::string token_text(int id) const;        // has(id); as TokenizerSpec::tokens has it
  bool is_added(int id) const;
  bool is_special(int id) const;
  int bos() const;  // -1: none
  int eos() const;
  int pad() const;
  int unk() const;
  const std::vector<int>& prefix() const;
  const std::vector<int>& suffix() const;

  // The added token of this very text.
  std::optional<int> find_added(std::string_view text) const;
  // The ordinary token of these very bytes.
  std::optional<int> find(std::string_view bytes) const;
  // Appends a token and returns its id, or the id of the added token that has this text. Not while
  // other threads use the tokenizer.
  Result<int> add_token(std::string text, bool special = true);

  // What was given to create(), for writing it back.
  const std::vector<AddedToken>& added_tokens() const;
  const std::vector<Merge>& merges() const;  // result -1: names an added token and never happens
  const PreTokenizer& pre_tokenizer() const;
  bool nfc() const;
  bool ignores_merges() const;

 private:
  explicit Tokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Turns a stream of ids into text, holding back bytes until their character is complete. The pieces
// joined are decode() of all ids. The tokenizer must outlive it.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool keep_special = false)
      : tokenizer_(tokenizer), keep_special_(keep_special) {}
  std::string push(int id);  // "" for an id outside the vocabulary
  std::string finish();      // what is left, incomplete as it is: U+FFFD or nothing

 private:
  const Tokenizer& tokenizer_;
  bool keep_special_;
  std::string pending_;
};

}  // namespace weir
