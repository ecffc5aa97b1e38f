// Three steps: count the distinct pieces of the text on all threads, list for every adjacent pair
// of symbols the pieces it occurs in, then merge the most frequent pair again and again, updating
// only the counts it touches.
#include "text/tokenizer_train.h"

#include <algorithm>
#include <array>
#include <queue>

#include "base/thread_pool.h"
#include "text/pretokenize.h"
#include "text/unicode.h"
#include "text/word_table.h"

namespace weir {
namespace {

constexpr int kVocabMax = 2'000'000;
// Longer pieces are learned from in parts: every merge reads all of a piece it occurs in.
constexpr size_t kPieceBytesMax = 4 << 10;

std::string quoted(std::string_view text) { return "'" + replace_invalid_utf8(text) + "'"; }

// The distinct pieces of some text and how often each occurs.
struct PieceCounts {
  WordTable pieces;
  std::vector<int64_t> counts;

  void add(std::string_view piece, int64_t times) {
    size_t number = size_t(pieces.insert(piece));
    if (number == counts.size()) counts.push_back(0);
    counts[number] += times;
  }
  void add_parts(std::string_view piece) {
    while (piece.size() > kPieceBytesMax) {
      add(piece.substr(0, kPieceBytesMax), 1);
      piece.remove_prefix(kPieceBytesMax);
    }
    add(piece, 1);
  }
  Result<void> add_text(std::string_view text, const PreTokenizer& pre_tokenizer,
                        SplitScratch& scratch) {
    while (!text.empty()) {
      size_t valid = valid_utf8_prefix(text);
      TRY(pre_tokenizer.split(text.substr(0, valid), scratch));
      for (std::string_view piece : scratch.pieces) add_parts(piece);
      text.remove_prefix(valid);
      if (text.empty()) break;
      size_t invalid = size_t(decode_utf8(text, 0).bytes);
      add(text.substr(0, invalid), 1);
      text.remove_prefix(invalid);
    }
    return {};
  }
};

Result<PieceCounts> count_pieces(std::span<const std::string_view> documents, bool nfc,
                                 const PreTokenizer& pre_tokenizer, ThreadPool& pool,
                                 const TrainProgress& progress) {
  std::vector<TextPart> parts = cut_documents(documents, pre_tokenizer);
  std::vector<PieceCounts> of_thread(size_t(pool.threads()));
  std::vector<SplitScratch> scratches(of_thread.size());
  std::vector<std::optional<Error>> errors(parts.size());
  int64_t total = 0, done = 0;
  for (const TextPart& part : parts) total += int64_t(part.text.size());
  for (size_t begin = 0; begin < parts.size();) {
    // About 16 MiB between reports.
    size_t end = begin;
    int64_t bytes = 0;
    while (end < parts.size() && bytes < (16 << 20)) bytes += int64_t(parts[end++].text.size());
    pool.parallel_for(int(end - begin), [&](int i, int thread) {
      std::string_view text = parts[begin + size_t(i)].text;
      std::string normal;
      if (nfc) text = normal = normalize_nfc(text);
      PieceCounts& counts = of_thread[size_t(thread)];
      Result<void> added = counts.add_text(text, pre_tokenizer, scratches[size_t(thread)]);
      if (!added) errors[begin + size_t(i)] = std::move(added).error();
    });
    begin = end;
    done += bytes;
    if (progress) progress("count words", done, total);
  }
  for (std::optional<Error>& error : errors) {
    if (error) return std::move(*error);
  }
  for (size_t t = 1; t < of_thread.size(); ++t) {
    for (size_t i = 0; i < of_thread[t].counts.size(); ++i) {
      of_thread[0].add(of_thread[t].pieces[int(i)], of_thread[t].counts[i]);
    }
    of_thread[t] = {};
  }
  return std::move(of_thread[0]);
}

// Finds the record of a pair of symbols; open addressing, records never move or go.
class PairRecords {
 public:
  struct Record {
    int left, right;
    int64_t count = 0;
    std::vector<int> words;  // where it occurs, or once did
    int touched_by = -1;     // the last merge that made it more frequent
  };
  PairRecords() : slots_(1 << 16, -1) {}

  int find_or_add(int left, int right) {
    size_t mask = slots_.size() - 1;
    size_t at = hash(left, right) & mask;
    for (; slots_[at] >= 0; at = (at + 1) & mask) {
      const Record& record = records_[size_t(slots_[at])];
      if (record.left == left && record.right == right) return slots_[at];
    }
    int index = int(records_.size());
    records_.push_back({.left = left, .right = right, .words = {}});
    slots_[at] = index;
    if (2 * records_.size() > slots_.size()) grow();
    return index;
  }
  Record& operator[](int index) { return records_[size_t(index)]; }
  int size() const { return int(records_.size()); }

 private:
  static size_t hash(int left, int right) {
    uint64_t key = uint64_t(uint32_t(left)) << 32 | uint32_t(right);
    key *= 0x9e3779b97f4a7c15u;
    return size_t(key ^ key >> 32);
  }
  void grow() {
    slots_.assign(slots_.size() * 2, -1);
    size_t mask = slots_.size() - 1;
    for (size_t i = 0; i < records_.size(); ++i) {
      size_t at = hash(records_[i].left, records_[i].right) & mask;
      while (slots_[at] >= 0) at = (at + 1) & mask;
      slots_[at] = int(i);
    }
  }
  std::vector<Record> records_;
  std::vector<int> slots_;
};

// The merging. Symbols are token ids; all pieces lie one after another in `symbols_`.
class PairMerger {
 public:
  // `first` is the id of symbol 0 of `tokens`, which holds the alphabet in order of id.
  PairMerger(const PieceCounts& text, const std::array<int, 256>& byte_ids, int first,
             std::vector<std::string> tokens)
      : first_(first), tokens_(std::move(tokens)), counts_(text.counts) {
    for (const std::string& token : tokens_) known_.insert(token);
    for (size_t w = 0; w < text.counts.size(); ++w) {
      std::string_view piece = text.pieces[int(w)];
      words_.push_back({symbols_.size(), int(piece.size())});
      for (char c : piece) symbols_.push_back(byte_ids[static_cast<unsigned char>(c)]);
    }
    for (size_t w = 0; w < words_.size(); ++w) {
      const int* s = &symbols_[words_[w].begin];
      for (int i = 0; i + 1 < words_[w].length; ++i) change(s[i], s[i + 1], int(w), +1);
    }
    for (int i = 0; i < records_.size(); ++i) push(i);
    touched_.clear();
  }

  // Merges until there are `size` tokens in all or no pair is frequent enough.
  void run(const TokenizerTrainOptions& options, const TrainProgress& progress) {
    WordTable forbidden;  // no ordinary token may read like an added one
    for (const NewToken& token : options.added_tokens) forbidden.insert(token.text);
    int alphabet_end = size();
    while (size() < options.vocab_size && !queue_.empty()) {
      Candidate top = queue_.top();
      queue_.pop();
      PairRecords::Record& record = records_[top.record];
      if (record.count != top.count) {
        push(top.record);
        continue;
      }
      if (top.count < std::max<int64_t>(options.min_frequency, 1)) break;
      std::string token = token_of(record.left) + token_of(record.right);
      bool too_long = options.max_token_bytes > 0 && int(token.size()) > options.max_token_bytes;
      if (too_long || forbidden.find(token) >= 0) continue;
      merge(top.record, std::move(token));
      if (progress && merges_.size() % 256 == 0) {
        progress("merge pairs", size() - alphabet_end, options.vocab_size - alphabet_end);
      }
    }
  }

  int size() const { return first_ + int(tokens_.size()); }
  const std::vector<std::string>& tokens() const { return tokens_; }
  const std::vector<std::pair<int, int>>& merges() const { return merges_; }
  const std::string& token_of(int id) const { return tokens_[size_t(id - first_)]; }

 private:
  struct Word {
    size_t begin;
    int length;
  };
  // The most frequent pair first; of equals the one with the smaller ids.
  struct Candidate {
    int64_t count;
    int left, right, record;
    bool operator<(const Candidate& other) const {
      if (count != other.count) return count < other.count;
      return std::pair(left, right) > std::pair(other.left, other.right);
    }
  };

  void push(int index) {
    const PairRecords::Record& record = records_[index];
    if (record.count > 0) queue_.push({record.count, record.left, record.right, index});
  }

  // Word w has this pair once more, or once less.
  void change(int left, int right, int w, int times) {
    int index = records_.find_or_add(left, right);
    PairRecords::Record& record = records_[index];
    record.count += times * counts_[size_t(w)];
    if (times < 0) return;
    if (record.words.empty() || record.words.back() != w) record.words.push_back(w);
    if (record.touched_by != int(merges_.size())) {
      record.touched_by = int(merges_.size());
      touched_.push_back(index);
    }
  }

  void merge(int index, std::string token) {
    int left = records_[index].left, right = records_[index].right;
    std::vector<int> words = std::move(records_[index].words);
    records_[index].words = {};
    merges_.emplace_back(left, right);
    // Another pair may have made the same text before ("aa" + "a" and "a" + "aa").
    int id = first_ + known_.insert(token);
    if (id == size()) tokens_.push_back(std::move(token));
    for (int w : words) merge_in_word(w, left, right, id);
    records_[index].count = 0;
    for (int touched : touched_) push(touched);
    touched_.clear();
  }

  void merge_in_word(int w, int left, int right, int id) {
    int* s = &symbols_[words_[size_t(w)].begin];
    int n = words_[size_t(w)].length, kept = 0;
    for (int i = 0; i < n;) {
      if (s[i] != left || i + 1 == n || s[i + 1] != right) {
        s[kept++] = s[i++];
        continue;
      }
      if (kept > 0) {
        change(s[kept - 1], left, w, -1);
        change(s[kept - 1], id, w, +1);
      }
      if (i + 2 < n) {
        change(right, s[i + 2], w, -1);
        change(id, s[i + 2], w, +1);
      }
      s[kept++] = id;
      i += 2;
    }
    words_[size_t(w)].length = kept;
  }

  int first_;
  std::vector<std::string> tokens_;  // bytes, by id - first_
  WordTable known_;                  // the same; numbers are id - first_
  std::vector<int> symbols_;
  std::vector<Word> words_;
  std::vector<int64_t> counts_;  // by word
  PairRecords records_;
  std::vector<int> touched_;
  std::priority_queue<Candidate> queue_;
  std::vector<std::pair<int, int>> merges_;
};

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
  PieceCounts text = TRY(count_pieces(documents, options.nfc, spec.pre_tokenizer, pool, progress));

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

  PairMerger merger(text, byte_ids, first, std::move(tokens));
  text = {};
  merger.run(options, progress);
  if (merger.size() < options.vocab_size) {
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
