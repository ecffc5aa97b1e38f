// The header of one GGUF file, from an unknown hand: every length is compared with what is left of
// the file before memory is taken for it, and every sum of sizes can not wrap.
#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <limits>
#include <unordered_set>

#include "base/div_up.h"
#include "base/text.h"
#include "formats/gguf.h"
#include "formats/gguf_layout.h"
#include "formats/gguf_tables.h"
#include "kernels/quant/types.h"

namespace weir {
namespace {

using Width = GgufMetadata::Width;

// Least bytes of a key with its value, and of a tensor's info.
constexpr uint64_t kEntryBytesMin = 8 + 1 + 4 + 1;
constexpr uint64_t kInfoBytesMin = 8 + 1 + 4 + 4 + 8;

// Little-endian numbers and strings, and never a byte beyond the end.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}
  uint64_t at() const { return at_; }
  uint64_t left() const { return bytes_.size() - at_; }

  Result<uint64_t> number(size_t width) {
    if (left() < width) return Error{"the file ends inside it; download it again"};
    return take(width);
  }
  // left() >= width.
  uint64_t take(size_t width) {
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) value |= uint64_t(bytes_[at_ + i]) << (8 * i);
    at_ += width;
    return value;
  }
  Result<std::string> text(uint64_t limit) {
    uint64_t length = TRY(number(8));
    if (length > left())
      return Error{
          fmt::format("a string claims {} bytes where the file has {} left; the file was "
                      "cut short or damaged: download it again",
                      length, left())};
    if (length > limit)
      return Error{fmt::format("a string has {} bytes, more than the limit of {}", length, limit)};
    std::string text(reinterpret_cast<const char*>(bytes_.data()) + at_, size_t(length));
    at_ += length;
    return text;
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t at_ = 0;
};

// Bytes of a value in the file (of a string: the least), 0 for a number that is no type.
size_t least_bytes(uint64_t type) {
  constexpr size_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};
  return type < std::size(kBytes) ? kBytes[type] : 0;
}

bool is_float(uint64_t type) {
  return type == uint64_t(Width::f32) || type == uint64_t(Width::f64);
}

Result<bool> bool_of(uint64_t bits) {
  if (bits > 1) return Error{fmt::format("{} is neither true (1) nor false (0)", bits)};
  return bits == 1;
}

double double_of(uint64_t bits, uint64_t type) {
  return type == uint64_t(Width::f32) ? double(std::bit_cast<float>(uint32_t(bits)))
                                      : std::bit_cast<double>(bits);
}

Result<int64_t> whole_of(uint64_t bits, uint64_t type) {
  if (type == uint64_t(Width::u64) && bits > uint64_t(std::numeric_limits<int64_t>::max()))
    return Error{fmt::format("the number {} does not fit 63 bits", bits)};
  bool is_signed =
      type == uint64_t(Width::i8) || type == uint64_t(Width::i16) || type == uint64_t(Width::i32);
  size_t shift = 64 - 8 * least_bytes(type);
  return is_signed ? int64_t(bits << shift) >> shift : int64_t(bits);
}

Error unknown_type(uint64_t type) {
  return {fmt::format("its value has type {}, which GGUF does not know", type)};
}

Result<GgufValue> read_array(Cursor& cursor) {
  uint64_t type = TRY(cursor.number(4));
  uint64_t count = TRY(cursor.number(8));
  size_t bytes = least_bytes(type);
  if (type == kGgufArray) return Error{"it is an array of arrays, which GGUF does not have"};
  if (bytes == 0) return unknown_type(type);
  if (count > cursor.left() / bytes)
    return Error{
        fmt::format("an array claims {} elements where the file has {} bytes left; the "
                    "file was cut short or damaged: download it again",
                    count, cursor.left())};
  if (count > kGgufArrayMax)
    return Error{
        fmt::format("an array has {} elements, more than the limit of {}", count, kGgufArrayMax)};
  auto filled = [&](auto values, const auto& next) -> Result<GgufValue> {
    values.reserve(size_t(count));
    for (uint64_t i = 0; i < count; ++i) values.push_back(TRY(next()));
    return GgufValue(std::move(values));
  };
  if (type == kGgufText)
    return filled(std::vector<std::string>(), [&] { return cursor.text(kGgufTextMax); });
  if (type == kGgufBool)
    return filled(std::vector<bool>(), [&] { return bool_of(cursor.take(bytes)); });
  if (is_float(type))
    return filled(std::vector<double>(),
                  [&] { return Result<double>(double_of(cursor.take(bytes), type)); });
  return filled(std::vector<int64_t>(), [&] { return whole_of(cursor.take(bytes), type); });
}

Result<GgufValue> read_value(Cursor& cursor, uint64_t type) {
  if (type == kGgufText) return GgufValue(TRY(cursor.text(kGgufTextMax)));
  if (type == kGgufArray) return read_array(cursor);
  size_t bytes = least_bytes(type);
  if (bytes == 0) return unknown_type(type);
  uint64_t bits = TRY(cursor.number(bytes));
  if (type == kGgufBool) return GgufValue(TRY(bool_of(bits)));
  if (is_float(type)) return GgufValue(double_of(bits, type));
  return GgufValue(TRY(whole_of(bits, type)));
}

// A string array's or bool's width is never looked at.
Width width_of(uint64_t type) {
  return type == kGgufBool || type == kGgufText ? Width::u8 : Width(type);
}

Result<void> read_metadata(Cursor& cursor, uint64_t count, GgufMetadata& metadata) {
  for (uint64_t i = 0; i < count; ++i) {
    std::string key = TRY_IN(fmt::format("key {}", i), cursor.text(kGgufKeyBytesMax));
    if (key.empty() || first_invalid_utf8(key) != std::string::npos)
      return Error{fmt::format("key {} ('{}') is no name", i, printable(key))};
    std::string place = fmt::format("key '{}'", printable(key));
    if (metadata.find(key)) return Error{place + " is there twice"};
    uint64_t type = TRY_IN(place, cursor.number(4));
    // The element's type of an array stands right behind.
    Cursor ahead = cursor;
    uint64_t element = type == kGgufArray ? TRY_IN(place, ahead.number(4)) : type;
    GgufValue value = TRY_IN(place, read_value(cursor, type));
    metadata.set(std::move(key), std::move(value), width_of(element));
  }
  return {};
}

// Names of types that files have and this program does not read, by number.
std::string type_title(uint64_t type) {
  constexpr struct {
    uint64_t type;
    const char* name;
  } kNames[] = {{4, "Q4_2"},        {5, "Q4_3"},        {9, "Q8_1"},       {15, "Q8_K"},
                {24, "I8"},         {25, "I16"},        {26, "I32"},       {27, "I64"},
                {28, "F64"},        {31, "Q4_0_4_4"},   {32, "Q4_0_4_8"},  {33, "Q4_0_8_8"},
                {36, "IQ4_NL_4_4"}, {37, "IQ4_NL_4_8"}, {38, "IQ4_NL_8_8"}};
  for (const auto& known : kNames)
    if (known.type == type) return known.name;
  // ik_llama.cpp's own types begin at 133.
  return fmt::format("{}{}", type, type >= 133 && type < 400 ? " (of ik_llama.cpp)" : "");
}

// `kGgufNameMax` and the other limits keep this to a few hundred bytes of memory for each info.
Result<GgufTensor> read_tensor(Cursor& cursor, uint64_t number) {
  GgufTensor tensor;
  tensor.name = TRY_IN(fmt::format("tensor {}", number), cursor.text(kGgufNameMax));
  if (tensor.name.empty() || first_invalid_utf8(tensor.name) != std::string::npos)
    return Error{fmt::format("tensor {} ('{}') has no name", number, printable(tensor.name))};
  std::string place = fmt::format("tensor '{}'", printable(tensor.name));
  uint64_t rank = TRY_IN(place, cursor.number(4));
  if (rank > kGgufRankMax)
    return Error{fmt::format("{}: it has {} dimensions, at most {} are possible", place, rank,
                             kGgufRankMax)};
  tensor.shape.resize(size_t(rank));
  // The file has the row length first.
  for (auto size = tensor.shape.rbegin(); size != tensor.shape.rend(); ++size)
    *size = TRY_IN(place, cursor.number(8));
  uint64_t type = TRY_IN(place, cursor.number(4));
  if (is_expert_table(tensor.name) && type != kGgufInt32)
    return Error{fmt::format("{}: is a table of experts, which has to be I32, not {}", place,
                             type <= INT32_MAX && find_type(int(type)) ? type_name(WeightType(type))
                                                                       : type_title(type))};
  if (is_expert_table(tensor.name)) type = uint64_t(WeightType::f32);
  const TypeTraits* traits = type <= INT32_MAX ? find_type(int(type)) : nullptr;
  if (!traits || has_scale_squares(traits->type))
    return Error{fmt::format(
        "{}: unsupported type {}; choose a file in Q1_0 to Q8_0, Q2_K to Q6_K, IQ1_S to "
        "IQ4_XS, TQ1_0, TQ2_0, MXFP4, NVFP4, F16, BF16 or F32",
        place, type_title(type))};
  tensor.type = traits->type;
  tensor.bytes = TRY_IN(place, gguf_tensor_bytes(tensor.type, tensor.shape));
  tensor.offset = TRY_IN(place, cursor.number(8));
  return tensor;
}

struct Start {
  uint64_t tensors, keys;
};

Result<Start> read_start(Cursor& cursor) {
  constexpr uint64_t kMagic = 0x46554747;  // "GGUF"
  if (cursor.left() < 24)
    return Error{fmt::format("not a GGUF file: it has {} bytes, fewer than 24", cursor.left())};
  uint64_t magic = cursor.take(4);
  for (uint64_t old : {0x67676d6c, 0x67676d66, 0x67676a74})  // ggml, ggmf, ggjt
    if (magic == old)
      return Error{"it is in a format older than GGUF; convert the original model again"};
  if (magic != kMagic) return Error{"not a GGUF file: it does not begin with 'GGUF'"};
  uint64_t version = cursor.take(4);
  if (version != 0 && (version & 0xFFFF) == 0)
    return Error{"it is a big-endian file; convert it to little-endian (gguf-py has a script)"};
  if (version < 2)
    return Error{
        fmt::format("unsupported version {} of GGUF; convert the original model again to "
                    "version 3",
                    version)};
  if (version > kGgufVersion)
    return Error{
        fmt::format("unsupported version {} of GGUF; convert the original model to "
                    "version {}",
                    version, kGgufVersion)};
  Start start{};
  start.tensors = cursor.take(8);
  start.keys = cursor.take(8);
  auto check = [&](const char* what, uint64_t count, uint64_t most, uint64_t least_size) {
    if (count > most)
      return Error{fmt::format("it claims {} {}, at most {} are read", count, what, most)};
    if (count > cursor.left() / least_size)
      return Error{
          fmt::format("it claims {} {}, the {} bytes after that can not hold them; "
                      "download it again",
                      count, what, cursor.left())};
    return Error{};
  };
  for (Error& error :
       std::vector<Error>{check("keys", start.keys, kGgufKeysMax, kEntryBytesMin),
                          check("tensors", start.tensors, kGgufTensorsMax, kInfoBytesMin)})
    if (!error.message.empty()) return std::move(error);
  return start;
}

// The data of the tensors must follow each other, each at a multiple of the alignment, and lie
// inside the file, or where only the header is used inside one of 2^62 bytes. No sum wraps: each
// end is compared with the limit before it is rounded up.
Result<void> check_data(const GgufFile::Header& header, uint64_t alignment, uint64_t file_size,
                        GgufUse use) {
  uint64_t available = file_size > header.data_begin ? file_size - header.data_begin : 0;
  if (use != GgufUse::whole) available = uint64_t(1) << 62;
  uint64_t next = 0;
  const GgufTensor* before = nullptr;
  for (const GgufTensor& tensor : header.tensors) {
    std::string name = printable(tensor.name);
    if (tensor.offset != next)
      return Error{
          fmt::format("tensor '{}': its data begins at {}, but the data before it ends at {}; {}",
                      name, tensor.offset, next,
                      before && before->type == WeightType::q2_0
                          ? "Q2_0 has blocks of 64 here, and PrismML's fork wrote blocks of 128 "
                            "under the same number: take a file that llama.cpp reads"
                          : "the file is damaged: download it again")};
    before = &tensor;
    if (next > available || tensor.bytes > available - next)
      return Error{
          fmt::format("tensor '{}': its {} bytes at {} end beyond the file, which has {} "
                      "bytes of data; it was cut short: download it again",
                      name, tensor.bytes, next, available)};
    next = round_up(next + tensor.bytes, alignment);
  }
  return {};
}

Result<void> check_names(const std::vector<GgufTensor>& tensors) {
  std::unordered_set<std::string_view> names;
  names.reserve(tensors.size());
  for (const GgufTensor& tensor : tensors)
    if (!names.insert(tensor.name).second)
      return Error{fmt::format("tensor '{}' is there twice", printable(tensor.name))};
  return {};
}

}  // namespace

Result<GgufFile::Header> GgufFile::parse_header(std::span<const std::byte> bytes,
                                                uint64_t file_size, GgufUse use) {
  Cursor cursor(bytes);
  Start start = TRY(read_start(cursor));
  Header header;
  TRY(read_metadata(cursor, start.keys, header.metadata));
  uint64_t alignment = TRY(gguf_alignment(header.metadata));
  header.tensors.reserve(size_t(start.tensors));
  for (uint64_t i = 0; i < start.tensors; ++i)
    header.tensors.push_back(TRY(read_tensor(cursor, i)));
  TRY(check_names(header.tensors));
  header.data_begin = round_up(cursor.at(), alignment);
  TRY(check_data(header, alignment, file_size, use));
  return header;
}

}  // namespace weir
