// Two ways to the same result: short pieces (nearly all) search the lowest rank linearly, long ones
// keep candidates in a heap over a doubly linked list.
#include "tokenizer/bpe.h"

#include <algorithm>
#include <functional>

namespace weir {
namespace {

constexpr size_t kShortMax = 48;  // where the heap begins to win, measured on random letters

size_t merge_short(const MergeTable& table, std::span<int> symbols) {
  MergeTable::Entry pairs[kShortMax];  // pairs[i]: the merge of symbols i and i + 1
  size_t n = symbols.size();
  for (size_t i = 0; i + 1 < n; ++i) pairs[i] = table.find(symbols[i], symbols[i + 1]);
  for (;;) {
    size_t best = 0;
    int rank = MergeTable::kNone;
    for (size_t i = 0; i + 1 < n; ++i) {
      if (pairs[i].rank < rank) rank = pairs[i].rank, best = i;
    }
    if (rank == MergeTable::kNone) return n;
    symbols[best] = pairs[best].result;
    --n;
    for (size_t i = best + 1; i < n; ++i) symbols[i] = symbols[i + 1];
    for (size_t i = best; i + 1 < n; ++i) pairs[i] = pairs[i + 1];
    if (best > 0) pairs[best - 1] = table.find(symbols[best - 1], symbols[best]);
    if (best + 1 < n) pairs[best] = table.find(symbols[best], symbols[best + 1]);
  }
}

size_t merge_long(const MergeTable& table, std::span<int> symbols, MergeScratch& scratch) {
  int n = int(symbols.size());
  scratch.previous.resize(size_t(n));
  scratch.next.resize(size_t(n));
  scratch.heap.clear();
  int* previous = scratch.previous.data();
  int* next = scratch.next.data();
  for (int i = 0; i < n; ++i) previous[i] = i - 1, next[i] = i + 1 < n ? i + 1 : -1;

  // A candidate is rank << 32 | left position, so the smallest is the next merge. Candidates whose
  // symbols have changed since are recognised by looking the pair up again.
  std::vector<uint64_t>& heap = scratch.heap;
  auto candidate = [&](int left) -> uint64_t {
    int rank = table.find(symbols[size_t(left)], symbols[size_t(next[left])]).rank;
    return rank == MergeTable::kNone ? ~uint64_t(0) : uint64_t(rank) << 32 | uint64_t(left);
  };
  auto push = [&](int left) {
    uint64_t c = candidate(left);
    if (c == ~uint64_t(0)) return;
    heap.push_back(c);
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  for (int i = 0; i + 1 < n; ++i) {
    uint64_t c = candidate(i);
    if (c != ~uint64_t(0)) heap.push_back(c);
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    uint64_t top = heap.back();
    heap.pop_back();
    int left = int(top & 0xFFFFFFFF);
    if (symbols[size_t(left)] < 0 || next[left] < 0) continue;
    int right = next[left];
    MergeTable::Entry entry = table.find(symbols[size_t(left)], symbols[size_t(right)]);
    if (uint64_t(entry.rank) != top >> 32) continue;
    symbols[size_t(left)] = entry.result;
    symbols[size_t(right)] = -1;
    next[left] = next[right];
    if (next[left] >= 0) {
      previous[next[left]] = left;
      push(left);
    }
    if (previous[left] >= 0) push(previous[left]);
  }
  size_t kept = 0;
  for (int at = 0; at >= 0; at = next[at]) symbols[kept++] = symbols[size_t(at)];
  return kept;
}

}  // namespace

MergeTable::MergeTable(std::span<const Merge> merges) {
  size_t slots = 16;
  while (slots < 2 * merges.size()) slots *= 2;
  slots_.resize(slots);
  mask_ = slots - 1;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const Merge& merge = merges[rank];
    if (merge.result < 0) continue;
    uint64_t key = uint64_t(uint32_t(merge.left)) << 32 | uint32_t(merge.right);
    size_t at = hash(key) & mask_;
    while (slots_[at].key != kEmpty && slots_[at].key != key) at = (at + 1) & mask_;
    slots_[at] = {key, {int(rank), merge.result}};
  }
}

size_t merge_symbols(const MergeTable& table, std::span<int> symbols, MergeScratch& scratch) {
  if (symbols.size() < 2) return symbols.size();
  return symbols.size() <= kShortMax ? merge_short(table, symbols)
                                     : merge_long(table, symbols, scratch);
}

}  // namespace weir
