#include "formats/safetensors_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "base/json.h"
#include "base/text.h"
#include "formats/safetensors.h"
#include "formats/safetensors_header.h"

namespace weir {
namespace {

// The reference's order of types; the writer places the last first.
constexpr const char* kDtypeOrder[] = {
    "BOOL",    "F4",          "F6_E2M3",     "F6_E3M2", "U8",  "I8",  "F8_E5M2", "F8_E4M3",
    "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16",     "U16", "F16", "BF16",    "I32",
    "U32",     "F32",         "C64",         "F64",     "I64", "U64"};

Result<uint64_t> bytes_of(const TensorPlan& tensor) {
  if (tensor.name == "__metadata__" || tensor.name.size() > kTensorNameMax ||
      first_invalid_utf8(tensor.name) != std::string_view::npos)
    return Error{fmt::format("'{}' can not be a tensor's name", printable(tensor.name))};
  if (tensor.shape.size() > kTensorRankMax)
    return Error{fmt::format("tensor '{}': more than {} dimensions", tensor.name, kTensorRankMax)};
  uint64_t bits = uint64_t(dtype_bits(tensor.dtype));
  if (bits == 0)
    return Error{fmt::format("tensor '{}': unknown dtype '{}'", tensor.name, tensor.dtype)};
  bool fits = true;
  for (uint64_t dimension : tensor.shape)
    fits = fits && !__builtin_mul_overflow(bits, dimension, &bits);
  if (!fits || bits % 8 != 0)
    return Error{fmt::format("tensor '{}': {} of shape [{}] is no whole number of bytes",
                             tensor.name, tensor.dtype, fmt::join(tensor.shape, ", "))};
  return bits / 8;
}

std::string quoted(const std::string& text) { return Json(text).dump(); }

}  // namespace

Result<std::vector<uint64_t>> planned_bytes(std::span<const TensorPlan> tensors) {
  if (tensors.size() > kTensorsMax) return Error{fmt::format("more than {} tensors", kTensorsMax)};
  std::unordered_set<std::string_view> names;
  std::vector<uint64_t> bytes;
  uint64_t total = 0;
  for (const TensorPlan& tensor : tensors) {
    bytes.push_back(TRY(bytes_of(tensor)));
    if (!names.insert(tensor.name).second)
      return Error{fmt::format("tensor '{}' is there twice", tensor.name)};
    if (__builtin_add_overflow(total, bytes.back(), &total))
      return Error{fmt::format("tensor '{}': the size of all does not fit 64 bits", tensor.name)};
  }
  return bytes;
}

int dtype_rank(const std::string& dtype) {
  return int(std::find(std::begin(kDtypeOrder), std::end(kDtypeOrder), dtype) - kDtypeOrder);
}

Result<std::string> safetensors_header(std::span<const TensorPlan> tensors,
                                       std::span<const uint64_t> bytes,
                                       const std::map<std::string, std::string>& metadata) {
  std::string text = "{", separator;
  if (!metadata.empty()) {
    text += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      text += fmt::format("{}{}:{}", separator, quoted(key), quoted(value));
      separator = ",";
    }
    text += "}";
  }
  uint64_t offset = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    text += fmt::format("{}{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                        separator, quoted(tensors[i].name), tensors[i].dtype,
                        fmt::join(tensors[i].shape, ","), offset, offset + bytes[i]);
    separator = ",";
    offset += bytes[i];
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > 100'000'000) return Error{"the header would be larger than 100 MB"};
  std::string length(8, '\0');
  for (size_t i = 0; i < 8; ++i) length[i] = char(text.size() >> (8 * i));
  return length + text;
}

}  // namespace weir
