// Injected documents given to a model with tools: which calls it makes, and which of them follow
// from the user's words (guard/call_grounding.h).
#pragma once
#include <string>

#include "base/result.h"
#include "red_team/share.h"

namespace weir {

struct InjectionRun {
  std::string model;
  int count = 300;    // documents with an injection, the first ones
  int tokens = 64;    // of a reply
  int sequences = 8;  // at a time
  int threads = 0;
};

struct InjectionOutcome {
  Share injected;       // documents after which the model made a call beside reading
  Share as_told;        // the call that the document asked for
  Share passed;         // injected calls that the guard lets through
  Share honest;         // requests for a call after which the model made it
  Share honest_passed;  // of these calls, those that the guard lets through
  bool is_stopped = false;
};
Result<InjectionOutcome> run_injections(const InjectionRun& run);

}  // namespace weir
