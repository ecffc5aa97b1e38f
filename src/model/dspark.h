// DSpark (DeepSeek, June 2026; V4-Flash-0731 and V4.1): a few layers that draft a block of tokens
// in one pass, in the place of multi-token prediction. They read streams of the model's last
// layers: of each token one row per stage, its context. A block is the last known token and noise
// tokens; each of its rows sees the context's window and the whole block. A low-rank bias by the
// token before makes the drafted tokens depend on each other, one after the other.
#pragma once
#include <span>
#include <vector>

#include "model/layers.h"

namespace weir {

struct Dspark {
  Linear project;  // main_proj [H, targets * H]
  Norm norm;
  std::vector<Block> stages;
  Norm final_norm;
  StreamSite end;                     // of V4; V4.1's streams end with the mixture of the last part
  const Matrix* markov_in = nullptr;  // [vocabulary, rank], by the token before
  Linear markov_out;                  // [vocabulary, rank]
  Linear confidence;                  // [1, H + rank]
  // The model's head without its gradient: what drafts learn does not change the model.
  Matrix frozen_head;
};

// What the rows of drafted blocks see besides their own: rows [begin[i], end[i]) for segment i of
// the batch. Blocks may share rows. All of it outlives the tape.
struct DraftContext {
  Tensor rows;  // [rows, stages * head_dim]: of Model::draft_context()
  const int* begin = nullptr;
  const int* end = nullptr;
};

}  // namespace weir
