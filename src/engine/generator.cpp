#include "engine/generator.h"

#include <algorithm>

#include "base/progress.h"
#include "engine/pass_memory.h"
#include "engine/sequence.h"

namespace weir {

void Generator::Slot::forget() {
  cached.clear();
  experts.clear();
}

bool Generator::Slot::is_prefilling() const {
  return sequence && cached.size() < sequence->request().prompt.size();
}

bool Generator::Slot::is_decoding() const { return sequence && !is_prefilling(); }

Result<std::unique_ptr<Generator>> Generator::create(const Model& model, const Tokenizer& tokenizer,
                                                     ThreadPool& pool, GeneratorOptions options) {
  if (options.sequences_max < 1 || options.sequences_max > 4096)
    return Error{"sequences at a time must be in [1, 4096], not " +
                 std::to_string(options.sequences_max)};
  if (options.prefill_rows < 1 || options.prefill_rows > 65536)
    return Error{"prompt tokens at a time must be in [1, 65536], not " +
                 std::to_string(options.prefill_rows)};
  KvCache cache = TRY(KvCache::create(model.config(), options.cache, options.cache_bytes_max));
  if (cache.positions_max() == 0)
    return Error{"the cache limit of " + std::to_string(options.cache_bytes_max) +
                 " bytes holds no sequence; the shortest takes " +
                 std::to_string(cache.bytes_for(1)) + " bytes"};
  return std::unique_ptr<Generator>(
      new Generator(model, tokenizer, pool, options, std::move(cache)));
}

Generator::Generator(const Model& model, const Tokenizer& tokenizer, ThreadPool& pool,
                     GeneratorOptions options, KvCache cache)
    : model_(model),
      tokenizer_(tokenizer),
      pool_(pool),
      options_(options),
      cache_(std::move(cache)),
      arena_(pass_bytes(model,
                        {.rows = std::max(options.prefill_rows, options.sequences_max),
                         .sampled = options.sequences_max,
                         .positions = cache_.positions_max(),
                         .cache = options.cache,
                         .exact = options.exact},
                        pool.threads())),
      samplers_(size_t(pool.threads()), Sampler(tokenizer.size())),
      slots_(size_t(options.sequences_max)),
      trace_(model.routing_trace()) {}

Generator::~Generator() = default;

Result<void> Generator::check_prompt(const std::vector<int>& prompt) const {
  if (int64_t(prompt.size()) > cache_.positions_max())
    return Error{"the prompt has " + std::to_string(prompt.size()) + " tokens and " +
                 std::to_string(cache_.positions_max()) +
                 " fit (the model's context or the limit of the cache); shorten it"};
  for (int token : prompt)
    if (token < 0 || token >= model_.config().vocab_size)
      return Error{"token " + std::to_string(token) + " of the prompt is outside the model's " +
                   std::to_string(model_.config().vocab_size) +
                   " tokens; model and tokenizer do not belong together"};
  return {};
}

Result<std::vector<Completion>> Generator::generate(std::span<const Request> requests,
                                                    Listener* listener) {
  std::vector<std::unique_ptr<Sequence>> sequences;
  std::vector<Sequence*> waiting;
  for (size_t i = 0; i < requests.size(); ++i) {
    const std::string place = "request " + std::to_string(i + 1);
    auto checked = check_prompt(requests[i].prompt);
    auto sequence = checked
                        ? Sequence::create(requests[i], int(i), tokenizer_, cache_.positions_max())
                        : Result<std::unique_ptr<Sequence>>(std::move(checked).error());
    if (!sequence && requests.size() > 1) return std::move(sequence).error().within(place);
    sequences.push_back(TRY(std::move(sequence)));
    waiting.push_back(sequences.back().get());
  }
  begin_recording(requests);
  auto done = run(std::move(waiting), listener);
  for (Slot& slot : slots_)
    if (slot.sequence) finish(slot);  // cancelled or failed
  if (!options_.keeps_prefixes || !done) release_idle();
  if (!done) return std::move(done).error();
  std::vector<Completion> completions;
  for (auto& sequence : sequences) completions.push_back(sequence->take_completion());
  return completions;
}

// Experts are recorded for all sequences of a call or for none, so that a prefix shared by any two
// has them. What the cache remembers of a call that did otherwise is computed again.
void Generator::begin_recording(std::span<const Request> requests) {
  const bool wanted = std::any_of(requests.begin(), requests.end(),
                                  [](const Request& request) { return request.records_experts; });
  if (wanted != records_experts_) release_idle();
  records_experts_ = wanted;
}

Result<void> Generator::warm_up() {
  Request request;
  request.prompt = {0};
  request.tokens_max = 1;
  request.sampling.temperature = 0;
  TRY(generate({&request, 1}));
  release_idle();
  statistics_ = {};
  return {};
}

Result<void> Generator::run(std::vector<Sequence*> waiting, Listener* listener) {
  auto seconds_since = [](int64_t begin) { return double(monotonic_ns() - begin) * 1e-9; };
  PromptProgress progress{0, unread_tokens(waiting), 0};
  auto report = [&] {
    progress.done = progress.total - unread_tokens(waiting);
    if (listener) listener->on_prompt(progress);
  };
  for (;;) {
    admit(waiting);
    if (listener && listener->is_cancelled()) {
      for (Sequence* sequence : waiting) sequence->cancel();
      for (Slot& slot : slots_)
        if (slot.sequence) slot.sequence->cancel();
      return {};
    }
    std::vector<Row> rows = prefill_rows();
    bool is_prefilling = !rows.empty();
    if (is_prefilling) {
      if (progress.computed == 0) report();
      int64_t begin = monotonic_ns();
      TRY(compute(rows, listener));
      statistics_.prefill_seconds += seconds_since(begin);
      statistics_.prompt_tokens += int64_t(rows.size());
      progress.computed += int64_t(rows.size());
      report();
    }
    rows = decode_rows();
    if (!rows.empty()) {
      int64_t begin = monotonic_ns();
      TRY(compute(rows, listener));
      statistics_.decode_seconds += seconds_since(begin);
      statistics_.decoded_tokens += int64_t(rows.size());
    } else if (!is_prefilling) {
      // Nobody is active, so the cache was empty for the first in line: check_prompt and the cap on
      // positions make sure that it fits.
      CHECK(waiting.empty());
      return {};
    }
  }
}

// Tokens of prompts that no place in the cache holds yet.
int64_t Generator::unread_tokens(const std::vector<Sequence*>& waiting) const {
  int64_t tokens = 0;
  for (const Sequence* sequence : waiting) tokens += int64_t(sequence->request().prompt.size());
  for (const Slot& slot : slots_)
    if (slot.is_prefilling())
      tokens += int64_t(slot.sequence->request().prompt.size() - slot.cached.size());
  return tokens;
}

std::vector<Generator::Row> Generator::prefill_rows() const {
  std::vector<Row> rows;
  for (int s = 0; s < int(slots_.size()); ++s) {
    const Slot& slot = slots_[size_t(s)];
    if (!slot.is_prefilling()) continue;
    const std::vector<int>& prompt = slot.sequence->request().prompt;
    for (size_t p = slot.cached.size(); p < prompt.size(); ++p) {
      if (int(rows.size()) == options_.prefill_rows) return rows;
      rows.push_back({s, prompt[p], int(p), p + 1 == prompt.size()});
    }
  }
  return rows;
}

std::vector<Generator::Row> Generator::decode_rows() const {
  std::vector<Row> rows;
  for (int s = 0; s < int(slots_.size()); ++s) {
    const Slot& slot = slots_[size_t(s)];
    if (!slot.is_decoding()) continue;
    rows.push_back({s, slot.sequence->tokens().back(), int(slot.cached.size()), true});
  }
  return rows;
}

// One pass: extends the cache by the rows and gives the sequences of sampled rows their next token.
Result<void> Generator::compute(const std::vector<Row>& rows, Listener* listener) {
  const Zone zone("pass");
  std::vector<int> tokens, positions, sequences, sampled, slots;
  for (size_t r = 0; r < rows.size(); ++r) {
    tokens.push_back(rows[r].token);
    positions.push_back(rows[r].position);
    sequences.push_back(rows[r].slot);
    slots_[size_t(rows[r].slot)].cached.push_back(rows[r].token);
    if (!rows[r].is_sampled) continue;
    sampled.push_back(int(r));
    slots.push_back(rows[r].slot);
  }
  arena_.reset();
  Batch batch(tokens, positions, sequences);
  Run run{arena_, pool_, batch};
  run.cache = &cache_;
  run.exact = options_.exact;
  if (records_experts_) {
    trace_.clear();
    trace_.append(batch.size());
    run.routing.own = &trace_;
  }
  Tensor hidden = model_.forward(run);
  for (int r = 0; records_experts_ && r < batch.size(); ++r) {
    std::vector<uint16_t>& experts = slots_[size_t(rows[size_t(r)].slot)].experts;
    experts.insert(experts.end(), trace_.row(r).begin(), trace_.row(r).end());
  }
  if (sampled.empty()) return {};
  std::vector<SampledToken> chosen = TRY(sample(model_.logits(run, hidden, sampled), slots));
  for (size_t i = 0; i < slots.size(); ++i) {
    Slot& slot = slots_[size_t(slots[i])];
    TokenEvent event = slot.sequence->accept(chosen[i]);
    if (listener && !listener->on_token(event)) slot.sequence->cancel();
    if (slot.sequence->is_finished()) finish(slot);
  }
  return {};
}

Result<std::vector<SampledToken>> Generator::sample(Tensor logits, const std::vector<int>& slots) {
  const Zone zone("sample");
  std::vector<SampledToken> tokens(slots.size());
  std::vector<Result<void>> states(slots.size());
  pool_.parallel_for(int(slots.size()), [&](int i, int thread) {
    const Sequence& sequence = *slots_[size_t(slots[size_t(i)])].sequence;
    std::span<const float> row(logits.row(i), size_t(logits.cols));
    auto drawn = samplers_[size_t(thread)].sample(row, sequence.request().sampling,
                                                  sequence.request().stream, sequence.step());
    if (drawn)
      tokens[size_t(i)] = *drawn;
    else
      states[size_t(i)] = std::move(drawn).error();
  });
  for (size_t i = 0; i < slots.size(); ++i) {
    const Sequence& sequence = *slots_[size_t(slots[i])].sequence;
    TRY_IN("request " + std::to_string(sequence.index() + 1) + ", token " +
               std::to_string(sequence.step() + 1),
           std::move(states[i]));
  }
  return tokens;
}

// The slot is free; what its cache holds stays until the room is needed.
void Generator::finish(Slot& slot) {
  if (slot.sequence->request().records_experts) slot.sequence->set_experts(slot.experts);
  slot.sequence = nullptr;
}

}  // namespace weir
