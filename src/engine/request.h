// Tokens in, tokens out: what is submitted to the engine and what it draws.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/hidden_reader.h"
#include "engine/sampler.h"
#include "engine/token_filter.h"
#include "tensor/low_rank.h"

namespace weir {

using SequenceId = int64_t;  // counted from 0 in order of submission

struct TokenRequest {
  std::vector<int> prompt = {};  // at least one token
  int tokens_max = 256;
  SamplingOptions sampling = {};
  uint64_t stream = 0;             // samples of one prompt and seed differ by it
  std::vector<int> stop_ids = {};  // usually the end-of-sequence token
  bool records_experts = false;    // fill Drawn::experts
  // Fill Drawn::prompt_scores, with as many alternatives as the sampling options ask for, from this
  // token of the prompt on; the rows that give them are computed, whatever the cache holds.
  bool scores_prompt = false;
  int scored_from = 1;
  TokenFilter* token_filter = nullptr;    // outlives the sequence
  HiddenReader* hidden_reader = nullptr;  // outlives the sequence
  // Who asks. Owners get equal shares of slots and prompt rows, and never share cached rows.
  std::string owner = {};
  // The model's adapter by number, AdapterUse::kNone, or the one that the model has by default.
  // Sequences with different ones share passes, but never cached rows.
  int adapter = AdapterUse::kOfModel;
};

// stop: a stop string appeared. length: tokens_max or the end of the context (or of the cache's
// limit) was reached. end: a stop id was drawn. cancelled: the caller wanted no more. filtered: a
// reply filter refused the text. failed: nothing could be drawn. The engine knows length, end and
// failed; the others come from chat/reply.h.
enum class FinishReason { stop, length, end, cancelled, filtered, failed };
const char* finish_reason_name(FinishReason reason);

// One token of one sequence, or why there is none.
struct Drawn {
  SequenceId sequence = 0;
  SampledToken token = {};
  int reused_tokens = 0;  // of the prompt, found in the cache instead of computed
  bool is_last = false;
  FinishReason reason = FinishReason::length;  // if it is the last
  // Of the last token: what the gates chose at positions 0 .. prompt + tokens - 2, every one that
  // was computed (the last token never is): [position][layer][per_token], rows of a RoutingTrace.
  // Complete also where the cache of another sequence was used. Empty unless recorded, and of a
  // dense model.
  std::vector<uint16_t> experts = {};
  std::vector<TokenScore> prompt_scores = {};  // with the first token, one of each of the prompt
  std::string error = {};                      // failed: there is no token
};

// Sums since the engine was made. A pass that reads prompts counts as prefill with all its time,
// and what running sequences draw in it counts in no rate: decode_tokens_per_second() is the speed
// of passes that only decode.
struct GenerateStatistics {
  int64_t prompt_tokens = 0;    // computed, and drawn tokens recomputed after a preemption
  int64_t reused_tokens = 0;    // found in the cache instead
  int64_t loaded_tokens = 0;    // of them, read from the disk
  int64_t decoded_tokens = 0;   // drawn by running sequences in passes without prompt rows
  int64_t mixed_tokens = 0;     // drawn by running sequences in passes with prompt rows
  int64_t drafted_tokens = 0;   // guesses that passes verified
  int64_t accepted_tokens = 0;  // those that came true; they count as decoded or mixed, too
  // Drawn from the rows of another sequence of equal tokens; they count in no rate.
  int64_t joined_tokens = 0;
  int64_t passes = 0;
  int64_t preemptions = 0;
  double prefill_seconds = 0, decode_seconds = 0;
  double prefill_tokens_per_second() const {
    return prefill_seconds > 0 ? double(prompt_tokens) / prefill_seconds : 0;
  }
  double decode_tokens_per_second() const {
    return decode_seconds > 0 ? double(decoded_tokens) / decode_seconds : 0;
  }
};

}  // namespace weir
