// The run that a conversation is held with: its stages to choose from, its held-out problems to
// ask.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/run_stages.h"
#include "stages/r1_recipe.h"
#include "stages/stage.h"

namespace weir {

class ChatRun {
 public:
  // The folder of `weir r1`; nothing is read yet.
  explicit ChatRun(std::string folder) : folder_(std::move(folder)) {}

  // Reads the stages again, since training may be running; "": the last one with a chat model.
  Result<RunStage> choose(const std::string& name);
  // A line per stage: name, kind, score; the current one with a star.
  Result<std::string> table(const std::string& current);

  // Whether some stage was tuned on conversations of several turns ('turns' of its recipe, or a
  // user's file): else a second question would be taken for a part of the first.
  Result<bool> knows_turns();
  // A problem of the evaluation (or, without one, of the held-out side of the stages' data), the
  // same for the same number. `family`: a family or the name of a source; "": any.
  Result<Problem> draw(const std::string& family, uint64_t number);
  // "right", "wrong" ... with the gold; "not checked" for a problem without verifier.
  Result<std::string> judge(const Problem& problem, const std::string& answer);

 private:
  struct Source {
    std::string name;
    const ProblemSet* set;
  };
  Result<void> read_recipe();

  std::string folder_;
  std::unique_ptr<R1Recipe> recipe_;  // read when first needed
  std::vector<Source> sources_;       // views into the recipe
  Verifiers verifiers_;
};

}  // namespace weir
