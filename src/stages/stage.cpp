#include "stages/stage.h"

#include "base/random.h"
#include "tasks/kinds.h"

namespace weir {
OptimizerRecipe stage_optimizer(const RateRecipe& rate) {
  OptimizerRecipe options;
  options.kind = rate.optimizer;
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
