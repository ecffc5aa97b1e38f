// Reading: the mapping, the rules of the format, folders of shards. Writing is
// safetensors_write_file.cpp and, in shards, safetensors_write.cpp.
#include "formats/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/json.h"
#include "base/text.h"
#include "formats/safetensors_header.h"

namespace weir {
namespace {

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kHeaderMax = 100'000'000;  // the limit of the reference reader
constexpr size_t kShardsMax = 10'000;
constexpr const char* kSingleName = "model.safetensors";
constexpr const char* kIndexName = "model.safetensors.index.json";
constexpr const char* kPickledName = "pytorch_model.bin";
constexpr const char* kPickledIndex = "pytorch_model.bin.index.json";

std::string shape_text(const std::vector<uint64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

// Bytes that shape and dtype ask for.
Result<uint64_t> expected_bytes(const TensorInfo& tensor) {
  int bits = dtype_bits(tensor.dtype);
  if (bits == 0)
    return Error{fmt::format("tensor '{}': unknown dtype '{}'", tensor.name, tensor.dtype)};
  uint64_t total = uint64_t(bits);
  for (uint64_t dimension : tensor.shape)
    if (__builtin_mul_overflow(total, dimension, &total))
      return Error{fmt::format("tensor '{}': the size of shape {} does not fit 64 bits",
                               tensor.name, shape_text(tensor.shape))};
  if (total % 8 != 0)
    return Error{fmt::format("tensor '{}': shape {} of {} does not end at a whole byte",
                             tensor.name, shape_text(tensor.shape), tensor.dtype)};
  return total / 8;
}

// Sorted by offset, the tensors must cover the data exactly: no hole, no overlap, nothing after.
Result<void> check_tiling(const std::vector<TensorInfo>& tensors, uint64_t data_bytes) {
  uint64_t covered = 0;
  for (const TensorInfo& tensor : tensors) {
    if (tensor.end < tensor.begin)
      return Error{fmt::format("tensor '{}': its data ends at {} before it begins at {}",
                               tensor.name, tensor.end, tensor.begin)};
    if (tensor.begin != covered)
      return Error{fmt::format("tensor '{}': its data begins at {}, the data before it ends at {}",
                               tensor.name, tensor.begin, covered)};
    uint64_t expected = TRY(expected_bytes(tensor));
    if (tensor.end - tensor.begin != expected)
      return Error{fmt::format("tensor '{}': {} of shape {} takes {} bytes, its offsets span {}",
                               tensor.name, tensor.dtype, shape_text(tensor.shape), expected,
                               tensor.end - tensor.begin)};
    covered = tensor.end;
  }
  if (covered != data_bytes)
    return Error{fmt::format("the tensors cover {} bytes, the file holds {}: {}", covered,
                             data_bytes,
                             covered > data_bytes ? "it was cut short" : "something was appended")};
  return {};
}

// A name that can only mean a file inside the folder.
bool is_plain_name(const std::string& name) {
  if (name.empty() || name.size() > 255 || name[0] == '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return uint8_t(c) >= 0x20 && c != 0x7F && c != '/' && c != '\\' && c != ':';
  });
}

}  // namespace

int dtype_bits(const std::string& dtype) {
  static const std::map<std::string, int> kBits = {
      {"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
      {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
      {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
      {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
      {"I64", 64},        {"U64", 64},
  };
  auto found = kBits.find(dtype);
  return found == kBits.end() ? 0 : found->second;
}

Result<std::vector<TensorInfo>> SafetensorsFile::parse_header(
    std::span<const std::byte> bytes, uint64_t file_size,
    std::map<std::string, std::string>* metadata) {
  if (bytes.size() < kLengthBytes || file_size < kLengthBytes)
    return Error{fmt::format("not a safetensors file: {} bytes, fewer than 8", file_size)};
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length |= uint64_t(bytes[i]) << (8 * i);
  if (length > kHeaderMax)
    return Error{fmt::format("not a safetensors file: its header claims {} bytes, more than {}",
                             length, kHeaderMax)};
  if (length > file_size - kLengthBytes || length > bytes.size() - kLengthBytes)
    return Error{
        fmt::format("the header claims {} bytes, the file has {} after the first 8: it was "
                    "cut short or is not a safetensors file",
                    length, file_size - kLengthBytes)};
  std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  if (text.empty() || text[0] != '{')
    return Error{"not a safetensors file: its header does not begin with '{'"};
  if (size_t bad = first_invalid_utf8(text); bad != std::string_view::npos)
    return Error{fmt::format("header byte {}: not valid UTF-8", bad)};
  std::vector<TensorInfo> tensors = TRY(scan_header(text, metadata));
  auto by_offset = [](const TensorInfo& a, const TensorInfo& b) {
    return a.begin != b.begin ? a.begin < b.begin
           : a.end != b.end   ? a.end < b.end
                              : a.name < b.name;
  };
  std::sort(tensors.begin(), tensors.end(), by_offset);
  TRY(check_tiling(tensors, file_size - kLengthBytes - length));
  return tensors;
}

Result<SafetensorsFile> SafetensorsFile::open(const std::string& path) {
  MappedFile mapped = TRY(MappedFile::open(path));
  std::span<const std::byte> bytes = mapped.bytes();
  std::map<std::string, std::string> metadata;
  std::vector<TensorInfo> tensors = TRY_IN(path, parse_header(bytes, bytes.size(), &metadata));
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length |= uint64_t(bytes[i]) << (8 * i);
  SafetensorsFile file(std::move(mapped), kLengthBytes + length);
  file.tensors_ = std::move(tensors);
  file.metadata_ = std::move(metadata);
  for (size_t i = 0; i < file.tensors_.size(); ++i) file.index_.emplace(file.tensors_[i].name, i);
  return file;
}

const TensorInfo* SafetensorsFile::find(const std::string& name) const {
  auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

std::span<const std::byte> SafetensorsFile::data(const TensorInfo& tensor) const {
  return file_.bytes().subspan(offset_ + tensor.begin, tensor.end - tensor.begin);
}

Result<SafetensorsFolder> SafetensorsFolder::open(const std::string& folder) {
  SafetensorsFolder result;
  std::string single = join_path(folder, kSingleName), index = join_path(folder, kIndexName);
  if (file_exists(single)) {
    result.files_.push_back(TRY(SafetensorsFile::open(single)));
    const std::vector<TensorInfo>& tensors = result.files_[0].tensors();
    for (size_t i = 0; i < tensors.size(); ++i) result.index_[tensors[i].name] = {0, i};
    return result;
  }
  if (!file_exists(index))
    return Error{
        fmt::format("{}: neither {} nor {} is there{}", folder, kSingleName, kIndexName,
                    file_exists(join_path(folder, kPickledName)) ||
                            file_exists(join_path(folder, kPickledIndex))
                        ? "; pickled weights are never opened: save the model as safetensors"
                        : "")};
  Json json = TRY(read_json_file(index));
  TRY_IN(index, result.open_shards(folder, json));
  return result;
}

// `index` is {"metadata": ..., "weight_map": {"tensor": "shard file", ...}}; metadata is advisory.
Result<void> SafetensorsFolder::open_shards(const std::string& folder, const Json& index) {
  const Json* map = index.find("weight_map");
  if (!map || !map->is_object() || map->size() == 0)
    return Error{"'weight_map' must be an object of tensor names and file names"};
  if (map->size() > kTensorsMax) return Error{fmt::format("more than {} tensors", kTensorsMax)};
  std::map<std::string, size_t> opened;
  for (const auto& [tensor, shard] : map->members()) {
    if (!shard.is_string() || !is_plain_name(shard.text()))
      return Error{fmt::format("tensor '{}': its file '{}' must be a plain name inside the folder",
                               tensor, shard.text())};
    auto [entry, is_new] = opened.emplace(shard.text(), files_.size());
    if (is_new) {
      if (files_.size() == kShardsMax) return Error{fmt::format("more than {} files", kShardsMax)};
      files_.push_back(TRY(SafetensorsFile::open(join_path(folder, shard.text()))));
    }
    const SafetensorsFile& file = files_[entry->second];
    const TensorInfo* info = file.find(tensor);
    if (info) index_[tensor] = {entry->second, size_t(info - file.tensors().data())};
  }
  // Readers of such folders open the files that the index names and take every tensor in them, so a
  // tensor may be elsewhere than the index says, or nowhere: that is an error when it is needed.
  for (size_t f = 0; f < files_.size(); ++f)
    for (size_t t = 0; t < files_[f].tensors().size(); ++t)
      index_.try_emplace(files_[f].tensors()[t].name, f, t);
  return {};
}

Result<SafetensorsFolder::Found> SafetensorsFolder::find(const std::string& name) const {
  auto found = index_.find(name);
  if (found == index_.end()) {
    std::string place = files_.size() == 1 ? files_[0].path()
                                           : fmt::format("{} and {} more files", files_[0].path(),
                                                         files_.size() - 1);
    return Error{fmt::format("{}: tensor '{}' is missing", place, name)};
  }
  const SafetensorsFile& file = files_[found->second.first];
  return Found{&file, &file.tensors()[found->second.second]};
}

bool SafetensorsFolder::has(const std::string& name) const { return index_.count(name) > 0; }

std::vector<std::string> SafetensorsFolder::names() const {
  std::vector<std::string> names;
  for (const auto& [name, place] : index_) names.push_back(name);
  return names;
}

}  // namespace weir
