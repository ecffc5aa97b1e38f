// How well a model predicts text it was not trained on.
#pragma once
#include <cstdint>
#include <optional>

#include "base/arena.h"
#include "base/thread_pool.h"
#include "corpus/dataset.h"
#include "model/model.h"

namespace weir {

struct Evaluation {
  double loss = 0;           // mean -log p per token, natural logarithm
  double bits_per_byte = 0;  // the same per byte of text: comparable between tokenizers
  int64_t tokens = 0;
};

// Over the first `windows` held-out windows (all of them if there are fewer), `micro_windows` at a
// time. Empty when a stop was requested meanwhile.
std::optional<Evaluation> evaluate(const Model& model, const Dataset& dataset, int64_t windows,
                                   int micro_windows, Arena& arena, ThreadPool& pool);

}  // namespace weir
