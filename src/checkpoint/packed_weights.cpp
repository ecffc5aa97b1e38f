#include "checkpoint/packed_weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/div_up.h"
#include "checkpoint/row_scales.h"
#include "kernels/kernels.h"
#include "kernels/quant/narrow_floats.h"

namespace weir {
namespace {

using Found = SafetensorsFolder::Found;
using Shape = std::vector<uint64_t>;

constexpr uint64_t kNvfp4Columns = 16, kBlockColumns = 32, kSquare = 128;

enum class Codes { int4, int8, e2m1, e4m3 };

// A weight as its tensors have it. Scales are f32 by now, in `scale_rows` rows of `groups`.
struct Packed final : PackedRows {
  Codes codes = Codes::int8;
  bool is_packed = false;  // whole numbers that have their offset added
  WeightType type = WeightType::f32;
  uint64_t rows = 0, columns = 0, row_bytes = 0;
  const std::byte* data = nullptr;
  std::vector<float> scales;
  uint64_t groups = 1, rows_per_scale = 1;
  std::vector<int> zero_points;        // [rows][groups]; none: 0
  std::vector<int> group_of;           // of each column; none: equal ranges
  std::vector<float> values_of_bytes;  // e4m3

  int code(uint64_t row, uint64_t column) const {
    const std::byte* at = data + row * row_bytes;
    if (codes == Codes::int4 || codes == Codes::e2m1)
      return int(unsigned(at[column / 2]) >> (column % 2 * 4) & 15) -
             (codes == Codes::int4 ? 8 : 0);
    if (codes == Codes::e4m3) return int(at[column]);
    return is_packed ? int(at[column]) - 128 : int(int8_t(at[column]));
  }
  uint64_t group(uint64_t column) const {
    return group_of.empty() ? column / div_up(columns, groups) : uint64_t(group_of[column]);
  }
  float scale(uint64_t row, uint64_t column) const {
    return scales[row / rows_per_scale * groups + group(column)];
  }
  void decode(uint64_t row, float* to) const override {
    for (uint64_t i = 0; i < columns; ++i) {
      const int c = code(row, i);
      float value = codes == Codes::e2m1   ? kE2m1[c]
                    : codes == Codes::e4m3 ? values_of_bytes[size_t(c)]
                                           : float(c);
      if (!zero_points.empty()) value -= float(zero_points[row * groups + group(i)]);
      to[i] = value * scale(row, i);
    }
  }
  void join(uint64_t row, std::byte* to) const override;
};

bool is_f16(float value) { return f16_to_f32(f32_to_f16(value)) == value; }

// A block of 32 numbers: the scale as f16, then codes; of q4_0 byte j has numbers j and j + 16.
void Packed::join(uint64_t row, std::byte* to) const {
  if (type == WeightType::f32) {
    std::vector<float> numbers(columns);
    decode(row, numbers.data());
    std::memcpy(to, numbers.data(), columns * sizeof(float));
    return;
  }
  for (uint64_t begin = 0; begin < columns; begin += kBlockColumns) {
    const uint16_t half = f32_to_f16(scale(row, begin));
    std::memcpy(to, &half, sizeof half);
    to += sizeof half;
    if (type == WeightType::q8_0) {
      for (uint64_t i = 0; i < kBlockColumns; ++i) *to++ = std::byte(code(row, begin + i));
      continue;
    }
    for (uint64_t i = 0; i < kBlockColumns / 2; ++i)
      *to++ = std::byte((code(row, begin + i) + 8) | (code(row, begin + i + kBlockColumns / 2) + 8)
                                                         << 4);
  }
}

class Finder {
 public:
  Finder(const SafetensorsFolder& folder, const std::string& name, const char* scales)
      : folder_(folder),
        name_(name),
        scales_(scales),
        stem_(name.substr(0, name.size() - std::strlen("weight"))),
        made_(std::make_shared<Packed>()) {}

  Result<std::optional<StoredTensor>> find();

 private:
  bool has(const char* suffix) const { return folder_.has(stem_ + suffix); }
  Result<Found> at(const char* suffix) const { return folder_.find(stem_ + suffix); }
  Error error(const std::string& what) const { return Error{place_ + ": " + what}; }

  Result<void> integers(const Found& codes);
  Result<void> zero_points(int bits);
  Result<void> column_groups();
  Result<void> fours(const Found& codes, const char* factor, bool divides);
  Result<void> plain(const Found& codes);
  Result<std::vector<float>> numbers(const char* suffix, const Found& found) const;
  Result<void> take_scales(uint64_t columns_each);
  void choose_type();
  std::shared_ptr<std::vector<float>> in_squares() const;

  const SafetensorsFolder& folder_;
  const std::string& name_;
  const char* scales_;  // their name after the stem
  const std::string stem_;
  std::string place_;
  std::shared_ptr<Packed> made_;
};

Result<std::vector<float>> Finder::numbers(const char* suffix, const Found& found) const {
  const std::string& dtype = found.info->dtype;
  std::vector<float> values(found.info->elements());
  const std::span<const std::byte> bytes = found.bytes();
  if (dtype == "F8_E8M0" || (dtype == "U8" && made_->codes == Codes::e2m1)) {
    std::transform(bytes.begin(), bytes.end(), values.begin(), e8m0_to_f32);
  } else if (dtype == "F8_E4M3") {
    const float one = 1;
    for (size_t i = 0; i < values.size(); ++i)
      kernels().dequantize(WeightType::f8_e4m3, &bytes[i], &one, &values[i], 1);
  } else if (dtype == "F32" || dtype == "F16" || dtype == "BF16") {
    kernels().dequantize(dtype == "F32"   ? WeightType::f32
                         : dtype == "F16" ? WeightType::f16
                                          : WeightType::bf16,
                         bytes.data(), nullptr, values.data(), values.size());
  } else {
    return error(fmt::format("its '{}{}' is {}, which is not supported", stem_, suffix, dtype));
  }
  for (float value : values)
    if (!std::isfinite(value))
      return error(fmt::format("'{}{}' holds a number that is not finite; the file is damaged",
                               stem_, suffix));
  return values;
}

// One for the tensor, a row, groups of columns in a row, or squares of 128. `columns_each`: what a
// format fixes; 0: the shape says.
Result<void> Finder::take_scales(uint64_t columns_each) {
  const Found found = TRY(at(scales_));
  Shape shape = found.info->shape;
  Packed& p = *made_;
  p.scales = TRY(numbers(scales_, found));
  if (p.scales.size() == 1 && columns_each == 0) {
    p.groups = 1, p.rows_per_scale = p.rows;
    return {};
  }
  if (shape.size() == 1) shape.push_back(1);
  const bool is_square = columns_each == 0 && shape.size() == 2 && shape[0] != p.rows &&
                         shape == Shape{div_up(p.rows, kSquare), div_up(p.columns, kSquare)};
  if (is_square) {
    p.rows_per_scale = kSquare, p.groups = shape[1];
    p.group_of.resize(p.columns);
    for (uint64_t i = 0; i < p.columns; ++i) p.group_of[i] = int(i / kSquare);
    return {};
  }
  const bool fits = shape.size() == 2 && shape[0] == p.rows && shape[1] > 0 &&
                    p.columns % shape[1] == 0 &&
                    (columns_each == 0 || shape[1] * columns_each == p.columns);
  if (!fits)
    return error(fmt::format(
        "its scales '{}weight_scale' have shape [{}]; for a weight of shape [{}, {}] they are {}",
        stem_, fmt::join(found.info->shape, ", "), p.rows, p.columns,
        columns_each > 0
            ? fmt::format("[{}, {}]", p.rows, p.columns / columns_each)
            : fmt::format("[1], [{0}, 1], [{0}, groups that divide {1}] or squares of 128", p.rows,
                          p.columns)));
  p.groups = shape[1];
  return {};
}

Result<int64_t> whole_at(const Found& found, size_t index) {
  const std::span<const std::byte> bytes = found.bytes();
  if (found.info->dtype == "I64") {
    int64_t value = 0;
    std::memcpy(&value, bytes.data() + index * sizeof value, sizeof value);
    return value;
  }
  if (found.info->dtype != "I32") return Error{"is " + found.info->dtype + ", not I32 or I64"};
  int32_t value = 0;
  std::memcpy(&value, bytes.data() + index * sizeof value, sizeof value);
  return int64_t(value);
}

Result<void> Finder::integers(const Found& codes) {
  if (!has("weight_shape"))
    return error(fmt::format("'{}weight_shape' is missing beside it", stem_));
  const Found shape = TRY(at("weight_shape"));
  if (shape.info->elements() != 2)
    return error(
        fmt::format("'{}weight_shape' has {} numbers, not 2", stem_, shape.info->elements()));
  Packed& p = *made_;
  const int64_t rows = TRY_IN(place_, whole_at(shape, 0));
  const int64_t columns = TRY_IN(place_, whole_at(shape, 1));
  if (rows < 1 || columns < 1 || rows > INT32_MAX || columns > INT32_MAX)
    return error(fmt::format("'{}weight_shape' is [{}, {}]", stem_, rows, columns));
  p.rows = uint64_t(rows), p.columns = uint64_t(columns);
  const Shape& stored = codes.info->shape;
  int bits = 0;
  for (int each : {4, 8})
    if (stored == Shape{p.rows, div_up(p.columns * uint64_t(each), uint64_t(32))}) bits = each;
  if (bits == 0)
    return error(
        fmt::format("has shape [{}], but '{}weight_shape' is [{}, {}]: only whole numbers of 4 and "
                    "8 bits are supported",
                    fmt::join(stored, ", "), stem_, rows, columns));
  p.codes = bits == 4 ? Codes::int4 : Codes::int8;
  p.is_packed = true;
  p.row_bytes = stored[1] * 4;
  TRY(take_scales(0));
  if (has("weight_zero_point")) TRY(zero_points(bits));
  if (has("weight_g_idx")) TRY(column_groups());
  return {};
}

// Packed along rows: word r / (32 / bits) of each group.
Result<void> Finder::zero_points(int bits) {
  const Found found = TRY(at("weight_zero_point"));
  Packed& p = *made_;
  if (found.info->dtype != "I32" || p.rows_per_scale != 1 ||
      found.info->shape != Shape{div_up(p.rows * uint64_t(bits), uint64_t(32)), p.groups})
    return error(
        fmt::format("'{}weight_zero_point' is {} of shape [{}]; I32 of shape [{}, {}] "
                    "belongs to it",
                    stem_, found.info->dtype, fmt::join(found.info->shape, ", "),
                    div_up(p.rows * uint64_t(bits), uint64_t(32)), p.groups));
  p.zero_points.resize(p.rows * p.groups);
  const uint64_t each = uint64_t(32 / bits);
  for (uint64_t r = 0; r < p.rows; ++r)
    for (uint64_t g = 0; g < p.groups; ++g) {
      uint32_t word = 0;
      std::memcpy(&word, found.bytes().data() + (r / each * p.groups + g) * sizeof word,
                  sizeof word);
      const unsigned mask = bits == 4 ? 15 : 255;
      p.zero_points[r * p.groups + g] =
          int(word >> (r % each * uint64_t(bits)) & mask) - (1 << (bits - 1));
    }
  return {};
}

Result<void> Finder::column_groups() {
  const Found found = TRY(at("weight_g_idx"));
  Packed& p = *made_;
  if (found.info->elements() != p.columns)
    return error(fmt::format("'{}weight_g_idx' has {} numbers for {} columns", stem_,
                             found.info->elements(), p.columns));
  p.group_of.resize(p.columns);
  for (uint64_t i = 0; i < p.columns; ++i) {
    const int64_t group = TRY_IN(place_, whole_at(found, i));
    if (group < 0 || uint64_t(group) >= p.groups)
      return error(fmt::format("'{}weight_g_idx' names group {} for column {}, but there are {}",
                               stem_, group, i, p.groups));
    p.group_of[i] = int(group);
  }
  return {};
}

// E2M1 with two scales, or with powers of two and no second one.
Result<void> Finder::fours(const Found& codes, const char* factor, bool divides) {
  Packed& p = *made_;
  p.codes = Codes::e2m1;
  if (codes.info->shape.size() != 2)
    return error(fmt::format("has shape [{}]; only matrices can be in four bits",
                             fmt::join(codes.info->shape, ", ")));
  p.rows = codes.info->shape[0], p.row_bytes = codes.info->shape[1], p.columns = 2 * p.row_bytes;
  if (!has(scales_)) return error(fmt::format("its scales '{}weight_scale' are missing", stem_));
  const std::string dtype = TRY(at(scales_)).info->dtype;
  const bool has_second = dtype == "F8_E4M3";
  if (!has_second && dtype != "U8" && dtype != "F8_E8M0")
    return error(
        fmt::format("its scales '{}{}' are {}; F8_E4M3 or powers of two (U8, F8_E8M0) "
                    "belong to it",
                    stem_, scales_, dtype));
  TRY(take_scales(has_second ? kNvfp4Columns : kRowScaleColumns));
  if (!has_second) return {};
  if (!has(factor))
    return error(fmt::format("'{}{}', which multiplies its scales, is missing", stem_, factor));
  const Found stored = TRY(at(factor));
  const std::vector<float> second = TRY(numbers(factor, stored));
  if (second.size() != 1 || second[0] == 0)
    return error(fmt::format("'{}{}' must be one number other than 0", stem_, factor));
  for (float& scale : p.scales) scale = divides ? scale / second[0] : scale * second[0];
  return {};
}

Result<void> Finder::plain(const Found& codes) {
  Packed& p = *made_;
  p.codes = codes.info->dtype == "I8" ? Codes::int8 : Codes::e4m3;
  if (codes.info->shape.size() != 2)
    return error(fmt::format("is {} of shape [{}]; only matrices can be", codes.info->dtype,
                             fmt::join(codes.info->shape, ", ")));
  p.rows = codes.info->shape[0], p.columns = p.row_bytes = codes.info->shape[1];
  TRY(take_scales(0));
  if (p.codes == Codes::int8) {
    if (has("weight_zero_point"))
      return error(
          fmt::format("'{}weight_zero_point' is not supported for unpacked numbers", stem_));
    return {};
  }
  p.values_of_bytes.resize(256);
  const float one = 1;
  for (int i = 0; i < 256; ++i) {
    const std::byte byte{uint8_t(i)};
    kernels().dequantize(WeightType::f8_e4m3, &byte, &one, &p.values_of_bytes[size_t(i)], 1);
  }
  return {};
}

// Blocks of 32 columns that share a scale which f16 holds as it is.
void Finder::choose_type() {
  Packed& p = *made_;
  const uint64_t each = p.columns / p.groups;
  const bool is_whole = p.codes == Codes::int4 || p.codes == Codes::int8;
  if (is_whole && p.zero_points.empty() && p.group_of.empty() && p.columns % kBlockColumns == 0 &&
      each % kBlockColumns == 0 && std::all_of(p.scales.begin(), p.scales.end(), is_f16))
    p.type = p.codes == Codes::int4 ? WeightType::q4_0 : WeightType::q8_0;
}

// The scales of E4M3 as products read them, one for every square of 128; null where they are not
// so.
std::shared_ptr<std::vector<float>> Finder::in_squares() const {
  const Packed& p = *made_;
  if (p.codes != Codes::e4m3) return nullptr;
  if (p.rows_per_scale == kSquare && p.rows != kSquare)
    return std::make_shared<std::vector<float>>(p.scales);
  if (p.rows_per_scale != p.rows || p.groups != 1) return nullptr;
  return std::make_shared<std::vector<float>>(div_up(p.rows, kSquare) * div_up(p.columns, kSquare),
                                              p.scales[0]);
}

Result<std::optional<StoredTensor>> Finder::find() {
  const bool is_packed = has("weight_packed");
  if (!is_packed && (!folder_.has(name_) || !has(scales_))) return std::optional<StoredTensor>();
  const Found codes = TRY(at(is_packed ? "weight_packed" : "weight"));
  place_ = fmt::format("{}: tensor '{}'", codes.file->path(), codes.info->name);
  const std::string& dtype = codes.info->dtype;
  made_->data = codes.bytes().data();
  if (is_packed && !has(scales_))
    return error(fmt::format("its scales '{}weight_scale' are missing", stem_));
  if (is_packed && dtype == "I32") {
    TRY(integers(codes));
  } else if (is_packed && dtype == "U8") {
    TRY(fours(codes, "weight_global_scale", true));
  } else if (!is_packed && dtype == "U8") {
    TRY(fours(codes, "weight_scale_2", false));
  } else if (!is_packed && (dtype == "I8" || dtype == "F8_E4M3")) {
    TRY(plain(codes));
  } else if (is_packed) {
    return error(fmt::format("is {}; packed weights are I32 or U8", dtype));
  } else {
    return std::optional<StoredTensor>();  // a weight that was left as it is
  }
  if (made_->rows == 0 || made_->columns == 0) return error("has no numbers");
  choose_type();
  StoredTensor tensor;
  tensor.place = place_;
  if (const auto squares = in_squares()) {
    tensor.type = WeightType::f8_e4m3;
    tensor.shape = {made_->rows, made_->columns};
    tensor.data = made_->data;
    tensor.scales = squares->data();
    tensor.owned = squares;
    return std::optional<StoredTensor>(std::move(tensor));
  }
  tensor.type = made_->type;
  tensor.shape = {made_->rows, made_->columns};
  tensor.data = made_->data;
  tensor.packed = std::move(made_);
  return std::optional<StoredTensor>(std::move(tensor));
}

constexpr std::string_view kBeside[] = {".weight_packed",    ".weight_scale",
                                        ".weight_shape",     ".weight_zero_point",
                                        ".weight_g_idx",     ".weight_global_scale",
                                        ".weight_scale_2",   ".input_scale",
                                        ".input_zero_point", ".input_global_scale",
                                        ".output_scale",     ".k_scale",
                                        ".v_scale",          ".kv_scale"};

}  // namespace

Result<std::optional<StoredTensor>> find_packed(const SafetensorsFolder& folder,
                                                const std::string& name, const char* scales) {
  if (!name.ends_with(".weight")) return std::optional<StoredTensor>();
  return Finder(folder, name, scales).find();
}

bool is_beside_packed(const std::string& name) {
  return std::any_of(std::begin(kBeside), std::end(kBeside),
                     [&](std::string_view suffix) { return name.ends_with(suffix); });
}

std::string packed_weight_name(const std::string& name) {
  constexpr std::string_view kPacked = "_packed";
  return name.ends_with(".weight_packed") ? name.substr(0, name.size() - kPacked.size()) : name;
}

}  // namespace weir
