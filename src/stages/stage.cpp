#include "stages/stage.h"

#include <algorithm>

#include "base/random.h"
#include "tasks/kinds.h"

namespace weir {
namespace {

constexpr int64_t kWarmupPart = 4;  // of a stage's steps, which warm-up takes at most one of

}  // namespace

int64_t round_steps(int64_t planned) { return std::max<int64_t>(1, (planned + 2) / 3); }

double stage_rate(const RateRecipe& rate, int64_t step, int64_t steps) {
  int64_t warmup = std::min(rate.warmup_steps, steps / kWarmupPart);
  if (step >= steps) {  // another round
    const int64_t round = round_steps(steps);
    step = (step - steps) % round;
    steps = round;
    warmup = 0;  // the optimizer's moments are warm
  }
  if (step < warmup) return rate.lr * double(step + 1) / double(warmup + 1);
  const double decay = rate.decay_fraction * double(steps);
  const double left = double(steps - step);
  if (decay <= 0 || left >= decay) return rate.lr;
  return rate.lr * (rate.final_ratio + (1 - rate.final_ratio) * left / decay);
}

OptimizerRecipe stage_optimizer(const RateRecipe& rate) {
  OptimizerRecipe options;
  options.name = rate.optimizer;
  options.lr = rate.lr;
  options.weight_decay = rate.weight_decay;
  options.clip = rate.clip;
  return options;
}

uint64_t stage_seed(const R1Context& context, const std::string& stage,
                    const std::string& purpose) {
  return kind_seed(kind_seed(context.seed(), stage), purpose);
}

Result<const Verifier*> Verifiers::of(const Problem& problem) {
  auto found = made_.find(problem.verifier);
  if (found == made_.end()) {
    std::unique_ptr<Verifier> verifier = TRY_IN(problem.place, make_verifier(problem.verifier));
    found = made_.emplace(problem.verifier, std::move(verifier)).first;
  }
  TRY_IN(problem.place, found->second->check_gold(problem.gold));
  return static_cast<const Verifier*>(found->second.get());
}

}  // namespace weir
