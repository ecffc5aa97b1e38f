// How fast a loaded model reads prompts and draws tokens, at one depth and one batch size.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "chat/open_model.h"

namespace weir {

struct SpeedOptions {
  int tokens = 128;  // generated per sequence
  int samples = 1;   // sequences that have the same prompt
  int repetitions = 3;
  // Prompts are cut from these tokens, over and over, and replies are greedy; empty: prompts are
  // random tokens.
  std::vector<int> text = {};
  bool every_guess = false;  // verified, whatever was measured (SpeculationOptions::adapts)
  ModelOptions model = {};
};

// Of the repetitions.
struct Speed {
  double median = 0, slowest = 0, best = 0;
};

struct SpeedRow {
  int depth = 0;      // prompt tokens of a sequence: the cache's length when the first is drawn
  int sequences = 0;  // at the same time
  Speed prefill;      // prompt tokens per second, all sequences together
  Speed decode;       // drawn tokens per second, all sequences together
  double first_token_seconds = 0;  // from submitting all prompts to the last one's first token
  double weight_bytes = 0;         // read for a drawn token, its share of the pass
  double cache_bytes = 0;          // the same of the KV cache, at the middle of the reply
  double operations = 0;           // multiplications and additions of a drawn token
  double peak_bytes = 0;           // the most that the process had in memory so far
  // Of a model whose experts are read on demand: the share found in memory, and bytes read from the
  // disk for a drawn token; negative: all weights are in memory.
  double expert_hits = -1, disk_bytes = -1;
  // Of tokens proposed by speculation, those that were kept; negative: none was proposed.
  double acceptance = -1;
  double bytes() const { return weight_bytes + cache_bytes; }
};

// The prompts are read alone first, then drawn from, so neither speed holds the other. Fails where
// the prompt and reply do not fit the model or its cache.
Result<SpeedRow> measure_speed(const OpenModel& open, const SpeedOptions& options, int depth,
                               int sequences);

// Bytes of weights that a pass with one row for each of `sequences` reads, as they are stored. Of
// experts those that are expected to be chosen by any row, were every choice as likely.
double weight_bytes_of_pass(const Model& model, int sequences);

}  // namespace weir
