// `weir doctor`: what is wrong with a recipe of R1's stages, before hours go into it.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

struct DoctorCommand {
  std::string recipe;             // a YAML file
  std::vector<std::string> sets;  // "run=other", over the file
  int problems = 500;             // of each source
  int rows = 2;                   // examples of each source
  bool plain = false;             // no colours, whatever the terminal
  int threads = 0;
};

// Prints the report to stdout; an error when the report has one.
Result<void> doctor(const DoctorCommand& command);

}  // namespace weir
