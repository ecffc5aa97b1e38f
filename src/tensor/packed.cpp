#include "tensor/packed.h"

#include <algorithm>

#include "base/check.h"
#include "base/div_up.h"
#include "base/thread_pool.h"

namespace weir {
namespace {

int panel_count(int outputs) { return div_up(outputs, kPanel); }
// Columns packed by one task: about 256 KiB of output at an inner size of 512.
constexpr int kTaskColumns = 4 * kPanel;

// body(group, begin, count) for `columns` columns of every group, kTaskColumns at a time.
template <class Body>
void for_columns(ThreadPool& pool, int groups, int columns, const Body& body) {
  const int tasks = (columns + kTaskColumns - 1) / kTaskColumns;
  pool.parallel_for(groups * tasks, [&](int task, int) {
    const int begin = task % tasks * kTaskColumns;
    body(task / tasks, begin, std::min(columns - begin, kTaskColumns));
  });
}

}  // namespace

size_t Packed::forward_group_floats() const {
  return size_t(panel_count(source_.group_rows())) * size_t(source_.cols) * kPanel;
}
size_t Packed::backward_group_floats() const {
  return size_t(panel_count(source_.cols)) * size_t(source_.group_rows()) * kPanel;
}

void Packed::pack(ThreadPool& pool) {
  if (is_fresh_) return;
  CHECK(source_.type == WeightType::f32);
  pack_forward(pool);
  if (has_backward_) pack_backward(pool);
  is_fresh_ = true;
}

void Packed::pack_forward(ThreadPool& pool) {
  const size_t bytes = forward_group_floats() * size_t(source_.groups) * sizeof(float);
  if (forward_.size() != bytes) forward_ = Buffer(bytes);
  const int inner = source_.cols;
  for_columns(pool, source_.groups, source_.group_rows(), [&](int group, int begin, int count) {
    kernels().pack_transposed(
        source_.f32(group) + size_t(begin) * size_t(inner), size_t(inner), count, inner,
        forward_.floats() + size_t(group) * forward_group_floats() + size_t(begin) * size_t(inner));
  });
}

void Packed::pack_backward(ThreadPool& pool) {
  const size_t bytes = backward_group_floats() * size_t(source_.groups) * sizeof(float);
  if (backward_.size() != bytes) backward_ = Buffer(bytes);
  const int inner = source_.group_rows();
  for_columns(pool, source_.groups, source_.cols, [&](int group, int begin, int count) {
    kernels().pack_rows(source_.f32(group) + begin, size_t(source_.cols), nullptr, inner, count,
                        backward_.floats() + size_t(group) * backward_group_floats() +
                            size_t(begin) * size_t(inner));
  });
}

const float* Packed::forward(int group) const {
  CHECK(is_fresh_);  // else pack() was forgotten after a change
  return forward_.floats() + size_t(group) * forward_group_floats();
}

const float* Packed::backward(int group) const {
  CHECK(is_fresh_ && has_backward_);
  return backward_.floats() + size_t(group) * backward_group_floats();
}

}  // namespace weir
