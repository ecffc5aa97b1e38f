// See the header.
#include "tokenizer/pair_merger.h"

#include <algorithm>

namespace weir {
namespace {

size_t hash(int left, int right) {
  uint64_t key = uint64_t(uint32_t(left)) << 32 | uint32_t(right);
  key *= 0x9e3779b97f4a7c15u;
  return size_t(key ^ key >> 32);
}

}  // namespace

int PairRecords::find_or_add(int left, int right) {
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

void PairRecords::grow() {
  slots_.assign(slots_.size() * 2, -1);
  size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < records_.size(); ++i) {
    size_t at = hash(records_[i].left, records_[i].right) & mask;
    while (slots_[at] >= 0) at = (at + 1) & mask;
    slots_[at] = int(i);
  }
}

PairMerger::PairMerger(const PieceCounts& text, const std::array<int, 256>& byte_ids, int first,
                       std::vector<std::string> alphabet)
    : first_(first), tokens_(std::move(alphabet)), counts_(text.counts) {
  for (const std::string& token : tokens_) known_.insert(token);
  for (size_t w = 0; w < counts_.size(); ++w) {
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

void PairMerger::run(const Limits& limits, const TrainProgress& progress) {
  int begin = size();
  while (size() < limits.size && !queue_.empty()) {
    Candidate top = queue_.top();
    queue_.pop();
    const PairRecords::Record& record = records_[top.record];
    if (record.count != top.count) {
      push(top.record);
      continue;
    }
    if (top.count < limits.min_frequency) break;
    std::string token = token_of(record.left) + token_of(record.right);
    bool is_long = limits.token_bytes_max > 0 && token.size() > size_t(limits.token_bytes_max);
    if (is_long || limits.forbidden.find(token) >= 0) continue;
    merge(top.record, std::move(token));
    if (progress && merges_.size() % 256 == 0) {
      progress("merge pairs", size() - begin, limits.size - begin);
    }
  }
  if (progress) progress("merge pairs", size() - begin, limits.size - begin);
}

void PairMerger::push(int index) {
  const PairRecords::Record& record = records_[index];
  if (record.count > 0) queue_.push({record.count, record.left, record.right, index});
}

// The word has this pair once more, or once less.
void PairMerger::change(int left, int right, int word, int times) {
  int index = records_.find_or_add(left, right);
  PairRecords::Record& record = records_[index];
  record.count += times * counts_[size_t(word)];
  if (times < 0) return;
  if (record.words.empty() || record.words.back() != word) record.words.push_back(word);
  if (record.touched_by != int(merges_.size())) {
    record.touched_by = int(merges_.size());
    touched_.push_back(index);
  }
}

void PairMerger::merge(int index, std::string token) {
  int left = records_[index].left, right = records_[index].right;
  std::vector<int> words = std::move(records_[index].words);
  records_[index].words = {};
  merges_.emplace_back(left, right);
  // Another pair may have made the same text before ("aa" + "a" and "a" + "aa").
  int id = first_ + known_.insert(token);
  if (id == size()) tokens_.push_back(std::move(token));
  for (int word : words) merge_in_word(word, left, right, id);
  records_[index].count = 0;
  for (int touched : touched_) push(touched);
  touched_.clear();
}

void PairMerger::merge_in_word(int word, int left, int right, int id) {
  int* s = &symbols_[words_[size_t(word)].begin];
  int n = words_[size_t(word)].length, kept = 0;
  for (int i = 0; i < n;) {
    if (s[i] != left || i + 1 == n || s[i + 1] != right) {
      s[kept++] = s[i++];
      continue;
    }
    if (kept > 0) {
      change(s[kept - 1], left, word, -1);
      change(s[kept - 1], id, word, +1);
    }
    if (i + 2 < n) {
      change(right, s[i + 2], word, -1);
      change(id, s[i + 2], word, +1);
    }
    s[kept++] = id;
    i += 2;
  }
  words_[size_t(word)].length = kept;
}

}  // namespace weir
