// Generates text for many requests and waits until all are done: a loop over the engine's steps
// with one Reply for each sequence.
#pragma once
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "chat/reply.h"
#include "engine/engine.h"

namespace weir {

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
  int64_t computed = 0;  // prompt rows computed by this call: what the time was spent on
};

// Called on the thread that generates.
class Listener {
 public:
  virtual ~Listener() = default;
  // Every token as it is drawn. False ends this request (reason cancelled).
  virtual bool on_token(const TokenEvent& event) = 0;
  // Before the first pass that reads prompts and after each of them (EngineOptions::prefill_rows
  // tokens at most); the last has done == total unless the call is cancelled.
  virtual void on_prompt(const PromptProgress&) {}
  // Asked before every pass over the model, so also between those that read one prompt; true ends
  // all requests that are not finished.
  virtual bool is_cancelled() { return false; }
};

class Generator {
 public:
  // Ids beyond the tokenizer are not drawn. Model, tokenizer and pool outlive the generator.
  static Result<std::unique_ptr<Generator>> create(const Model& model, const Tokenizer& tokenizer,
                                                   ThreadPool& pool, EngineOptions options = {});

  // Blocks until every request is finished; completions come in the order of the requests. Fails on
  // a request that can never run (the error tells which) before anything is computed, and when one
  // has nothing to draw: its logits are not finite, or a filter forbids every token.
  Result<std::vector<Completion>> generate(std::span<const Request> requests,
                                           Listener* listener = nullptr);

  // As Engine's functions of the same names.
  Result<void> warm_up() { return engine_->warm_up(); }
  int positions_max() const { return engine_->positions_max(); }
  const GenerateStatistics& statistics() const { return engine_->statistics(); }
  // For a caller that submits and steps by itself; not during generate().
  Engine& engine() { return *engine_; }

 private:
  struct Call;
  Generator(const Tokenizer& tokenizer, std::unique_ptr<Engine> engine, size_t experts_of_a_token)
      : tokenizer_(tokenizer),
        engine_(std::move(engine)),
        experts_of_a_token_(experts_of_a_token) {}
  Result<void> submit(std::span<const Request> requests, Call& call);
  Result<void> run(Call& call, Listener* listener);
  void set_experts(Call& call, int request, std::vector<uint16_t> experts);
  void cancel(Call& call);

  const Tokenizer& tokenizer_;
  std::unique_ptr<Engine> engine_;
  const size_t experts_of_a_token_;
};

}  // namespace weir
