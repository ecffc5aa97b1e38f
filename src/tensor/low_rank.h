// Low-rank adapters of a frozen projection (Hu et al. 2021, LoRA): W + scale B A. A model has
// several at once, and every row of a batch says which of them it is computed with.
#pragma once
#include <span>
#include <vector>

#include "tensor/matrix.h"

namespace weir {

// One adapter's pair for one projection, or for the projections of all experts of a layer (as many
// groups as the base has). Both matrices are f32 and packed.
struct LowRank {
  Matrix a;         // [groups * rank, inputs]
  Matrix b;         // [groups * outputs, rank]
  float scale = 0;  // alpha / rank, or alpha / sqrt(rank) (Kalajdzievski 2023, rsLoRA)

  int rank() const { return a.group_rows(); }
};

// Those of one projection by the number of the adapter; null where it leaves the projection alone.
struct LowRankSet {
  std::vector<const LowRank*> of;

  const LowRank* find(int adapter) const {
    return adapter >= 0 && size_t(adapter) < of.size() ? of[size_t(adapter)] : nullptr;
  }
  const LowRank* largest() const {  // null: there is none
    const LowRank* found = nullptr;
    for (const LowRank* one : of)
      if (one && (!found || one->rank() > found->rank())) found = one;
    return found;
  }
};

// Which adapter the rows of a batch are computed with, by number.
struct AdapterUse {
  static constexpr int kNone = -1, kOfModel = -2;
  int all = kOfModel;              // of every row; kOfModel: Model::forward puts the model's there
  std::span<const int> rows = {};  // [rows of the batch]; empty: `all`. Outlives the tape

  int of(int row) const { return rows.empty() ? all : rows[size_t(row)]; }
};

}  // namespace weir
