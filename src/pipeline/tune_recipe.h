// The recipe of `weir tune`: one stage of supervised tuning that learns an adapter of a published
// model.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace weir {

struct TuneSettings {
  std::string base, data, out;  // a model, a file of JSON lines, the folder of the run
  int rank = 16;
  double alpha = 0;  // 0: twice the rank
  bool rank_stabilized = false, dora = false;
  std::vector<std::string> targets = {};  // empty: all projections
  double epochs = 3;
  int64_t steps = 0;  // 0: by epochs
  double lr = 2e-4;
  int tokens = 0;  // of a step; 0: by the size of the data
  int window = 2048;
  double held_out = 0;
  std::string verifier = "exact";  // of the held-out rows
  int64_t seed = 1;
};

// As `weir r1` reads it.
Json tune_recipe(const TuneSettings& settings);

}  // namespace weir
