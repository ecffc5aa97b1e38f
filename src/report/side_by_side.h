// A question with the replies of two stages, as lines for the end of a stage.
#pragma once
#include <string>

#include "stages/scores.h"

namespace weir {

// Chooses a question that both were asked: first one that only the later stage answered rightly,
// then one whose verdict changed, then any. Several lines; "" when they share no question.
std::string side_by_side(const StageReport& before, const StageReport& now);

}  // namespace weir
