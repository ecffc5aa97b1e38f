// What DSpark's stages (model/dspark.h) learn from a micro-batch. The model does not: no gradient
// reaches its layers, its embedding or its head.
#pragma once
#include <vector>

#include "corpus/document_stream.h"
#include "model/model.h"
#include "tensor/batch.h"

namespace weir {

// Blocks that begin at every block_size-th token of a sequence, from its second on, each with the
// rows of the window before it as context. Row k of a block sees noise in the place of the tokens
// after the first, and predicts the token k + 1 after the first.
class DraftBlocks {
 public:
  // `positions_max`: of the model; blocks that would end beyond are left out, and so are branches
  // (tensor/batch.h).
  DraftBlocks(const TrainingBatch& batch, const ModelConfig& config);

  int rows() const { return int(tokens_.size()); }
  const Batch& batch() const { return batch_; }
  // `rows`: of Model::draft_context() over the micro-batch.
  DraftContext context(Tensor rows) const { return {rows, begins_.data(), ends_.data()}; }
  std::vector<int> before, targets;  // the true token before a row's own; -1: no target
  std::vector<float> decay;          // exp(-k / 4), so that first tokens count most

 private:
  std::vector<int> tokens_, positions_, sequences_, begins_, ends_;
  Batch batch_;
};

struct DraftLoss {
  double negative_log = 0;  // sum over counted rows
  int64_t counted = 0;
};

// Records the loss of the blocks: `weight` times the sum over rows of their decay times the cross
// entropy of the drafted token, and of the confidence with whether the likeliest one is right. The
// blocks outlive the tape. `states`: of Model::forward() over the micro-batch.
DraftLoss record_draft_loss(const Model& model, Run& run, const DraftBlocks& blocks, Tensor states,
                            float weight);

}  // namespace weir
