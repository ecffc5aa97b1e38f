// Muon: momentum whose update is made orthogonal (Jordan et al. 2024, "Muon: An optimizer for
// hidden layers"), with the scale and weight decay of Moonlight (Liu et al. 2025, arXiv:2502.16982,
// eq. 4). For hidden matrices only; optimizer.h gives everything else to AdamW.
#pragma once
#include <cstddef>
#include <vector>

#include "base/thread_pool.h"
#include "tensor/buffer.h"

namespace weir {

struct MuonMatrix {
  float* weight;
  const float* gradient;
  float* momentum;
  int rows, cols;
};

class Muon {
 public:
  Muon() = default;
  void add(const MuonMatrix& matrix) { matrices_.push_back(matrix); }

  // M = momentum * M + s G;  O = orthogonal(s G + momentum * M) (Nesterov);
  // W -= lr * (0.2 * sqrt(max(rows, cols)) * O + weight_decay * W), s = gradient_scale.
  struct Step {
    float lr, momentum, weight_decay, gradient_scale;
  };
  void update(ThreadPool& pool, const Step& step);

 private:
  std::vector<MuonMatrix> matrices_;
  std::vector<Buffer> workspace_;  // one per thread
};

// Five Newton-Schulz steps with the quintic a X + b (X X^T) X + c (X X^T)^2 X, from X / |X|: brings
// the singular values of `x` [rows][cols], in place, into about [0.7, 1.2]. The bits do not depend
// on the pool, which may be null for a caller that runs on a worker already.
void orthogonalize(float* x, int rows, int cols, ThreadPool* pool, Buffer& workspace);

}  // namespace weir
