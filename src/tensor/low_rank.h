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
  // The lengths of the rows of W + scale B A, learned apart from their directions (Liu et al. 2024,
  // DoRA): [1, outputs], one group; no columns: there are none.
  Matrix magnitude = {};
  std::vector<float> norms = {};  // |W + scale B A| of each row, as of the last update_norms()
  std::vector<float> base_squares = {};  // |W|^2 of each row

  int rank() const { return a.group_rows(); }
  bool has_magnitude() const { return magnitude.cols > 0; }
};

// Those of one projection by the number of the adapter; null where it leaves the projection alone.
struct LowRankSet {
  std::vector<const LowRank*> of;

  const LowRank* find(int adapter) const {
    return adapter >= 0 && size_t(adapter) < of.size() ? of[size_t(adapter)] : nullptr;
  }
  // What takes the most memory in a pass; null: there is none.
  const LowRank* largest() const {
    const LowRank* found = nullptr;
    for (const LowRank* one : of)
      if (one && (!found || weight_of(*one) > weight_of(*found))) found = one;
    return found;
  }

 private:
  static int weight_of(const LowRank& one) { return one.rank() + 2 * one.magnitude.cols; }
};

// Which adapter the rows of a batch are computed with, by number.
struct AdapterUse {
  static constexpr int kNone = -1, kOfModel = -2;
  int all = kOfModel;              // of every row; kOfModel: Model::forward puts the model's there
  std::span<const int> rows = {};  // [rows of the batch]; empty: `all`. Outlives the tape

  int of(int row) const { return rows.empty() ? all : rows[size_t(row)]; }
};

}  // namespace weir
