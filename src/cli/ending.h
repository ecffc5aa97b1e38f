// How a command ended, and what the process tells its caller.
#pragma once

namespace weir {

enum class Ending { done, interrupted };

constexpr int kExitDone = 0;
constexpr int kExitInternal = 1;       // our fault
constexpr int kExitInput = 2;          // the user's input: arguments, files, prompts
constexpr int kExitInterrupted = 130;  // Ctrl-C, as shells report it

}  // namespace weir
