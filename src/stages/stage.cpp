#include "stages/stage.h"

#include "base/random.h"
#include "tasks/kinds.h"

namespace weir {

LearnerOptions stage_learner_options(const StageRecipe& stage, const ModelConfig& config,
                                     int rows_max) {
  LearnerOptions options;
  options.optimizer.kind = stage.rate.optimizer;
  options.optimizer.lr = stage.rate.lr;
  options.optimizer.weight_decay = stage.rate.weight_decay;
  options.optimizer.clip = stage.rate.clip;
  options.rows_max = rows_max;
  options.sequence_max = config.max_position_embeddings;
  if (stage.kind == StageKind::grpo)
    options.remedy = "Lower 'lr' or raise 'kl_weight' and start the stage again";
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
