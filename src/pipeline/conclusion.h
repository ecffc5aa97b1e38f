// The result of a run in one sentence, for the end of the terminal's output and the top of the
// report.
#pragma once
#include <string>
#include <vector>

#include "pipeline/plan.h"
#include "stages/scores.h"

namespace weir {

// What one stage came to beside the evaluated stage before it: "reasoning-rl: 61.3 % of held-out
// questions answered rightly, 12.1 points more than cold-start, 47 tokens of thinking".
std::string stage_conclusion(const StageReport& stage, const StageReport* before);

// "Learned: ...", "Kept what base had learned: ...", "Unlearned: ...", "Did not learn to reason:
// base took 166 of about 700 steps ...". Compares the last evaluated stage with the first one by
// the 95 % intervals of their right answers; a difference within them is called none. `stages` in
// the recipe's order; "" when no stage was evaluated. `keeps_best`: of a run with `keeps: best` the
// stage that it keeps takes the place of the last one.
std::string run_conclusion(const std::vector<StageReport>& stages, const Plan& plan,
                           bool keeps_best = false);

}  // namespace weir
