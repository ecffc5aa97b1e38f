#include "convert/stored_rows.h"

#include <fmt/format.h>

#include <cstring>

#include "base/file.h"
#include "checkpoint/packed_weights.h"
#include "checkpoint/row_scales.h"

namespace weir {

Result<void> StoredRows::add(StoredTensor part) {
  if (!parts.empty() && part.type != type())
    return Error{
        fmt::format("{}: is {} where the experts before it are {}, which is not supported; "
                    "save the model in one type",
                    part.place, type_name(part.type), type_name(type()))};
  parts.push_back(std::move(part));
  return {};
}

uint64_t StoredRows::source_row(uint64_t r) const {
  if (order == RowOrder::same) return r;
  if (order == RowOrder::to_huggingface) return Checkpoint::permuted_row(r, head_dim);
  const uint64_t within = r % head_dim;  // the inverse of permuted_row
  return r - within + within % 2 * (head_dim / 2) + within / 2;
}

const std::byte* StoredRows::row(uint64_t r) const {
  const uint64_t source = source_row(r), rows = parts[0].rows();
  return parts[source / rows].data + source % rows * type_bytes(type(), columns());
}

void StoredRows::decode(uint64_t r, float* to) const {
  const uint64_t source = source_row(r), rows = parts[0].rows();
  decode_row(parts[source / rows], source % rows, to);
  if (change) change(r, to);
}

bool StoredRows::copy(uint64_t r, std::byte* to) const {
  const uint64_t source = source_row(r), rows = parts[0].rows();
  const StoredTensor& part = parts[source / rows];
  if (part.row_scales) return join_row(part, source % rows, to);
  if (part.packed) {
    part.packed->join(source % rows, to);
    return true;
  }
  std::memcpy(to, row(r), type_bytes(type(), columns()));
  return true;
}

void StoredRows::forget() const {
  for (const StoredTensor& part : parts) {
    if (part.owned && !part.scales) continue;  // memory of its own would be lost
    if (part.packed) continue;                 // so would the bounds of its tensors
    forget_pages({part.data, part.row_scales ? bytes_without_scales(part) : part.bytes()});
  }
}

StoredTensor transposed_keys(const StoredTensor& kv_b, const ModelConfig& config) {
  const uint64_t heads = uint64_t(config.num_attention_heads),
                 nope = uint64_t(config.qk_nope_head_dim), rank = kv_b.columns(),
                 step = nope + uint64_t(config.v_head_dim);
  auto keys = std::make_shared<std::vector<float>>(heads * rank * nope);
  std::vector<float> row(rank);
  for (uint64_t h = 0; h < heads; ++h)
    for (uint64_t i = 0; i < nope; ++i) {
      decode_row(kv_b, h * step + i, row.data());
      for (uint64_t j = 0; j < rank; ++j) (*keys)[(h * rank + j) * nope + i] = row[j];
    }
  StoredTensor made = kv_b;
  made.type = WeightType::f32;
  made.shape = {heads * rank, nope};
  made.data = reinterpret_cast<const std::byte*>(keys->data());
  made.scales = nullptr;
  made.owned = keys;
  made.packed = nullptr;
  return made;
}

StoredTensor side_by_side(const StoredTensor& first, const StoredTensor& second) {
  const uint64_t rows = first.rows(), width = first.columns();
  auto joined = std::make_shared<std::vector<float>>(2 * rows * width);
  for (uint64_t r = 0; r < rows; ++r) {
    decode_row(first, r, joined->data() + 2 * r * width);
    decode_row(second, r, joined->data() + (2 * r + 1) * width);
  }
  StoredTensor made;
  made.shape = {rows, 2 * width};
  made.data = reinterpret_cast<const std::byte*>(joined->data());
  made.place = first.place;
  made.owned = joined;
  return made;
}

std::vector<StoredTensor> value_rows(const StoredTensor& kv_b, const ModelConfig& config) {
  const uint64_t heads = uint64_t(config.num_attention_heads),
                 nope = uint64_t(config.qk_nope_head_dim), value = uint64_t(config.v_head_dim);
  StoredTensor whole = kv_b;
  if (has_scale_squares(whole.type)) {  // a head need not begin where a square of scales does
    auto values = std::make_shared<std::vector<float>>(kv_b.count());
    decode(kv_b, values->data());
    whole.type = WeightType::f32;
    whole.data = reinterpret_cast<const std::byte*>(values->data());
    whole.scales = nullptr;
    whole.owned = values;
  }
  std::vector<StoredTensor> parts;
  const size_t row = type_bytes(whole.type, whole.columns());
  for (uint64_t h = 0; h < heads; ++h) {
    StoredTensor part = whole;
    part.shape = {value, whole.columns()};
    part.data += (h * (nope + value) + nope) * row;
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace weir
