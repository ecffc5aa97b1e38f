#include "train/train_loss.h"

#include <optional>
#include <vector>

#include "tensor/batch.h"
#include "tensor/run.h"
#include "tensor/tape.h"
#include "train/draft_training.h"

namespace weir {
namespace {

// `loss_of(run, hidden)` ends the tape.
template <class LossOf>
void accumulate(const Model& model, const TrainingBatch& batch, const LossOptions& options,
                Arena& arena, ThreadPool& pool, LossTotals& totals, const LossOf& loss_of) {
  arena.reset();
  const Batch rows = batch.rows();
  Tape tape(arena);
  Run run{arena, pool, rows};
  run.tape = &tape;
  run.aux_scale = options.aux_scale;
  run.routing = options.routing;
  run.exact = learns_exactly(model);
  Tensor states, hidden = model.forward(run, nullptr, &states);
  LossSum sum = loss_of(run, hidden);
  totals.objective += sum.loss;
  totals.negative_log += sum.negative_log;
  totals.counted += sum.counted;

  // DeepSeek-V3, eq. 24-25: lambda / D times the sum over modules of the mean over the step's
  // tokens.
  const int modules = options.mtp_weight > 0 ? model.config().mtp_modules() : 0;
  std::vector<FurtherTargets> further;  // outlive the tape
  further.reserve(size_t(modules));
  for (int depth = 0; depth < modules; ++depth) {
    further.push_back(further_targets(batch, depth));
    hidden = model.predict_further(run, states, further.back().next, depth);
    sum = cross_entropy(run, hidden, model.head(), further.back().targets,
                        options.mtp_weight / float(modules));
    totals.mtp_negative_log += sum.negative_log;
    totals.mtp_counted += sum.counted;
  }
  std::optional<DraftBlocks> blocks;  // outlive the tape
  if (options.mtp_weight > 0 && model.config().has_dspark()) {
    blocks.emplace(batch, model.config());
    const DraftLoss drafted = record_draft_loss(model, run, *blocks, states, options.mtp_weight);
    totals.mtp_negative_log += drafted.negative_log;
    totals.mtp_counted += drafted.counted;
  }
  totals.balance_loss += run.aux_loss * double(options.aux_scale);
  tape.backward();
}

}  // namespace

FurtherTargets further_targets(const TrainingBatch& batch, int depth) {
  const int rows = int(batch.tokens.size());
  FurtherTargets out{std::vector<int>(size_t(rows), 0), std::vector<int>(size_t(rows), -1)};
  // targets[i] is the token after row i, so what row i sees `distance` ahead stands at targets[i +
  // distance - 1], while that is a row of the same segment.
  auto ahead = [&](int row, int distance) {
    const int at = row + distance - 1;
    const bool same = at < rows && batch.sequences[size_t(at)] == batch.sequences[size_t(row)] &&
                      batch.positions[size_t(at)] == batch.positions[size_t(row)] + distance - 1;
    return same ? batch.targets[size_t(at)] : -1;
  };
  for (int row = 0; row < rows; ++row) {
    const int next = ahead(row, depth + 1);
    if (next < 0) continue;
    out.next[size_t(row)] = next;
    out.targets[size_t(row)] = ahead(row, depth + 2);
  }
  return out;
}

void accumulate_gradients(const Model& model, const TrainingBatch& batch, TokenObjective& objective,
                          const LossOptions& options, Arena& arena, ThreadPool& pool,
                          LossTotals& totals) {
  accumulate(model, batch, options, arena, pool, totals, [&](Run& run, Tensor hidden) {
    return token_loss(run, hidden, model.head(), batch.targets, objective,
                      options.log_probabilities, options.inverse_temperature);
  });
}

void accumulate_gradients(const Model& model, const TrainingBatch& batch,
                          DistributionObjective& objective, const LossOptions& options,
                          Arena& arena, ThreadPool& pool, LossTotals& totals) {
  accumulate(model, batch, options, arena, pool, totals, [&](Run& run, Tensor hidden) {
    return distribution_loss(run, hidden, model.head(), batch.targets, objective,
                             options.inverse_temperature);
  });
}

}  // namespace weir
