#include "tensor/weight.h"

#include "base/check.h"
#include "base/thread_pool.h"

namespace weir {
namespace {

int panel_count(int outputs) { return (outputs + kPanel - 1) / kPanel; }
// Panels packed by one task: about 256 KiB of output at an inner size of 512.
constexpr int kPanelsPerTask = 4;

}  // namespace

const float* Weight::group_f32(int g) const {
  if (!stored.empty()) return static_cast<const float*>(stored[size_t(g)]);
  return f32() + size_t(g) * size_t(group_rows()) * size_t(cols);
}

const float* Weight::row(int r, float* scratch) const {
  const size_t within = size_t(r % group_rows());
  const int group = r / group_rows();
  if (type == WeightType::f32) return group_f32(group) + within * size_t(cols);
  const float* scale = nullptr;
  if (type == WeightType::f8_e4m3)
    scale = scales[size_t(group)] +
            within / kScaleSquare * ((size_t(cols) + kScaleSquare - 1) / kScaleSquare);
  const char* at =
      static_cast<const char*>(stored[size_t(group)]) + within * type_bytes(type, size_t(cols));
  kernels().dequantize(type, at, scale, scratch, size_t(cols));
  return scratch;
}

size_t Weight::forward_group_elements() const {
  return size_t(panel_count(group_rows())) * size_t(cols) * kPanel;
}
size_t Weight::backward_group_elements() const {
  return size_t(panel_count(cols)) * size_t(group_rows()) * kPanel;
}

const float* Weight::forward_panels(ThreadPool& pool) const {
  if (forward_.fresh || pool.is_dry()) return forward_.buffer.floats();
  CHECK(type == WeightType::f32);
  size_t bytes = forward_group_elements() * size_t(groups) * sizeof(float);
  if (forward_.buffer.size() != bytes) forward_.buffer = Buffer(bytes);
  const Kernels& k = kernels();
  int outputs = group_rows(), tasks = (panel_count(outputs) + kPanelsPerTask - 1) / kPanelsPerTask;
  pool.parallel_for(groups * tasks, [&](int task, int) {
    int group = task / tasks, begin = task % tasks * kPanelsPerTask * kPanel;
    int count =
        outputs - begin < kPanelsPerTask * kPanel ? outputs - begin : kPanelsPerTask * kPanel;
    const float* source = group_f32(group) + size_t(begin) * size_t(cols);
    size_t target = size_t(group) * forward_group_elements() + size_t(begin) * size_t(cols);
    k.pack_transposed(source, size_t(cols), count, cols, forward_.buffer.floats() + target);
  });
  forward_.fresh = true;
  return forward_.buffer.floats();
}

const float* Weight::backward_panels(ThreadPool& pool) const {
  if (backward_.fresh || pool.is_dry()) return backward_.buffer.floats();
  CHECK(type == WeightType::f32);
  size_t bytes = backward_group_elements() * size_t(groups) * sizeof(float);
  if (backward_.buffer.size() != bytes) backward_.buffer = Buffer(bytes);
  const Kernels& k = kernels();
  int inner = group_rows(), tasks = (panel_count(cols) + kPanelsPerTask - 1) / kPanelsPerTask;
  pool.parallel_for(groups * tasks, [&](int task, int) {
    int group = task / tasks, begin = task % tasks * kPanelsPerTask * kPanel;
    int count = cols - begin < kPanelsPerTask * kPanel ? cols - begin : kPanelsPerTask * kPanel;
    k.pack_rows(group_f32(group) + begin, size_t(cols), nullptr, inner, count,
                backward_.buffer.floats() + size_t(group) * backward_group_elements() +
                    size_t(begin) * size_t(inner));
  });
  backward_.fresh = true;
  return backward_.buffer.floats();
}

}  // namespace weir
