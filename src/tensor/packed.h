// Copies of an f32 matrix in the order in which kernels().gemm reads its right operand (kernels.h).
#pragma once
#include "tensor/buffer.h"
#include "tensor/matrix.h"

namespace weir {

class ThreadPool;

// Forward panels [outputs / 32][inputs][32] for x W^T; with `has_backward` also backward panels
// [inputs / 32][outputs][32] for dy W. Each group is packed on its own. pack() is called after the
// numbers were read and after every update; products only read.
class Packed {
 public:
  // `source` outlives this.
  Packed(const Matrix& source, bool has_backward) : source_(source), has_backward_(has_backward) {}

  // Copies the numbers anew if they changed since the last call.
  void pack(ThreadPool& pool);
  void source_changed() { is_fresh_ = false; }

  const float* forward(int group) const;
  const float* backward(int group) const;
  bool has_backward() const { return has_backward_; }

 private:
  void pack_forward(ThreadPool& pool);
  void pack_backward(ThreadPool& pool);
  size_t forward_group_floats() const;
  size_t backward_group_floats() const;

  const Matrix& source_;
  bool has_backward_, is_fresh_ = false;
  Buffer forward_, backward_;
};

}  // namespace weir
