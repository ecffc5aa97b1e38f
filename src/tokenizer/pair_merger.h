// The heart of byte-pair training: merge the most frequent pair of neighbours again and again, and
// recount only what a merge touches.
#pragma once
#include <array>
#include <cstdint>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/piece_counts.h"
#include "tokenizer/tokenizer_train.h"
#include "tokenizer/word_table.h"

namespace weir {

// Finds the record of a pair of symbols; open addressing, records are never removed.
class PairRecords {
 public:
  struct Record {
    int left, right;
    int64_t count = 0;
    std::vector<int> words;  // where it occurs, or once did
    int touched_by = -1;     // the last merge that made it more frequent
  };
  PairRecords() : slots_(1 << 16, -1) {}
  int find_or_add(int left, int right);
  Record& operator[](int index) { return records_[size_t(index)]; }
  int size() const { return int(records_.size()); }

 private:
  void grow();
  std::vector<Record> records_;
  std::vector<int> slots_;
};

// Symbols are token ids.
class PairMerger {
 public:
  // `alphabet` has the bytes of the tokens from id `first` on; byte_ids are their ids by byte.
  PairMerger(const PieceCounts& text, const std::array<int, 256>& byte_ids, int first,
             std::vector<std::string> alphabet);

  struct Limits {
    int size;  // tokens in all, those before `first` included
    int64_t min_frequency;
    int token_bytes_max;         // 0: none
    const WordTable& forbidden;  // what no token may read like
  };
  // Merges until there are enough tokens or no pair is frequent enough.
  void run(const Limits& limits, const TrainProgress& progress);

  int size() const { return first_ + int(tokens_.size()); }
  const std::vector<std::string>& tokens() const { return tokens_; }
  const std::vector<std::pair<int, int>>& merges() const { return merges_; }

 private:
  struct Word {
    size_t begin;  // in symbols_
    int length;
  };
  // The most frequent pair first; of equals the one with the smaller ids, as HuggingFace has it.
  struct Candidate {
    int64_t count;
    int left, right, record;
    bool operator<(const Candidate& other) const {
      if (count != other.count) return count < other.count;
      return std::pair(left, right) > std::pair(other.left, other.right);
    }
  };

  const std::string& token_of(int id) const { return tokens_[size_t(id - first_)]; }
  void push(int index);
  void change(int left, int right, int word, int times);
  void merge(int index, std::string token);
  void merge_in_word(int word, int left, int right, int id);

  int first_;
  std::vector<std::string> tokens_;  // bytes, by id - first_
  WordTable known_;                  // the same; numbers are id - first_
  std::vector<int> symbols_;         // of all words, one after another
  std::vector<Word> words_;
  std::vector<int64_t> counts_;  // by word
  PairRecords records_;
  std::vector<int> touched_;  // records that the current merge made more frequent
  // Counts in here may be out of date, and then too high: checked when taken out.
  std::priority_queue<Candidate> queue_;
  std::vector<std::pair<int, int>> merges_;
};

}  // namespace weir
