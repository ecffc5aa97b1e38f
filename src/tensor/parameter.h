// What a learner moves: f32 numbers in the model's memory and their gradient.
#pragma once
#include <cstddef>
#include <string>

namespace weir {

// Row-major [rows][cols], as HuggingFace stores it. The experts of a layer are one parameter with
// `groups` equal row ranges. A vector (gain, bias) has rows == 1.
struct Parameter {
  std::string name;  // HuggingFace tensor name; for groups a pattern with "{}" where the index goes
  int rows = 0, cols = 0, groups = 1;
  float* data = nullptr;
  float* grad = nullptr;      // same layout; null when frozen
  bool decays = true;         // weight decay applies (matrices; not gains, biases)
  bool is_embedding = false;  // rows are looked up by token

  float* f32() const { return data; }
  size_t count() const { return size_t(rows) * size_t(cols); }
  int group_rows() const { return rows / groups; }
};

}  // namespace weir
