// `weir bench`: how fast this machine generates with a model, beside what its memory allows; or how
// fast it trains one, beside what its arithmetic allows.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace weir {

struct BenchOptions {
  // A folder; or a preset's name or a config.json (random weights, same speed).
  std::string model = "demo";
  int prompt = 256;  // tokens of a prompt
  int tokens = 128;  // generated per sequence
  int samples = 1;   // sequences that have the same prompt
  std::vector<int> sequences = {1, 8, 32};
  int repetitions = 3;
  bool exact = false;          // as in GenerateOptions
  std::string cache = "auto";  // as in GenerationSetup
  int threads = 0;
  bool training = false;
  int step_tokens = 4096;     // training: of one step
  int sequence_length = 256;  // training
  std::string trace;          // a file for the profile zones of one more repetition; "": none
};

// A small table, and as the last line one JSON object.
Result<void> bench(const BenchOptions& options);
// The same for training a model of this shape (bench() calls it).
Result<void> bench_training(const BenchOptions& options, ModelConfig config);
// Ends the trace (base/zones.h) and writes it to `path`.
Result<void> write_trace(const std::string& path);

}  // namespace weir
