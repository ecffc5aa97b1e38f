// --infill-order and --infill-window, of the commands that fill in the middle.
#pragma once
#include <string>

#include "cli/command_builder.h"

namespace weir {

struct InfillFlags {
  std::string order = "auto";  // as set_infill_order() wants it
  int window = 2048;           // InfillLimits
};

void add_infill(CommandBuilder& command, InfillFlags& flags);

}  // namespace weir
