// What the sources of a recipe have to tell about the rows they were made of.
#pragma once
#include <string>
#include <vector>

#include "stages/r1_recipe.h"

namespace weir {

struct RowNote {
  std::string stage, source;  // where the rows are used first
  SetNote note;
};
// Each once, however many stages use the same file. In the order of the recipe.
std::vector<RowNote> row_notes(const R1Recipe& recipe);

}  // namespace weir
