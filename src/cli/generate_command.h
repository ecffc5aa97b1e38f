// `weir generate`: continues a prompt, once or several times, on standard output.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/ending.h"
#include "engine/sampler.h"

namespace weir {

struct GenerateOptions {
  std::string folder;
  std::optional<std::string> prompt;  // "": begin with an empty text
  std::string prompt_file;            // "-": standard input; without the two: what is piped
  int tokens = 256;
  SamplingOptions sampling = {.temperature = 0.8};
  std::vector<std::string> stops;  // with \n and \t as escapes
  int samples = 1;
  bool ignore_end = false;     // go on after the end-of-sequence token
  bool allow_special = false;  // control tokens in the prompt count as such
  bool exact = false;          // do not quantize activations to int15
  std::string cache = "auto";
  double cache_limit_gib = 0;
  int threads = 0;
  bool json = false;
};

// One sample is printed as it is made, several ones each as it is complete, in order. Speed goes to
// standard error.
Result<Ending> generate(const GenerateOptions& options);

// "\n", "\t" and "\\" written with a backslash become one character.
std::string unescape(const std::string& text);

}  // namespace weir
