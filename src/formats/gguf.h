// GGUF, the container of llama.cpp and ollama: metadata, tensor infos, data, in one file or several
// (NAME-00001-of-00003.gguf). Reading maps the files and checks every length before it is used;
// writing streams and is atomic.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "kernels/quant/blocks.h"

namespace weir {

// A value of the metadata. Whole numbers of every width are int64 (u64 beyond it is refused), both
// floats are double. Arrays hold one kind; arrays of arrays do not exist.
using GgufValue = std::variant<bool, int64_t, double, std::string, std::vector<bool>,
                               std::vector<int64_t>, std::vector<double>, std::vector<std::string>>;

class GgufMetadata {
 public:
  // Null when the key is absent.
  const GgufValue* find(std::string_view key) const;
  // Errors name the key and what it should be. A float may be given as a whole number.
  Result<bool> bool_at(std::string_view key) const;
  Result<int64_t> int_at(std::string_view key) const;
  Result<double> double_at(std::string_view key) const;
  Result<std::string> string_at(std::string_view key) const;
  Result<const std::vector<std::string>*> strings_at(std::string_view key) const;
  Result<const std::vector<int64_t>*> ints_at(std::string_view key) const;
  Result<const std::vector<double>*> doubles_at(std::string_view key) const;

  // How a value is written: kinds of whole numbers and floats that the format tells apart.
  enum class Width : uint8_t {
    u8 = 0,
    i8 = 1,
    u16 = 2,
    i16 = 3,
    u32 = 4,
    i32 = 5,
    f32 = 6,
    u64 = 10,
    i64 = 11,
    f64 = 12
  };
  // Replaces or appends. Whole numbers default to u32 (arrays: i32), floats to f32.
  void set(std::string key, GgufValue value);
  void set(std::string key, GgufValue value, Width width);

  struct Entry {
    std::string key;
    GgufValue value;
    Width width;
  };
  const std::vector<Entry>& entries() const { return entries_; }  // in the order of the file

 private:
  std::vector<Entry> entries_;
  std::map<std::string, size_t, std::less<>> index_;
};

struct GgufTensor {
  std::string name;
  WeightType type = WeightType::f32;
  // Row-major, as safetensors has it, so [rows, columns]: the reverse of the file's order.
  std::vector<uint64_t> shape;
  uint64_t offset = 0, bytes = 0;  // within the data section of its file
  int file = 0;
};

// Whether the file at `path` begins with GGUF's four bytes, whatever its name (blobs of ollama have
// none of their own). False for what can not be read.
bool begins_as_gguf(const std::string& path);
// Whether `path` ends in .gguf, in letters of any case.
bool has_gguf_name(const std::string& path);
// Whether a model's path is to be opened as GGUF: one of both.
bool is_gguf(const std::string& path);

// What an opened file is for. `whole`: all data of all parts are there, or opening fails. `header`:
// the headers of all parts are, their data may be cut. `metadata`: that of the first part.
enum class GgufUse : uint8_t { whole, header, metadata };

class GgufFile {
 public:
  // The file, or the first of a split model, whose others must lie beside it. Limits: 1 M tensors
  // of at most 4 dimensions, 65,536 keys, strings of 64 MiB, arrays of 2^24 elements, and never
  // more memory than the file's size suggests.
  static Result<GgufFile> open(const std::string& path, GgufUse use = GgufUse::whole);
  // The header of one file of `file_size` bytes; also the fuzz target.
  struct Header {
    GgufMetadata metadata;
    std::vector<GgufTensor> tensors;
    uint64_t data_begin = 0;
  };
  static Result<Header> parse_header(std::span<const std::byte> bytes, uint64_t file_size,
                                     GgufUse use = GgufUse::whole);

  const GgufMetadata& metadata() const { return metadata_; }  // of the first file
  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  const GgufTensor* find(std::string_view name) const;
  // Empty when the file, opened for its header, was cut before the end of this tensor.
  std::span<const std::byte> data(const GgufTensor& tensor) const;
  // An error, without the tensor's name, where data() is empty.
  Result<std::span<const std::byte>> whole_data(const GgufTensor& tensor) const;
  // Of the file that holds a tensor, or of the first.
  const std::string& path(const GgufTensor& tensor) const;
  const std::string& path() const;

 private:
  GgufFile() = default;
  std::vector<MappedFile> files_;
  std::vector<uint64_t> data_begin_;
  GgufMetadata metadata_;
  std::vector<GgufTensor> tensors_;
  std::map<std::string, size_t, std::less<>> index_;
};

// Writes PATH whole or not at all. All infos are given first; then the data comes in their order,
// in pieces of any size, so nothing large is held in memory.
class GgufWriter {
 public:
  struct Tensor {
    std::string name;
    WeightType type;
    std::vector<uint64_t> shape;  // row-major
  };
  // Files of at most `split_bytes` of data each (0: one file), named as split models are; `path`
  // ends in .gguf. An existing file is replaced only by finish().
  static Result<GgufWriter> create(const std::string& path, const GgufMetadata& metadata,
                                   std::vector<Tensor> tensors, uint64_t split_bytes = 0);
  GgufWriter(GgufWriter&&) noexcept;
  ~GgufWriter();  // without finish(): nothing is left behind
  Result<void> write(std::span<const std::byte> piece);
  // Fails unless every tensor was written in full. The paths that were written.
  Result<std::vector<std::string>> finish();

 private:
  struct State;
  explicit GgufWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace weir
