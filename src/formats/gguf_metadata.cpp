// Looking up and setting values of a GGUF file's metadata, with errors that name the key.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "formats/gguf.h"
#include "formats/gguf_layout.h"

namespace weir {
namespace {

// By index of the variant.
constexpr const char* kKinds[] = {"true or false",
                                  "a whole number",
                                  "a number",
                                  "a string",
                                  "an array of true and false",
                                  "an array of whole numbers",
                                  "an array of numbers",
                                  "an array of strings"};

// The value as T, or an error that says what it is instead.
template <class T>
Result<const T*> value_at(const GgufMetadata& metadata, std::string_view key) {
  const char* wanted = kKinds[GgufValue(std::in_place_type<T>).index()];
  const GgufValue* value = metadata.find(key);
  if (!value)
    return Error{fmt::format("key '{}' is missing; it must be {}", printable(key), wanted)};
  const T* held = std::get_if<T>(value);
  if (!held)
    return Error{fmt::format("key '{}' must be {}; it is {}", printable(key), wanted,
                             kKinds[value->index()])};
  return held;
}

bool fits(int64_t value, int64_t least, int64_t most) { return value >= least && value <= most; }

GgufMetadata::Width usual_width(const GgufValue& value) {
  using Width = GgufMetadata::Width;
  constexpr int64_t kInt32Min = std::numeric_limits<int32_t>::min();
  constexpr int64_t kInt32Max = std::numeric_limits<int32_t>::max();
  if (const int64_t* number = std::get_if<int64_t>(&value)) {
    if (fits(*number, 0, std::numeric_limits<uint32_t>::max())) return Width::u32;
    return fits(*number, kInt32Min, kInt32Max) ? Width::i32 : Width::i64;
  }
  if (const auto* numbers = std::get_if<std::vector<int64_t>>(&value)) {
    bool narrow = std::all_of(numbers->begin(), numbers->end(),
                              [](int64_t number) { return fits(number, kInt32Min, kInt32Max); });
    return narrow ? Width::i32 : Width::i64;
  }
  return Width::f32;
}

}  // namespace

const GgufValue* GgufMetadata::find(std::string_view key) const {
  auto found = index_.find(key);
  return found == index_.end() ? nullptr : &entries_[found->second].value;
}

Result<bool> GgufMetadata::bool_at(std::string_view key) const {
  return *TRY(value_at<bool>(*this, key));
}

Result<int64_t> GgufMetadata::int_at(std::string_view key) const {
  return *TRY(value_at<int64_t>(*this, key));
}

Result<double> GgufMetadata::double_at(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value && std::holds_alternative<int64_t>(*value)) return double(std::get<int64_t>(*value));
  double number = *TRY(value_at<double>(*this, key));
  if (!std::isfinite(number))
    return Error{fmt::format("key '{}' must be a number; it is {}", printable(key), number)};
  return number;
}

Result<std::string> GgufMetadata::string_at(std::string_view key) const {
  return *TRY(value_at<std::string>(*this, key));
}

Result<const std::vector<std::string>*> GgufMetadata::strings_at(std::string_view key) const {
  return value_at<std::vector<std::string>>(*this, key);
}

Result<const std::vector<int64_t>*> GgufMetadata::ints_at(std::string_view key) const {
  return value_at<std::vector<int64_t>>(*this, key);
}

Result<const std::vector<double>*> GgufMetadata::doubles_at(std::string_view key) const {
  return value_at<std::vector<double>>(*this, key);
}

void GgufMetadata::set(std::string key, GgufValue value) {
  Width width = usual_width(value);
  set(std::move(key), std::move(value), width);
}

void GgufMetadata::set(std::string key, GgufValue value, Width width) {
  auto [place, is_new] = index_.try_emplace(std::move(key), entries_.size());
  if (is_new) {
    entries_.push_back({place->first, std::move(value), width});
  } else {
    entries_[place->second].value = std::move(value);
    entries_[place->second].width = width;
  }
}

Result<uint64_t> gguf_alignment(const GgufMetadata& metadata) {
  constexpr const char* kKey = "general.alignment";
  if (!metadata.find(kKey)) return kGgufAlignment;
  int64_t alignment = TRY(metadata.int_at(kKey));
  if (alignment < 8 || uint64_t(alignment) > kGgufAlignmentMax ||
      (alignment & (alignment - 1)) != 0)
    return Error{fmt::format("key '{}' is {}; it must be a power of two from 8 to {}", kKey,
                             alignment, kGgufAlignmentMax)};
  return uint64_t(alignment);
}

Result<uint64_t> gguf_tensor_bytes(WeightType type, const std::vector<uint64_t>& shape) {
  std::string text = fmt::format("[{}]", fmt::join(shape, ", "));
  if (shape.size() > kGgufRankMax)
    return Error{
        fmt::format("it has {} dimensions, at most {} are possible", shape.size(), kGgufRankMax)};
  uint64_t elements = 1;
  for (uint64_t dimension : shape) {
    if (dimension == 0) return Error{fmt::format("a dimension of its shape {} is zero", text)};
    if (__builtin_mul_overflow(elements, dimension, &elements) || elements > INT64_MAX)
      return Error{fmt::format("the size of its shape {} does not fit 63 bits", text)};
  }
  const TypeTraits& traits = type_traits(type);
  uint64_t row = shape.empty() ? 1 : shape.back();
  if (row % uint64_t(traits.block) != 0)
    return Error{fmt::format("its rows of {} numbers are not whole blocks of {}, which {} asks for",
                             row, traits.block, traits.name)};
  uint64_t bytes = elements / uint64_t(traits.block);
  if (__builtin_mul_overflow(bytes, uint64_t(traits.block_bytes), &bytes) || bytes > INT64_MAX)
    return Error{
        fmt::format("the size of its shape {} in {} does not fit 63 bits", text, traits.name)};
  return bytes;
}

std::string gguf_part_suffix(uint64_t number, uint64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
}

}  // namespace weir
