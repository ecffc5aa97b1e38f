#include "stages/row_notes.h"

#include <set>

namespace weir {

std::vector<RowNote> row_notes(const R1Recipe& recipe) {
  std::vector<RowNote> notes;
  std::set<std::string> told;
  auto add = [&](const std::string& stage, const std::string& source, const ProblemSet& set) {
    for (SetNote& note : set.notes())
      if (told.insert(note.text + '\n' + note.place).second)
        notes.push_back({stage, source, std::move(note)});
  };
  for (const StageRecipe& stage : recipe.stages) {
    for (const Mixture::Source& source : stage.data.sources())
      add(stage.name, source.name, *source.set);
    for (const Mixture::Source& source : stage.samples.data.sources())
      add(stage.name + ".samples", source.name, *source.set);
  }
  for (const EvaluationSet& set : recipe.evaluation.sets) add("evaluation", set.name, *set.set);
  return notes;
}

}  // namespace weir
