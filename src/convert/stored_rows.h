// The rows of a tensor to be written, taken from the tensors of a checkpoint: one, or several under
// each other (experts), perhaps in another order.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace weir {

// Of q_proj and k_proj: HuggingFace's order of rows, GGUF's (checkpoint.h), and which one becomes
// the other.
enum class RowOrder { same, to_gguf, to_huggingface };

struct StoredRows {
  std::vector<StoredTensor> parts;  // of equal shape and type
  RowOrder order = RowOrder::same;
  uint64_t head_dim = 0;  // with another order
  // What is made of a decoded row; empty: nothing (fold_adapter.h).
  std::function<void(uint64_t row, float* values)> change = {};

  // Fails for a part of another type than the first.
  Result<void> add(StoredTensor part);
  WeightType type() const { return parts[0].type; }
  uint64_t columns() const { return parts[0].columns(); }
  uint64_t rows() const { return parts[0].rows() * parts.size(); }
  // Row r of the tensor to be written: where its bytes are.
  const std::byte* row(uint64_t r) const;
  void decode(uint64_t r, float* to) const;  // [columns]
  // Row r as `type()` has it, type_bytes(type(), columns()) bytes; false when a scale of it, which
  // lay apart, is not a number.
  bool copy(uint64_t r, std::byte* to) const;
  // Gives back the memory of the mapped files' pages that were read.
  void forget() const;

 private:
  uint64_t source_row(uint64_t r) const;
};

// Keys of a joined kv_b_proj as GGUF's attn_k_b has them: per head [rank][nope], the transpose.
StoredTensor transposed_keys(const StoredTensor& kv_b, const ModelConfig& config);
// Two matrices of equal shape, the columns of the second after those of the first.
StoredTensor side_by_side(const StoredTensor& first, const StoredTensor& second);
// Values of kv_b_proj as attn_v_b: its rows, without the keys between them.
std::vector<StoredTensor> value_rows(const StoredTensor& kv_b, const ModelConfig& config);

}  // namespace weir
