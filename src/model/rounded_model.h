// A model's twin with rounded weights, for work that tolerates another policy than the exact one,
// such as rollouts whose learner corrects the ratio (stages/rollout_ratio.h).
#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "model/model.h"
#include "tensor/buffer.h"
#include "tensor/panels.h"

namespace weir {

// Matrices that products read are stored as `type`, except the gates of experts and those whose
// rows are no whole blocks. Everything else (gains, biases, embeddings that are only looked up,
// packed copies) is the source's memory, so the twin follows the source there at once.
class RoundedModel {
 public:
  // `source` is of Model::create and outlives the twin. Nothing is rounded before round().
  RoundedModel(const Model& source, WeightType type);

  // Brings the rounded weights up to date with the source's. Needed after every update of it, and
  // before the first use.
  void round(ThreadPool& pool);
  // Frozen, and valid as long as this object.
  const Model& model() const { return *model_; }
  // Of the rounded weights and their panels.
  static double bytes_of(const ModelConfig& config, WeightType type);

 private:
  struct Rounded {
    const Matrix* from;
    Matrix* to;
    Buffer memory;
  };
  const WeightType type_;
  std::unique_ptr<Model> model_;
  std::vector<Rounded> rounded_;
  std::deque<Panels> panels_;  // of rounded_, in order; none where the machine has no use for them
};

}  // namespace weir
