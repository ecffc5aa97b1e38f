// What a random model's files hold.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace weir {

struct RandomOutput {
  std::string name;
  WeightType type;              // of its numbers
  std::vector<uint64_t> shape;  // as the file has it
  // Of a folder, where it is not `type`'s: codes of two numbers a byte, scales of E8M0, tables of
  // whole numbers.
  const char* dtype = nullptr;
  int fill = -1;  // every byte; -1: random

  uint64_t rows() const {
    uint64_t rows = 1;
    for (size_t i = 0; i + 1 < shape.size(); ++i) rows *= shape[i];
    return rows;
  }
  uint64_t row_bytes() const { return type_bytes(type, shape.back()); }
  uint64_t bytes() const { return rows() * row_bytes(); }
};

// The tensors of a folder as DeepSeek publishes V4 and V4.1, under its names: `type` f8_e4m3 with
// scales of E8M0 for squares, of the tables of n-grams for 32 columns of a row; with mxfp4 experts
// too, in codes of E2M1; other types for all matrices alike.
std::vector<RandomOutput> published_outputs(const ModelConfig& config, WeightType type);

}  // namespace weir
