// What a Tokenizer holds, shared by the two files that implement it: building and decoding in
// tokenizer.cpp, encoding in tokenizer_encode.cpp.
#pragma once
#include <array>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/pretokenize.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/word_table.h"

namespace weir {

// Short pieces and their ids, one cache line each, overwritten by newer ones. Most of a text is
// made of few words, so most pieces are found here.
class PieceCache {
 public:
  static constexpr size_t kPieceMax = 30, kIdsMax = 8;
  struct alignas(64) Slot {
    uint8_t length = 0, count = 0;
    char piece[kPieceMax];
    int ids[kIdsMax];
    bool holds(std::string_view text) const {
      return count > 0 && length == text.size() && std::memcmp(piece, text.data(), length) == 0;
    }
  };
  PieceCache() : slots_(std::make_unique<Slot[]>(kSlots)) {}
  Slot& slot(std::string_view piece) { return slots_[hash_bytes(piece) % kSlots]; }

 private:
  static constexpr size_t kSlots = 1 << 15;  // 2 MiB
  std::unique_ptr<Slot[]> slots_;
};

// What one thread needs to encode; kept in the tokenizer between calls.
struct EncodeScratch {
  SplitScratch split;
  MergeScratch merge;
  PieceCache cache;
  std::vector<int> symbols;
};

struct Tokenizer::State {
  enum Kind : uint8_t {
    kOrdinary,  // bytes written in GPT-2's characters
    kLiteral,  // an entry with a character that stands for no byte: decodes as it is, never encoded
    kAdded,
    kSpecial,  // added, and a control token
  };
  std::vector<std::string> bytes;  // by id
  std::vector<Kind> kinds;         // by id
  WordTable ordinary;              // bytes of the ordinary tokens
  std::vector<int> ordinary_ids;   // by number in `ordinary`
  std::array<int, 256> byte_ids;   // -1: no token is this byte alone
  std::vector<Merge> merges;
  MergeTable merge_table;
  std::vector<AddedToken> added;
  bool added_spans_lines = false;  // some added token contains a newline
  bool added_normalized = false;   // some added token is looked for after normalisation
  PreTokenizer pre_tokenizer;
  bool nfc = false, ignore_merges = false;
  std::vector<int> prefix, suffix;
  int bos = -1, eos = -1, pad = -1, unk = -1;

  // For trusted templates and for the text of users; in raw and in normalised text.
  struct Matchers {
    AddedTokenMatcher raw, normalized;
  };
  Matchers trusted, untrusted;

  std::mutex scratch_mutex;
  std::vector<std::unique_ptr<EncodeScratch>> scratches;

  // An added token that a user could type to pose as a control token.
  bool looks_like_control(int id) const {
    return kinds[size_t(id)] == kSpecial ||
           bytes[size_t(id)].find_first_of("<>") != std::string::npos;
  }

  std::unique_ptr<EncodeScratch> take_scratch();
  void give_scratch(std::unique_ptr<EncodeScratch> scratch);

  Result<void> take_tokens(TokenizerSpec& spec);
  Result<void> take_added(std::vector<AddedToken>& tokens);
  Result<void> take_merges(const std::vector<std::pair<std::string, std::string>>& pairs,
                           const std::vector<std::string>& texts);
  void note_added(AddedToken token);
};

}  // namespace weir
