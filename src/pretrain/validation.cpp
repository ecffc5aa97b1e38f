#include "pretrain/validation.h"

#include <algorithm>

#include "base/stop_signal.h"
#include "tensor/batch.h"
#include "tensor/run.h"

namespace weir {

std::optional<Evaluation> evaluate(const Model& model, const Dataset& dataset, int64_t windows,
                                   int micro_windows, Arena& arena, ThreadPool& pool) {
  constexpr double kBitsPerNat = 1.4426950408889634;
  const int64_t all = std::min(windows, dataset.validation_windows());
  TrainingBatch batch;
  double loss = 0;
  int64_t counted = 0, bytes = 0;
  for (int64_t first = 0; first < all; first += micro_windows) {
    if (stop_requested()) return std::nullopt;
    dataset.validation_batch(first, int(std::min<int64_t>(micro_windows, all - first)), batch);
    arena.reset();
    const Batch rows = batch.rows();
    Run run{arena, pool, rows};
    LossSum sum = cross_entropy(run, model.forward(run), model.head(), batch.targets, 1);
    loss += sum.negative_log;
    counted += sum.counted;
    bytes += batch.target_bytes;
  }
  Evaluation result;
  result.tokens = counted;
  if (counted == 0) return std::nullopt;
  result.loss = loss / double(counted);
  if (bytes > 0) result.bits_per_byte = loss * kBitsPerNat / double(bytes);
  return result;
}

}  // namespace weir
