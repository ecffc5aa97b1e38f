#include "engine/engine.h"

#include <algorithm>

#include "base/clock.h"
#include "base/zones.h"
#include "engine/pass_memory.h"

namespace weir {

const char* finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::end:
      return "end";
    case FinishReason::cancelled:
      return "cancelled";
    case FinishReason::filtered:
      return "filtered";
    case FinishReason::failed:
      return "failed";
  }
  return "";
}

void Engine::Slot::resize(size_t tokens, size_t row_size) {
  cached.resize(tokens);
  experts.resize(records ? tokens * row_size : 0);
}

Result<std::unique_ptr<Engine>> Engine::create(const Model& model, ThreadPool& pool,
                                               EngineOptions options) {
  if (options.sequences_max < 1 || options.sequences_max > 4096)
    return Error{"sequences at a time must be in [1, 4096], not " +
                 std::to_string(options.sequences_max)};
  if (options.prefill_rows < 1 || options.prefill_rows > 65536)
    return Error{"prompt tokens at a time must be in [1, 65536], not " +
                 std::to_string(options.prefill_rows)};
  if (options.drawable == 0) options.drawable = model.config().vocab_size;
  KvCache cache = TRY(
      KvCache::create(model.config(), options.cache, options.cache_bytes_max, options.cache_type));
  if (options.cache == CacheForm::latent && !options.exact)
    cache.set_absorbed(AbsorbedWeights::create(model, pool));
  if (cache.positions_max() == 0)
    return Error{"the cache limit of " + std::to_string(options.cache_bytes_max) +
                 " bytes holds no sequence; the shortest takes " +
                 std::to_string(cache.bytes_for(1)) + " bytes"};
  return std::unique_ptr<Engine>(new Engine(model, pool, options, std::move(cache)));
}

Engine::Engine(const Model& model, ThreadPool& pool, EngineOptions options, KvCache cache)
    : model_(model),
      pool_(pool),
      options_(options),
      cache_(std::move(cache)),
      arena_(pass_bytes(model,
                        {.rows = options.prefill_rows + options.sequences_max,
                         .sampled = options.sequences_max,
                         .positions = cache_.positions_max(),
                         .cache = options.cache,
                         .exact = options.exact,
                         .cache_type = options.cache_type},
                        pool.threads())),
      samplers_(size_t(pool.threads()), Sampler(options.drawable)),
      forbidden_(size_t(pool.threads())),
      slots_(size_t(options.sequences_max)),
      trace_(model.routing_trace()) {}

Result<void> Engine::check(const TokenRequest& request) const {
  const std::vector<int>& prompt = request.prompt;
  if (int64_t(prompt.size()) > cache_.positions_max())
    return Error{"the prompt has " + std::to_string(prompt.size()) + " tokens and " +
                 std::to_string(cache_.positions_max()) +
                 " fit (the model's context or the limit of the cache); shorten it"};
  for (int token : prompt)
    if (token < 0 || token >= model_.config().vocab_size)
      return Error{"token " + std::to_string(token) + " of the prompt is outside the model's " +
                   std::to_string(model_.config().vocab_size) +
                   " tokens; model and tokenizer do not belong together"};
  TRY(validate(request.sampling));
  if (request.tokens_max < 1)
    return Error{"the number of tokens to generate must be positive, not " +
                 std::to_string(request.tokens_max)};
  if (prompt.empty()) return Error{"the prompt has no token to begin with; give some text"};
  return {};
}

bool Engine::records(const Sequence& sequence) const {
  return sequence.request.records_experts && trace_.row_size() > 0;
}

Result<SequenceId> Engine::submit(TokenRequest request) {
  TRY(check(request));
  const SequenceId id = next_id_++;
  Sequence& sequence = sequences_[id];
  sequence.id = id;
  sequence.tokens = std::move(request.prompt);
  sequence.prompt = sequence.to_read = sequence.tokens.size();
  sequence.request = std::move(request);
  recording_ += records(sequence);
  waiting_.push_back(&sequence);
  return id;
}

std::vector<uint16_t> Engine::cancel(SequenceId id) {
  const auto found = sequences_.find(id);
  if (found == sequences_.end()) return {};
  return end(found->second);
}

// The slot becomes idle; its rows stay until their pages are needed.
std::vector<uint16_t> Engine::end(Sequence& sequence) {
  std::vector<uint16_t> experts;
  recording_ -= records(sequence);
  if (sequence.slot >= 0) {
    Slot& slot = slots_[size_t(sequence.slot)];
    if (records(sequence)) experts = slot.experts;
    slot.sequence = nullptr;
  } else {
    std::erase(waiting_, &sequence);
  }
  sequences_.erase(sequence.id);
  if (is_idle() && !options_.keeps_prefixes) forget();
  return experts;
}

std::span<Drawn> Engine::step() {
  drawn_.clear();
  admit();
  std::vector<Row> rows;
  add_decode_rows(rows);
  const auto decoded = int64_t(rows.size());
  add_prompt_rows(rows);
  if (rows.empty()) {
    // The first in line always finds a place when nobody runs: submit() and the cap on positions
    // make sure that it fits.
    CHECK(is_idle());
    return drawn_;
  }
  const int64_t began = monotonic_ns();
  compute(rows);
  const double seconds = double(monotonic_ns() - began) * 1e-9;
  const int64_t read = int64_t(rows.size()) - decoded;
  ++statistics_.passes;
  statistics_.prompt_tokens += read;
  (read > 0 ? statistics_.mixed_tokens : statistics_.decoded_tokens) += decoded;
  (read > 0 ? statistics_.prefill_seconds : statistics_.decode_seconds) += seconds;
  return drawn_;
}

// One row for every running sequence, the oldest first, so that younger ones are preempted.
void Engine::add_decode_rows(std::vector<Row>& rows) {
  for (auto& [id, sequence] : sequences_) {
    if (sequence.slot < 0 || slots_[size_t(sequence.slot)].is_reading()) continue;
    if (!make_room_for_next(sequence)) continue;
    const Slot& slot = slots_[size_t(sequence.slot)];
    rows.push_back({sequence.slot, sequence.tokens.back(), int(slot.cached.size()), true});
  }
}

// Their pages were reserved when they got their slots.
void Engine::add_prompt_rows(std::vector<Row>& rows) const {
  int left = options_.prefill_rows;
  for (const auto& [id, sequence] : sequences_) {
    if (sequence.slot < 0 || !slots_[size_t(sequence.slot)].is_reading()) continue;
    const size_t begin = slots_[size_t(sequence.slot)].cached.size();
    const size_t end = std::min(sequence.to_read, begin + size_t(left));
    for (size_t p = begin; p < end; ++p)
      rows.push_back({sequence.slot, sequence.tokens[p], int(p), p + 1 == sequence.to_read});
    left -= int(end - begin);
    if (left == 0) return;
  }
}

// One pass: extends the cache by the rows and gives the sequences of sampled rows their next token.
void Engine::compute(const std::vector<Row>& rows) {
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
  const bool is_recorded = std::any_of(
      rows.begin(), rows.end(), [&](const Row& row) { return slots_[size_t(row.slot)].records; });
  if (is_recorded) {
    trace_.clear();
    trace_.append(batch.size());
    run.routing.own = &trace_;
  }
  Tensor hidden = model_.forward(run);
  for (int r = 0; is_recorded && r < batch.size(); ++r) {
    Slot& slot = slots_[size_t(rows[size_t(r)].slot)];
    if (!slot.records) continue;
    slot.experts.insert(slot.experts.end(), trace_.row(r).begin(), trace_.row(r).end());
  }
  if (sampled.empty()) return;
  draw(model_.logits(run, hidden, sampled), slots);
  for (size_t i = 0; i < slots.size(); ++i) accept(*slots_[size_t(slots[i])].sequence, drawn_[i]);
}

void Engine::draw(Tensor logits, const std::vector<int>& slots) {
  const Zone zone("sample");
  drawn_.resize(slots.size());
  pool_.parallel_for(int(slots.size()), [&](int i, int thread) {
    const Sequence& sequence = *slots_[size_t(slots[size_t(i)])].sequence;
    const TokenRequest& request = sequence.request;
    const std::span<const float> row(logits.row(i), size_t(logits.cols));
    std::vector<uint8_t>& forbidden = forbidden_[size_t(thread)];
    forbidden.clear();
    if (request.token_filter) {
      forbidden.resize(size_t(options_.drawable));
      request.token_filter->forbid(sequence.tokens, row, forbidden);
    }
    auto token = samplers_[size_t(thread)].sample(row, request.sampling, request.stream,
                                                  sequence.drawn(), forbidden);
    Drawn& drawn = drawn_[size_t(i)];
    drawn.sequence = sequence.id;
    if (token)
      drawn.token = *token;
    else
      drawn.error =
          "token " + std::to_string(sequence.drawn() + 1) + ": " + std::move(token).error().message;
  });
}

// The sequence's next token, and whether it is the last.
void Engine::accept(Sequence& sequence, Drawn& drawn) {
  const TokenRequest& request = sequence.request;
  const std::vector<int>& ends = request.stop_ids;
  if (!drawn.error.empty()) {
    const int slot = sequence.slot;
    drawn.reason = FinishReason::failed;
    drawn.is_last = true;
    end(sequence);
    release(slot);  // nobody continues from such rows
    return;
  }
  sequence.tokens.push_back(drawn.token.token);
  const bool is_end = std::find(ends.begin(), ends.end(), drawn.token.token) != ends.end();
  drawn.is_last = is_end || int(sequence.drawn()) == request.tokens_max ||
                  int(sequence.tokens.size()) > cache_.positions_max();
  if (is_end) drawn.reason = FinishReason::end;
  if (drawn.is_last) drawn.experts = end(sequence);
}

int64_t Engine::unread_tokens() const {
  size_t tokens = 0;
  for (const auto& [id, sequence] : sequences_) {
    if (sequence.drawn() > 0) continue;
    tokens += sequence.prompt;
    if (sequence.slot >= 0) tokens -= slots_[size_t(sequence.slot)].cached.size();
  }
  return int64_t(tokens);
}

Result<void> Engine::warm_up() {
  CHECK(is_idle());
  TokenRequest request;
  request.prompt = {0};
  request.tokens_max = 1;
  request.sampling.temperature = 0;
  TRY(submit(std::move(request)));
  std::string error;
  while (!is_idle())
    for (const Drawn& drawn : step()) error = drawn.error;
  forget();
  statistics_ = {};
  if (!error.empty()) return Error{error};
  return {};
}

}  // namespace weir
