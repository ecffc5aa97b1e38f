// Documents laid end to end and read in windows. A row is a token and the one after it in the same
// document, so a document of n tokens gives n - 1 rows and none of them lacks a target.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/batch.h"

namespace weir {

// Rows of one micro-batch: windows * sequence_length at most; a row counts unless its target is -1.
// `sequences` numbers the segments that attend to themselves only; `positions` restart in each.
// `roots`, where there are any, are those of Batch.
struct TrainingBatch {
  std::vector<int> tokens, positions, sequences, targets, roots;
  int counted = 0;           // targets >= 0
  int64_t target_bytes = 0;  // UTF-8 bytes of the counted targets: for bits per byte

  void clear();
  // The batch refers to this object.
  Batch rows() const { return Batch(tokens, positions, sequences, roots); }
};

// Consecutive tokens of a dataset's token array.
struct TokenRange {
  size_t begin = 0, length = 0;
  int64_t rows() const { return length > 1 ? int64_t(length) - 1 : 0; }
};

class DocumentStream {
 public:
  // In the order given.
  explicit DocumentStream(std::vector<TokenRange> documents);

  int64_t rows() const { return ends_.empty() ? 0 : ends_.back(); }
  // Another order of the same documents, the same for the same seed and epoch. Costs one pass.
  void shuffle(uint64_t seed, int64_t epoch);
  // Rows [first, first + count) of the stream, within rows(). Every document, also one that began
  // before `first`, becomes a segment of its own.
  void append_rows(int64_t first, int count, std::span<const uint32_t> tokens,
                   TrainingBatch& batch) const;

 private:
  void sum_up();

  std::vector<TokenRange> documents_;  // as given
  std::vector<uint32_t> order_;        // indices into documents_
  std::vector<int64_t> ends_;          // rows up to and with order_[i]
};

}  // namespace weir
