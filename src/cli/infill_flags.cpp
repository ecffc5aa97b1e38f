#include "cli/infill_flags.h"

namespace weir {

void add_infill(CommandBuilder& command, InfillFlags& flags) {
  command.choice("--infill-order", flags.order, {"auto", "psm", "spm"},
                 "order of prompts that fill in the middle; psm: the text before the hole first; "
                 "spm: the text after it first; auto: as the tokens of the vocabulary say");
  command.count("--infill-window", flags.window, 64, 1 << 24,
                "tokens around a hole that the model sees, those nearest to it");
}

}  // namespace weir
