// Byte-pair merging of one piece: repeatedly the adjacent pair with the lowest rank, leftmost first
// (Sennrich, Haddow, Birch 2016). Knows ids and ranks, no text.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace weir {

struct Merge {
  int left, right, result;
};

// Finds the merge of two ids. A merge's rank is its index in the list; of equal pairs the last
// counts, as in HuggingFace tokenizers.
class MergeTable {
 public:
  static constexpr int kNone = INT32_MAX;
  struct Entry {
    int rank = kNone;
    int result = -1;
  };

  MergeTable() : MergeTable(std::span<const Merge>()) {}
  // A merge with result < 0 keeps its rank but never happens.
  explicit MergeTable(std::span<const Merge> merges);
  Entry find(int left, int right) const {
    uint64_t key = uint64_t(uint32_t(left)) << 32 | uint32_t(right);
    for (size_t at = hash(key) & mask_;; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return slots_[at].entry;
      if (slots_[at].key == kEmpty) return {};
    }
  }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t(0);  // ids are never negative
  static size_t hash(uint64_t key) {
    key *= 0x9e3779b97f4a7c15u;
    return size_t(key ^ key >> 32);
  }
  struct Slot {
    uint64_t key = kEmpty;
    Entry entry;
  };
  std::vector<Slot> slots_;
  size_t mask_;
};

// Buffers of the merging of long pieces, kept between calls.
struct MergeScratch {
  std::vector<int> previous, next;
  std::vector<uint64_t> heap;
};

// Merges symbols[0, n) in place and returns how many remain. O(n log n).
size_t merge_symbols(const MergeTable& table, std::span<int> symbols, MergeScratch& scratch);

}  // namespace weir
