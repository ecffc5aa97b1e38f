// weir r1: R1's stages as a recipe says.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/ending.h"

namespace weir {

struct R1Command {
  std::string recipe;
  std::vector<std::string> sets;
  std::string stage;
  double minutes = 0;  // 0: the recipe's
  int threads = 0;
};

Result<Ending> r1(const R1Command& command);

}  // namespace weir
