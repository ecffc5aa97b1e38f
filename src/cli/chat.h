// `weir chat`: a conversation on the terminal, or with lines from a pipe.
#pragma once
#include <string>

#include "base/result.h"
#include "cli/ending.h"
#include "generate/sampler.h"

namespace weir {

struct ChatOptions {
  std::string folder;             // a model, or a run of weir r1
  std::string stage;              // of the run; "": the last finished one
  std::string form = "auto";      // or "conversation", "plain" (chat_form.h)
  std::string thinking = "auto";  // "on", "off": told to the chat template
  bool no_thinking = false;       // leave thinking out
  // Whether the model hears what was said before: "all", "none", or "auto": none for a run whose
  // stages saw single questions only.
  std::string history = "auto";
  int tokens = 256;  // of one answer, thinking included
  SamplingOptions sampling = {.temperature = 0.8};
  bool exact = false;  // as in GenerateOptions
  std::string cache = "auto";
  double cache_limit_gib = 0;
  int threads = 0;
};

// Answers go to standard output, everything else to standard error.
Result<Ending> chat(const ChatOptions& options);

}  // namespace weir
