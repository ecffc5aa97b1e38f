#include "tensor/matrix.h"

#include "base/div_up.h"

namespace weir {

Matrix Matrix::of(Parameter& p) {
  Matrix m;
  m.name = p.name;
  m.rows = p.rows, m.cols = p.cols, m.groups = p.groups;
  for (int g = 0; g < p.groups; ++g)
    m.parts.push_back(p.data + size_t(g) * size_t(p.group_rows()) * size_t(p.cols));
  m.parameter = &p;
  return m;
}

const float* Matrix::row(int r, float* scratch) const {
  const size_t within = size_t(r % group_rows());
  const int group = r / group_rows();
  if (type == WeightType::f32) return f32(group) + within * size_t(cols);
  const float* scale = nullptr;
  if (const size_t square = size_t(scale_square(type)); has_scale_squares(type))
    scale = scales[size_t(group)] + within / square * div_up(size_t(cols), square);
  const char* at =
      static_cast<const char*>(parts[size_t(group)]) + within * type_bytes(type, size_t(cols));
  kernels().dequantize(type, at, scale, scratch, size_t(cols));
  return scratch;
}

}  // namespace weir
