// A weight as operations read it: numbers of any storage type, in the model's memory or in a mapped
// file.
#pragma once
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "tensor/parameter.h"

namespace weir {

class Packed;
class Panels;

// Row-major [rows = outputs][cols = inputs] in `groups` equal row ranges (the experts of a layer).
// A view: the model and its mapped files own the numbers.
struct Matrix {
  std::string name;  // as Parameter's
  WeightType type = WeightType::f32;
  int rows = 0, cols = 0, groups = 1;
  std::vector<const void*> parts;  // the first row of each group
  bool is_mapped = false;          // all parts lie in mapped files
  // Of E4M3: the scales of each group, [ceil(group rows / square)][ceil(cols / square)], where
  // square = scale_square(type).
  std::vector<const float*> scales;
  // The copy that products read instead: f32 only. Null: they read the rows themselves.
  const Packed* packed = nullptr;
  // The copy that integer products read instead, made as they do: quantized types only. Or null.
  Panels* panels = nullptr;
  Parameter* parameter = nullptr;  // whose numbers these are; null: mapped

  // The numbers of `p`, which outlives the matrix.
  static Matrix of(Parameter& p);

  size_t count() const { return size_t(rows) * size_t(cols); }
  int group_rows() const { return rows / groups; }
  // Whether groups are tensors of their own in files; else they are ranges of one tensor's rows.
  bool is_experts() const { return name.find("{}") != std::string::npos; }
  // Where products add the weight's gradient; null when frozen.
  float* grad() const { return parameter ? parameter->grad : nullptr; }
  // Group g of an f32 matrix.
  const float* f32(int g = 0) const { return static_cast<const float*>(parts[size_t(g)]); }
  // Row r of all, as f32: `scratch` [cols] is filled, or left alone where the row is f32 already.
  const float* row(int r, float* scratch) const;
};

}  // namespace weir
