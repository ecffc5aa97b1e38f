// The safetensors container: a JSON header with names, types, shapes and offsets, then raw bytes.
// Reading maps the file and checks every rule of the format; writing streams and is atomic.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace weir {

class Json;

struct TensorInfo {
  std::string name;
  std::string dtype;  // "F32", "BF16", "I64" ... as in the file
  std::vector<uint64_t> shape;
  uint64_t begin = 0, end = 0;  // bytes, relative to the data section
  uint64_t elements() const {
    uint64_t n = 1;
    for (uint64_t d : shape) n *= d;
    return n;
  }
};

// Bits per element of a dtype name, 0 when unknown.
int dtype_bits(const std::string& dtype);

class SafetensorsFile {
 public:
  static Result<SafetensorsFile> open(const std::string& path);
  // Checks the header bytes of a file of `file_size` bytes (what open() does; also the fuzz
  // target).
  static Result<std::vector<TensorInfo>> parse_header(std::span<const std::byte> bytes,
                                                      uint64_t file_size,
                                                      std::map<std::string, std::string>* metadata);
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const TensorInfo* find(const std::string& name) const;
  std::span<const std::byte> data(const TensorInfo& tensor) const;
  const std::string& path() const { return file_.path(); }

 private:
  SafetensorsFile(MappedFile file, uint64_t data_offset)
      : file_(std::move(file)), offset_(data_offset) {}
  MappedFile file_;
  uint64_t offset_ = 0;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
  std::map<std::string, size_t> index_;
};

// One tensor to be written; `bytes` must stay valid until written.
struct TensorSource {
  std::string name, dtype;
  std::vector<uint64_t> shape;
  std::span<const std::byte> bytes;
};

// Writes PATH whole or not at all (aside, fsync, rename). Order as the reference writer: by
// alignment of the dtype, then by name; the header padded so that data begins at a multiple of 8.
// Returns the SHA-256 of the file.
Result<std::string> write_safetensors(const std::string& path, std::vector<TensorSource> tensors,
                                      const std::map<std::string, std::string>& metadata);

// A folder's tensors: model.safetensors, or else the shards named by model.safetensors.index.json
// (names must be plain file names inside the folder; the index decides which tensor is read from
// where). find() looks over all shards.
class SafetensorsFolder {
 public:
  static Result<SafetensorsFolder> open(const std::string& folder);
  struct Found {
    const SafetensorsFile* file;
    const TensorInfo* info;
    std::span<const std::byte> bytes() const { return file->data(*info); }
  };
  Result<Found> find(const std::string& name) const;  // error names folder and tensor
  bool has(const std::string& name) const;
  std::vector<std::string> names() const;

 private:
  Result<void> open_shards(const std::string& folder, const Json& index);
  std::vector<SafetensorsFile> files_;
  std::map<std::string, std::pair<size_t, size_t>> index_;  // name -> file, tensor
};

}  // namespace weir
