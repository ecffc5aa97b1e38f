// From gradients to new weights: AdamW for everything, or Muon for hidden matrices and AdamW for
// the rest; and the gradient's norm. Owns the moments, which a checkpoint keeps.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "tensor/buffer.h"
#include "tensor/parameter.h"
#include "train/muon.h"
#include "train/training_recipe.h"

namespace weir {

// Whether Muon moves this weight: a hidden matrix. Embedding, head, routers, gains and biases are
// not.
bool is_hidden_matrix(const Parameter& weight);

// Of the rows of tables of n-grams: most are read in few steps only.
constexpr double kTableRate = 5;
// Whether a weight is one: looked up like an embedding, but without decay.
bool is_ngram_table(const Parameter& weight);

class Optimizer {
 public:
  // The weights outlive the optimizer.
  Optimizer(const OptimizerRecipe& options, const std::vector<Parameter*>& parameters);

  // Over all gradients; not finite exactly when some gradient is not. Summed in f64 over chunks of
  // a fixed size in a fixed order: the same bits for any number of threads.
  double gradient_norm(ThreadPool& pool) const;
  // For the message after a norm that is not finite: the first tensor with such a gradient, and the
  // element. Empty when there is none.
  std::string first_not_finite() const;

  // Update number `step` (0, 1 ...) with gradients times `gradient_scale`. Callers tell the weights
  // that they changed. Rows of tables of n-grams (Engram) that no token of the step read stay as
  // they are, with their moments; the others move kTableRate times as fast (Cheng et al. 2026).
  void update(ThreadPool& pool, int64_t step, double lr, double gradient_scale);

  // What a checkpoint keeps beside the weights.
  struct Moment {
    std::string name;
    std::vector<uint64_t> shape;
    float* data;
    size_t count;
  };
  const std::vector<Moment>& moments() const { return moments_; }

 private:
  struct Chunk {
    float* weight;
    const float* gradient;
    float *first, *second;
    size_t count;
    bool decays;
    int row = 0;  // of a table of n-grams, numbers of a row; else 0
  };
  float* make_moment(const Parameter& weight, const char* suffix);

  OptimizerRecipe options_;
  std::vector<Parameter*> parameters_;
  std::vector<Moment> moments_;
  std::vector<Buffer> memory_;
  std::vector<Chunk> chunks_;
  Muon muon_;
};

// The factor that brings a gradient of this norm down to `clip` (0: off), at most 1 (Pascanu et al.
// 2013).
double clip_scale(double norm, double clip);

}  // namespace weir
