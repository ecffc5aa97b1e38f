#include "ops/streamed_experts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/matmul.h"
#include "tensor/packed.h"

namespace weir {
namespace {

using ReadyExperts = std::span<const ExpertCache::Ready>;

// A matrix of those experts alone, whose rows are in the cache.
Matrix matrix_of(const Linear& whole, ReadyExperts experts, int which) {
  const Matrix& from = *whole.base;
  Matrix matrix;
  matrix.type = from.type;
  matrix.groups = int(experts.size());
  matrix.rows = from.group_rows() * matrix.groups;
  matrix.cols = from.cols;
  for (const ExpertCache::Ready& ready : experts) {
    matrix.parts.push_back(ready.rows[size_t(which)]);
    if (!from.scales.empty()) matrix.scales.push_back(from.scales[size_t(ready.expert)]);
  }
  return matrix;
}

Rows rows_of(const Tensor& t, int first, int count) {
  return {t.row(first), t.stride, count, t.cols};
}

// f32 rows are packed for the product, as those of a model in memory are: the two orders of sums
// have different bits.
void multiply_read(Workers workers, const Activations& x, Matrix& w, const Groups& groups,
                   Rows out) {
  Packed packed(w, false);
  if (w.type == WeightType::f32) {
    packed.pack(*workers.pool);
    w.packed = &packed;
  }
  multiply(workers, x, w, groups, out, false);
  w.packed = nullptr;
}

// The rows of a product that have been computed, and where those to come belong.
struct Progress {
  int done = 0;
  int* token;  // [pairs] of the rows as they are computed
  int* place;  // [pairs] grouped row -> computed row
};

// Experts that are in memory at the same time.
class Round {
 public:
  // Those that could not be read have rows, too, at the end of the round.
  Round(const Routing& routing, ReadyExperts experts, Progress& progress)
      : first_(progress.done), begin_{0} {
    for (bool is_there : {true, false})
      for (const ExpertCache::Ready& ready : experts) {
        if ((ready.rows[0] != nullptr) != is_there) continue;
        for (int r = routing.begin[ready.expert]; r < routing.begin[ready.expert + 1]; ++r) {
          progress.token[progress.done] = routing.token[r];
          progress.place[r] = progress.done++;
        }
        if (is_there) {
          experts_.push_back(ready);
          begin_.push_back(progress.done - first_);
        }
      }
    all_ = progress.done - first_;
  }

  void compute(Run& run, const Input& input, const ExpertProjections& projections, const int* token,
               Tensor parts) const {
    Workers workers{&run.arena, &run.pool, run.exact};
    const int rows = begin_.back();
    for (int r = rows; r < all_; ++r) std::fill_n(parts.row(first_ + r), parts.cols, std::nanf(""));
    if (rows == 0) return;
    ArenaScope scope(run.arena);
    const Groups groups{0, int(experts_.size()), begin_.data()};
    const Activations gathered{data_of(input.x), token + first_, input.quantized};
    Matrix gate_rows = matrix_of(projections.gate, experts_, 0),
           up_rows = matrix_of(projections.up, experts_, 1),
           down_rows = matrix_of(projections.down, experts_, 2);
    Tensor gate = run.make(rows, gate_rows.group_rows()), up = run.make(rows, gate.cols);
    multiply_read(workers, gathered, gate_rows, groups, data_of(gate));
    multiply_read(workers, gathered, up_rows, groups, data_of(up));
    multiply_read(workers, {data_of(swiglu(run, gate, up, projections.limit))}, down_rows, groups,
                  rows_of(parts, first_, rows));
  }

 private:
  int first_, all_ = 0;
  std::vector<ExpertCache::Ready> experts_;
  std::vector<int> begin_;  // [experts + 1] rows of each, counted from first_
};

// What all rounds take at most, one of all experts: for a dry run.
void measure(Run& run, const Input& input, const Routing& routing,
             const ExpertProjections& projections, Tensor parts) {
  ArenaScope scope(run.arena);
  Workers workers{&run.arena, &run.pool, run.exact};
  const Groups groups{0, routing.experts, routing.begin};
  Tensor gate = run.make(parts.rows, projections.gate.base->group_rows());
  Tensor up = run.make(parts.rows, gate.cols);
  const Activations gathered{data_of(input.x), routing.token, input.quantized};
  multiply(workers, gathered, *projections.gate.base, groups, data_of(gate), false);
  multiply(workers, gathered, *projections.up.base, groups, data_of(up), false);
  multiply(workers, {data_of(swiglu(run, gate, up, projections.limit))}, *projections.down.base,
           groups, data_of(parts), false);
}

}  // namespace

Tensor streamed_experts(Run& run, const Input& input, Routing& routing,
                        const ExpertProjections& projections, ExpertCache::Visit& visit) {
  const Zone zone("streamed_experts");
  CHECK(!run.tape);
  const size_t pairs = size_t(routing.tokens) * size_t(routing.per_token);
  Tensor parts = run.make(int(pairs), projections.down.base->group_rows());
  int* row = run.arena.array<int>(pairs);
  Progress progress;
  progress.token = run.arena.array<int>(pairs);
  progress.place = run.arena.array<int>(pairs);
  if (run.pool.is_dry()) {
    measure(run, input, routing, projections, parts);
    return parts;
  }
  for (ReadyExperts ready = visit.next(); !ready.empty(); ready = visit.next())
    Round(routing, ready, progress).compute(run, input, projections, progress.token, parts);
  CHECK_EQ(size_t(progress.done), pairs);
  for (size_t i = 0; i < pairs; ++i) row[i] = progress.place[routing.row[i]];
  routing.row = row;
  return parts;
}

}  // namespace weir
