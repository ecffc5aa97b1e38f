// Opening GGUF files, whole or split; the header of each is gguf_read.cpp's.
#include "formats/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "formats/gguf_layout.h"

namespace weir {
namespace {

struct Part {
  MappedFile file;
  GgufFile::Header header;
};

Result<Part> open_part(const std::string& path, GgufUse use) {
  MappedFile file = TRY(MappedFile::open(path));
  GgufFile::Header header =
      TRY_IN(path, GgufFile::parse_header(file.bytes(), file.bytes().size(), use));
  return Part{std::move(file), std::move(header)};
}

// Which part of a split model a file says it is.
struct Place {
  uint64_t number = 0, count = 1;
};

Result<Place> place_of(const GgufMetadata& metadata) {
  if (!metadata.find("split.count")) return Place{};
  int64_t count = TRY(metadata.int_at("split.count"));
  int64_t number = TRY(metadata.int_at("split.no"));
  if (count < 0 || uint64_t(count) > kGgufPartsMax)
    return Error{
        fmt::format("key 'split.count' is {}; it must be from 0 to {}", count, kGgufPartsMax)};
  if (count <= 1) return Place{};
  if (number < 0 || number >= count)
    return Error{fmt::format("key 'split.no' is {}; it must be from 0 to {}", number, count - 1)};
  return Place{uint64_t(number), uint64_t(count)};
}

// What the names of all parts begin with, of the path of the first.
Result<std::string> prefix_of(const std::string& path, Place place) {
  std::string suffix = gguf_part_suffix(place.number, place.count);
  if (!path.ends_with(suffix))
    return Error{
        fmt::format("it is part {} of {} of a split model, so its name must end in '{}'; "
                    "give all parts the names they had",
                    place.number + 1, place.count, suffix)};
  std::string prefix = path.substr(0, path.size() - suffix.size());
  if (place.number != 0)
    return Error{fmt::format("it is part {} of {} of a split model; give the first, {}",
                             place.number + 1, place.count,
                             prefix + gguf_part_suffix(0, place.count))};
  return prefix;
}

Result<Part> open_numbered(const std::string& path, Place place, GgufUse use) {
  if (!file_exists(path))
    return Error{
        fmt::format("{}: part {} of {} of the split model is missing; it must lie beside "
                    "the first",
                    path, place.number + 1, place.count)};
  Part part = TRY(open_part(path, use));
  Place found = TRY_IN(path, place_of(part.header.metadata));
  if (found.number != place.number || found.count != place.count)
    return Error{
        fmt::format("{}: it says that it is part {} of {}, its name says {} of {}; "
                    "download it again",
                    path, found.number + 1, found.count, place.number + 1, place.count)};
  return part;
}

}  // namespace

bool begins_as_gguf(const std::string& path) {
  constexpr std::string_view kMagic = "GGUF";
  const auto file = MappedFile::open(path);
  return file && file->bytes().size() >= kMagic.size() &&
         std::memcmp(file->bytes().data(), kMagic.data(), kMagic.size()) == 0;
}

bool has_gguf_name(const std::string& path) {
  constexpr std::string_view kEnding = ".gguf";
  if (path.size() < kEnding.size()) return false;
  const std::string_view ending = std::string_view(path).substr(path.size() - kEnding.size());
  return std::equal(ending.begin(), ending.end(), kEnding.begin(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? char(a - 'A' + 'a') : a) == b;
  });
}

bool is_gguf(const std::string& path) { return has_gguf_name(path) || begins_as_gguf(path); }

Result<GgufFile> GgufFile::open(const std::string& path, GgufUse use) {
  GgufFile file;
  auto add = [&file](Part part) -> Result<void> {
    for (GgufTensor& tensor : part.header.tensors) {
      tensor.file = int(file.files_.size());
      auto [known, is_new] = file.index_.try_emplace(tensor.name, file.tensors_.size());
      if (!is_new)
        return Error{fmt::format("{}: tensor '{}' is also in {}", part.file.path(),
                                 printable(tensor.name), file.path(file.tensors_[known->second]))};
      file.tensors_.push_back(std::move(tensor));
    }
    file.data_begin_.push_back(part.header.data_begin);
    file.files_.push_back(std::move(part.file));
    return {};
  };
  Part first = TRY(open_part(path, use));
  file.metadata_ = std::move(first.header.metadata);
  TRY(add(std::move(first)));
  if (use == GgufUse::metadata) return file;
  Place place = TRY_IN(path, place_of(file.metadata_));
  if (place.count == 1) return file;

  std::string prefix = TRY_IN(path, prefix_of(path, place));
  for (place.number = 1; place.number < place.count; ++place.number) {
    std::string name = prefix + gguf_part_suffix(place.number, place.count);
    Part part = TRY(open_numbered(name, place, use));
    TRY(add(std::move(part)));
  }
  constexpr const char* kTotal = "split.tensors.count";
  if (file.metadata_.find(kTotal)) {
    int64_t total = TRY_IN(path, file.metadata_.int_at(kTotal));
    if (total < 0 || uint64_t(total) != file.tensors_.size())
      return Error{fmt::format("{}: key '{}' is {}, but its {} parts have {} tensors", path, kTotal,
                               total, place.count, file.tensors_.size())};
  }
  return file;
}

const GgufTensor* GgufFile::find(std::string_view name) const {
  auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

std::span<const std::byte> GgufFile::data(const GgufTensor& tensor) const {
  const size_t file = size_t(tensor.file);
  const std::span<const std::byte> bytes = files_[file].bytes();
  uint64_t begin = 0, end = 0;
  if (__builtin_add_overflow(data_begin_[file], tensor.offset, &begin) ||
      __builtin_add_overflow(begin, tensor.bytes, &end) || end > bytes.size())
    return {};
  return bytes.subspan(begin, tensor.bytes);
}

Result<std::span<const std::byte>> GgufFile::whole_data(const GgufTensor& tensor) const {
  const std::span<const std::byte> bytes = data(tensor);
  if (bytes.size() != tensor.bytes)
    return Error{"its data end beyond the file, which was cut short; download it again"};
  return bytes;
}

const std::string& GgufFile::path(const GgufTensor& tensor) const {
  return files_[size_t(tensor.file)].path();
}

const std::string& GgufFile::path() const { return files_[0].path(); }

}  // namespace weir
