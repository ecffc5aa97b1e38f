#include "pipeline/step_trial.h"

#include "base/clock.h"
#include "base/memory.h"
#include "pipeline/stage_judges.h"
#include "stages/grpo.h"
#include "stages/stage_memory.h"
#include "stages/stage_model.h"

namespace weir {
namespace {

constexpr int kStepsMost = 4;

}  // namespace

Result<StepTrial> try_steps(const R1Context& context, const R1Folder& folder,
                            const ModelConfig& config, const StageRecipe& stage, int64_t steps,
                            const std::string& parent_folder, double seconds_max) {
  const int64_t began = monotonic_ns();
  const auto seconds = [&] { return double(monotonic_ns() - began) * 1e-9; };
  const double available = available_memory();
  const StageMemory memory = stage_memory(context.recipe, stage, config, available);
  TRY(check_memory(memory, available));
  std::unique_ptr<Model> model = TRY(make_stage_model(context.recipe, config, parent_folder));
  model->recompute_blocks = memory.recomputes;
  Learner learner(*model, stage_learner_options(stage, config, context.recipe.rows), context.pool);
  const StageJudges judges = TRY(StageJudges::load(context, folder, stage));
  const std::unique_ptr<Stage> trial =
      TRY(make_grpo_stage(context, stage, steps, learner, judges.all()));
  StepTrial tried;
  double before = seconds(), after_first = 0;
  while (tried.steps < kStepsMost) {
    const Json metrics = TRY(trial->advance(steps / 2 + tried.steps));
    tried.is_stopped = metrics.is_null();
    if (tried.is_stopped) return tried;
    const double now = seconds();
    // The first step starts caches and threads: it counts where there is no other.
    if (++tried.steps == 1)
      after_first = now, tried.step_seconds = now - before;
    else
      tried.step_seconds = (now - after_first) / (tried.steps - 1);
    if (now + tried.step_seconds > seconds_max) break;
  }
  tried.seconds = seconds();
  return tried;
}

}  // namespace weir
