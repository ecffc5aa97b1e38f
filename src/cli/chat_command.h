// `weir chat`: a conversation on the terminal, or with text from a pipe.
#pragma once
#include <string>

#include "base/result.h"
#include "cli/ending.h"
#include "engine/sampler.h"

namespace weir {

struct ChatOptions {
  std::string folder;             // a model, or a run of weir r1
  std::string stage;              // of the run; "": the last finished one
  std::string form = "auto";      // or "conversation", "plain" (chat_form.h)
  std::string thinking = "auto";  // "on", "off": told to the chat template
  bool no_thinking = false;       // leave thinking out
  // Whether the model gets the turns before: "all", "none", or "auto": none for a run whose stages
  // saw single questions only.
  std::string history = "auto";
  std::string system;       // the system prompt, or @ and the name of a file with it
  std::string tools;        // a file with the tools of the model (chat_tools.h)
  int tokens = 0;           // of one answer, thinking included; 0: what the context has room for
  bool by_lines = false;    // a pipe holds a question or command a line, else it is one question
  bool is_private = false;  // keeps neither questions nor the conversation for later sessions
  SamplingOptions sampling = {.temperature = 0.8};
  bool exact = false;  // as in GenerateOptions
  std::string cache = "auto";
  double cache_limit_gib = 0;
  int threads = 0;
};

// Answers go to standard output, everything else to standard error.
Result<Ending> chat(const ChatOptions& options);

}  // namespace weir
