// What the page shows of one stage: its curves, its experts, its rewards, its time.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "stages/scores.h"

namespace weir {

// The stage `index` of `count`; for `load_shape` see experts_json().
Json stage_json(const StageReport& stage, size_t index, size_t count,
                std::vector<size_t>& load_shape);

// "pretraining", "supervised tuning" ...
std::string kind_words(const std::string& kind);
// Colors are the stage's own everywhere on the page: 0 to 5.
int stage_color(size_t index);

}  // namespace weir
