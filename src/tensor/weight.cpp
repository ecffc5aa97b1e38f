#include "tensor/weight.h"

#include "base/check.h"
#include "base/thread_pool.h"

namespace weir {
namespace {

int panel_count(int outputs) { return (outputs + kPanel - 1) / kPanel; }
// Panels packed by one task: about 256 KiB of output at an inner size of 512.
constexpr int kPanelsPerTask = 4;

}  // namespace

size_t type_bytes(WeightType type) { return type == WeightType::f32 ? 4 : 2; }
const char* type_name(WeightType type) { return type == WeightType::f32 ? "f32" : "bf16"; }

size_t Weight::forward_group_elements() const {
  return size_t(panel_count(group_rows())) * size_t(cols) * kPanel;
}
size_t Weight::backward_group_elements() const {
  return size_t(panel_count(cols)) * size_t(group_rows()) * kPanel;
}

const void* Weight::forward_panels(ThreadPool& pool) const {
  if (forward_.fresh) return forward_.buffer.data();
  size_t bytes = forward_group_elements() * size_t(groups) * type_bytes(type);
  if (forward_.buffer.size() != bytes) forward_.buffer = Buffer(bytes);
  const Kernels& k = kernels();
  int outputs = group_rows(), tasks = (panel_count(outputs) + kPanelsPerTask - 1) / kPanelsPerTask;
  pool.parallel_for(groups * tasks, [&](int task, int) {
    int group = task / tasks, begin = task % tasks * kPanelsPerTask * kPanel;
    int count =
        outputs - begin < kPanelsPerTask * kPanel ? outputs - begin : kPanelsPerTask * kPanel;
    size_t source = (size_t(group) * size_t(outputs) + size_t(begin)) * size_t(cols);
    size_t target = size_t(group) * forward_group_elements() + size_t(begin) * size_t(cols);
    if (type == WeightType::f32)
      k.pack_transposed(f32() + source, size_t(cols), count, cols,
                        forward_.buffer.floats() + target);
    else
      k.pack_transposed_bf16(bf16() + source, size_t(cols), count, cols,
                             reinterpret_cast<uint16_t*>(forward_.buffer.data()) + target);
  });
  forward_.fresh = true;
  return forward_.buffer.data();
}

const float* Weight::backward_panels(ThreadPool& pool) const {
  if (backward_.fresh) return backward_.buffer.floats();
  CHECK(type == WeightType::f32);
  size_t bytes = backward_group_elements() * size_t(groups) * sizeof(float);
  if (backward_.buffer.size() != bytes) backward_.buffer = Buffer(bytes);
  const Kernels& k = kernels();
  int inner = group_rows(), tasks = (panel_count(cols) + kPanelsPerTask - 1) / kPanelsPerTask;
  pool.parallel_for(groups * tasks, [&](int task, int) {
    int group = task / tasks, begin = task % tasks * kPanelsPerTask * kPanel;
    int count = cols - begin < kPanelsPerTask * kPanel ? cols - begin : kPanelsPerTask * kPanel;
    k.pack_rows(f32() + size_t(group) * size_t(inner) * size_t(cols) + begin, size_t(cols), nullptr,
                inner, count,
                backward_.buffer.floats() + size_t(group) * backward_group_elements() +
                    size_t(begin) * size_t(inner));
  });
  backward_.fresh = true;
  return backward_.buffer.floats();
}

}  // namespace weir
