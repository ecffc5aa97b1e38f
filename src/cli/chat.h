// `weir chat`: a conversation on the terminal, or with lines from a pipe.
#pragma once
#include <string>

#include "base/result.h"
#include "cli/ending.h"
#include "generate/sampler.h"

namespace weir {

struct ChatOptions {
  std::string folder;
  int tokens = 256;  // of one answer
  SamplingOptions sampling = {.temperature = 0.8};
  std::string cache = "expanded";
  double cache_limit_gib = 0;
  int threads = 0;
};

Result<Ending> chat(const ChatOptions& options);

}  // namespace weir
