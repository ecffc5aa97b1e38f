// What is asked of the generator and what comes back.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sampler.h"

namespace weir {

struct Request {
  std::vector<int> prompt;  // at least one token
  int tokens_max = 256;
  SamplingOptions sampling = {};
  uint64_t stream = 0;  // samples of one prompt and seed differ by it
  std::vector<std::string> stops = {};
  std::vector<int> stop_ids = {};  // usually the end-of-sequence token
  bool keep_special = false;       // show the text of special tokens
  bool records_experts = false;    // fill Completion::experts
};

// stop: a stop string appeared. length: tokens_max or the end of the context (or of the cache's
// limit) was reached. end: a stop id was drawn. cancelled: the listener wanted no more.
enum class FinishReason { stop, length, end, cancelled };
const char* finish_reason_name(FinishReason reason);

struct Completion {
  std::string text;         // up to the stop string, without it; valid UTF-8
  std::vector<int> tokens;  // all that were drawn, those of the stop string or the stop id included
  std::vector<float> log_probabilities;        // of the tokens under the distribution drawn from
  std::vector<float> model_log_probabilities;  // and under the model's own softmax
  // Under softmax(logits / temperature): what policy gradients are taken of.
  std::vector<float> policy_log_probabilities;
  // What the gates chose at positions 0 .. prompt + tokens - 2, every one that was computed (the
  // last token never is): [position][layer][per_token], rows of a RoutingTrace. Complete also where
  // the cache of another request was used. Empty unless recorded, and of a dense model.
  std::vector<uint16_t> experts;
  FinishReason reason = FinishReason::length;
  std::string stop;  // the stop string that appeared
};

struct TokenEvent {
  int request;  // index into the requests
  SampledToken token;
  std::string_view
      text;      // newly certain text, often empty; joined over the events: Completion::text
  bool is_last;  // the request is finished after this one
};

// How far the prompts of one call are read, in tokens.
struct PromptProgress {
  int64_t done = 0;      // in the cache, whether computed by this call or found there
  int64_t total = 0;     // of all requests
  int64_t computed = 0;  // of `done`, by this call: what the time was spent on
};

// Called on the thread that generates.
class Listener {
 public:
  virtual ~Listener() = default;
  // Every token as it is drawn. False ends this request (reason cancelled).
  virtual bool on_token(const TokenEvent& event) = 0;
  // Before the first pass that reads prompts and after each of them (GeneratorOptions::
  // prefill_rows tokens at most); the last has done == total unless the call is cancelled.
  virtual void on_prompt(const PromptProgress&) {}
  // Asked before every pass over the model, so also between those that read one prompt; true ends
  // all requests that are not finished.
  virtual bool is_cancelled() { return false; }
};

// Sums since the generator was made.
struct GenerateStatistics {
  int64_t prompt_tokens = 0;   // computed in prefill passes
  int64_t reused_tokens = 0;   // of prompts, found in the cache
  int64_t decoded_tokens = 0;  // computed in decode passes
  double prefill_seconds = 0, decode_seconds = 0;
  double prefill_tokens_per_second() const {
    return prefill_seconds > 0 ? double(prompt_tokens) / prefill_seconds : 0;
  }
  double decode_tokens_per_second() const {
    return decode_seconds > 0 ? double(decoded_tokens) / decode_seconds : 0;
  }
};

}  // namespace weir
