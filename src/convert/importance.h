// How much every column of every matrix matters to a model: mean squares of the activations that
// meet it, as llama.cpp's imatrix files and `weir importance` give them.
#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

class ImportanceFile {
 public:
  // In GGUF: tensors NAME.in_sum2 [experts, columns] and NAME.counts [experts, 1], f32. The experts
  // of a layer are averaged: their rows are quantized alike. Or in llama-imatrix's form of before
  // August 2025 (.dat), read by parse().
  static Result<ImportanceFile> open(const std::string& path);
  // i32 entries; of each: i32 length, name, i32 calls, i32 values, f32 sums of all experts in turn.
  // What follows (calls, the name of the text) is not read. Errors do not name the file.
  static Result<ImportanceFile> parse(std::span<const std::byte> bytes);
  // Of a tensor by its GGUF name, [columns]; empty when the file does not have it. Of another size
  // when it belongs to another model.
  std::span<const float> find(const std::string& tensor, size_t columns);
  size_t found() const { return found_; }  // calls of find() that were answered

 private:
  std::map<std::string, std::vector<float>, std::less<>> columns_;
  size_t found_ = 0;
};

// Sums gathered while a model reads text, by GGUF name.
struct ImportanceSums {
  std::vector<double> squares;  // [columns]
  int64_t rows = 0;
};
Result<void> write_importance(const std::string& path,
                              const std::map<std::string, ImportanceSums>& sums);

}  // namespace weir
