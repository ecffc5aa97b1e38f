#include "engine/engine.h"

#include <algorithm>
#include <optional>

#include "base/clock.h"
#include "base/zones.h"
#include "engine/block_draft.h"
#include "engine/draft_model.h"
#include "engine/further_draft.h"
#include "engine/model_key.h"
#include "engine/pass_memory.h"
#include "engine/resuming_reader.h"
#include "engine/row_shares.h"

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

namespace {

struct ChosenDrafter {
  std::unique_ptr<Drafter> drafter;  // null: none
  StateDrafter* further = nullptr;   // the same, if it is one
};

// Its cache takes so much of the limit that both hold equally many positions.
Result<ChosenDrafter> make_drafter(const Model& model, ThreadPool& pool, EngineOptions& options) {
  const SpeculationOptions& speculation = options.speculation;
  if (!speculation.draft && !speculation.mtp) return ChosenDrafter();
  ModelConfig config = speculation.draft ? speculation.draft->config() : model.config();
  const bool is_latent = config.attention == AttentionKind::mla;
  const int rows_max = options.prefill_rows + options.logit_rows_max();
  DrafterSetup setup{.sequences_max = options.sequences_max,
                     .prefill_rows = options.prefill_rows,
                     .cache = is_latent ? options.cache : CacheForm::expanded,
                     .exact = options.exact,
                     .drawable = options.drawable};
  if (speculation.mtp && config.has_dspark()) {  // which has no cache
    std::unique_ptr<BlockDraft> block = TRY(BlockDraft::create(model, pool, setup, rows_max));
    BlockDraft* made = block.get();
    return ChosenDrafter{std::move(block), made};
  }
  if (speculation.mtp) config = further_config(config);
  const size_t all = options.cache_bytes_max;
  const size_t large =
      TRY(KvCache::create(model.config(), options.cache, all, options.cache_type)).bytes_for(1);
  const size_t small = TRY(KvCache::create(config, setup.cache, all)).bytes_for(1);
  setup.cache_bytes_max = size_t(double(all) * double(small) / double(small + large));
  options.cache_bytes_max = all - setup.cache_bytes_max;
  if (speculation.draft)
    return ChosenDrafter{TRY(DraftModel::create(*speculation.draft, pool, setup)), nullptr};
  std::unique_ptr<FurtherDraft> further = TRY(FurtherDraft::create(model, pool, setup, rows_max));
  FurtherDraft* made = further.get();
  return ChosenDrafter{std::move(further), made};
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(const Model& model, ThreadPool& pool,
                                               EngineOptions options) {
  if (options.sequences_max < 1 || options.sequences_max > 4096)
    return Error{"sequences at a time must be in [1, 4096], not " +
                 std::to_string(options.sequences_max)};
  if (options.prefill_rows < 1 || options.prefill_rows > 65536)
    return Error{"prompt tokens at a time must be in [1, 65536], not " +
                 std::to_string(options.prefill_rows)};
  if (options.drawable == 0) options.drawable = model.config().vocab_size;
  TRY(validate(options.speculation));
  ChosenDrafter chosen = TRY(make_drafter(model, pool, options));
  KvCache cache =
      TRY(KvCache::create(model.config(), options.cache, options.cache_bytes_max,
                          options.cache_type, std::max(options.prefill_rows, kGuessesMax)));
  if (options.cache == CacheForm::latent && !options.exact)
    cache.set_absorbed(AbsorbedWeights::create(model, pool));
  if (cache.positions_max() == 0)
    return Error{"the cache limit of " + std::to_string(options.cache_bytes_max) +
                 " bytes holds no sequence; the shortest takes " +
                 std::to_string(cache.bytes_for(1)) + " bytes"};
  if (!options.store.folder.empty() && !options.keeps_prefixes)
    return Error{"only an engine that keeps prefixes stores them"};
  std::unique_ptr<Engine> engine(new Engine(model, pool, options, std::move(cache),
                                            std::move(chosen.drafter), chosen.further));
  if (!options.store.folder.empty()) TRY(engine->open_store());
  return engine;
}

Engine::Engine(const Model& model, ThreadPool& pool, EngineOptions options, KvCache cache,
               std::unique_ptr<Drafter> draft, StateDrafter* further)
    : model_(model),
      pool_(pool),
      options_(options),
      cache_(std::move(cache)),
      arena_(pass_bytes(model,
                        {.rows = options.prefill_rows + options.logit_rows_max(),
                         .sampled = options.logit_rows_max(),
                         .positions = cache_.positions_max(),
                         .cache = options.cache,
                         .exact = options.exact,
                         .cache_type = options.cache_type},
                        pool.threads())),
      samplers_(size_t(pool.threads()), Sampler(options.drawable)),
      forbidden_(size_t(pool.threads())),
      slots_(size_t(options.sequences_max)),
      budget_(options.prefill_rows, options.pass_seconds),
      trace_(model.routing_trace()),
      prefixes_(model.config(), cache_, trace_.row_size()),
      further_(further) {
  if (options.speculation.is_on())
    speculator_ = std::make_unique<Speculator>(options.speculation, std::move(draft));
}

// The rows of a few tokens tell whether pages of another process are what this one would compute.
Result<void> Engine::open_store() {
  constexpr int kTokens = 8;
  const int tokens = std::min({kTokens, options_.prefill_rows, cache_.positions_max()});
  CHECK(cache_.reserve(0, tokens).has_value());
  std::vector<int> pieces = {cache_.page(0, 0)};
  if (cache_.has_recents()) pieces.push_back(cache_.recent(0, 0));
  for (int piece : pieces) std::ranges::fill(cache_.page_data(piece), std::byte(0));
  std::vector<Row> rows;
  for (int i = 0; i < tokens; ++i) rows.push_back({0, i % model_.config().vocab_size, i, false});
  compute(rows);
  std::vector<std::byte> bytes;
  for (int piece : pieces) {
    const std::span<const std::byte> own = cache_.page_data(piece);
    bytes.insert(bytes.end(), own.begin(), own.end());
  }
  const std::string key = model_key(model_, bytes, options_.store.model_files);
  slots_[0] = {};
  cache_.release(0);
  return prefixes_.open_store(options_.store, key);
}

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
  TRY(validate(request.sampling, model_.config().vocab_size));
  if (request.tokens_max < 1)
    return Error{"the number of tokens to generate must be positive, not " +
                 std::to_string(request.tokens_max)};
  if (prompt.empty()) return Error{"the prompt has no token to begin with; give some text"};
  if (request.scored_from < 1 ||
      (request.scores_prompt && request.scored_from > int(prompt.size())))
    return Error{"the prompt cannot be scored from token " + std::to_string(request.scored_from) +
                 " on; it has " + std::to_string(prompt.size())};
  if (request.adapter >= model_.adapters())
    return Error{"there is no adapter " + std::to_string(request.adapter) + "; the model has " +
                 std::to_string(model_.adapters())};
  return {};
}

// Rows of the cache are another's with another adapter.
std::string Engine::rows_owner(const TokenRequest& request) const {
  if (request.adapter < 0) return request.owner;
  return request.owner + "\nadapter " + model_.adapter_key(request.adapter);
}

// Rows of no sequence are those of a warm-up or a probe.
int Engine::adapter_of(int slot) const {
  const Sequence* sequence = slots_[size_t(slot)].sequence;
  return sequence ? sequence->request.adapter : AdapterUse::kNone;
}

bool Engine::records(const Sequence& sequence) const {
  return sequence.request.records_experts && trace_.row_size() > 0;
}

// Of the other owners: a new one has no claim on what they got before.
int64_t Engine::least_served(const Key& key) const {
  std::optional<int64_t> least;
  for (const auto& [owner, other] : keys_)
    if (&other != &key) least = std::min(least.value_or(other.served), other.served);
  return least.value_or(0);
}

Result<SequenceId> Engine::submit(TokenRequest request) {
  TRY(check(request));
  const SequenceId id = next_id_++;
  Sequence& sequence = sequences_[id];
  sequence.id = id;
  sequence.tokens = std::move(request.prompt);
  sequence.prompt = sequence.to_read = sequence.tokens.size();
  sequence.request = std::move(request);
  if (sequence.request.adapter == AdapterUse::kOfModel)
    sequence.request.adapter = model_.default_adapter;
  sequence.rows_owner = rows_owner(sequence.request);
  recording_ += records(sequence);
  auto [found, is_new] = keys_.try_emplace(sequence.request.owner);
  Key& key = found->second;
  if (is_new) key.served = least_served(key);
  sequence.key = &key;
  ++key.sequences;
  key.waiting.push_back(&sequence);
  return id;
}

std::vector<uint16_t> Engine::cancel(SequenceId id) {
  const auto found = sequences_.find(id);
  if (found == sequences_.end()) return {};
  return end(found->second);
}

// Its pages stay until they are needed, unless nobody may continue from them.
std::vector<uint16_t> Engine::end(Sequence& sequence, bool is_good) {
  std::vector<uint16_t> experts;
  recording_ -= records(sequence);
  Key& key = *sequence.key;
  while (!sequence.followers.empty()) part(*sequence.followers.back());
  if (sequence.slot >= 0) {
    Slot& slot = slots_[size_t(sequence.slot)];
    if (is_good)
      prefixes_.leave(sequence.slot, *slot.place, slot, true);
    else
      prefixes_.abandon(sequence.slot, *slot.place);
    if (records(sequence)) experts = std::move(slot.experts);
    slot = {};
    --key.running;
  } else if (sequence.leader) {
    if (records(sequence)) experts = slots_[size_t(sequence.leader->slot)].experts;
    std::erase(sequence.leader->followers, &sequence);
  } else {
    std::erase(key.waiting, &sequence);
  }
  if (speculator_) speculator_->forget(sequence.id);
  if (--key.sequences == 0) keys_.erase(sequence.request.owner);
  sequences_.erase(sequence.id);
  if (is_idle() && !options_.keeps_prefixes) forget();
  return experts;
}

std::span<Drawn> Engine::step() {
  drawn_.clear();
  admit();
  const bool is_loading = load_stored();
  const int64_t began = monotonic_ns();
  std::vector<Row> rows;
  const int running = add_decode_rows(rows);
  const auto decode_rows = int64_t(rows.size());
  add_prompt_rows(rows);
  if (rows.empty()) {
    if (is_loading) return drawn_;
    // The first in line always finds a place when nobody runs: submit() and the cap on positions
    // make sure that it fits.
    CHECK(is_idle());
    return drawn_;
  }
  const int64_t computes = monotonic_ns(), accepted = statistics_.accepted_tokens;
  compute(rows);
  const int64_t ended = monotonic_ns();
  const double seconds = double(ended - began) * 1e-9;
  const int64_t read = int64_t(rows.size()) - decode_rows;
  const int64_t decoded = running + statistics_.accepted_tokens - accepted;
  for (int i = 0; i < int(slots_.size()); ++i)
    if (Slot& slot = slots_[size_t(i)]; slot.sequence)
      slot.place = &prefixes_.extend(i, *slot.place, slot);
  for (int i = 0; i < int(slots_.size()); ++i)
    if (slots_[size_t(i)].sequence) cache_.slide(i, int(slots_[size_t(i)].cached.size()));
  if (cache_.has_recents()) prefixes_.make_room(0);
  if (read > 0) budget_.measure(int(read), running > 0, seconds);
  ++statistics_.passes;
  statistics_.prompt_tokens += read;
  statistics_.drafted_tokens += decode_rows - running;
  (read > 0 ? statistics_.mixed_tokens : statistics_.decoded_tokens) += decoded;
  (read > 0 ? statistics_.prefill_seconds : statistics_.decode_seconds) += seconds;
  if (speculator_ && read == 0)
    speculator_->observe_pass(int(rows.size()), double(ended - computes) * 1e-9);
  return drawn_;
}

// One row for every running sequence, and those of guesses. The oldest get their pages first, and
// may preempt others. Returns the number of sequences.
int Engine::add_decode_rows(std::vector<Row>& rows) {
  std::vector<Sequence*> running;
  const auto decodes = [&](const Sequence& sequence) {
    return sequence.slot >= 0 && !slots_[size_t(sequence.slot)].is_reading();
  };
  for (auto& [id, sequence] : sequences_)
    if (decodes(sequence)) (void)make_room_for_next(sequence);
  for (auto& [id, sequence] : sequences_)
    if (decodes(sequence)) running.push_back(&sequence);
  add_guesses(running, rows);
  return int(running.size());
}

// Their pages were reserved when they got their slots.
void Engine::add_prompt_rows(std::vector<Row>& rows) {
  std::vector<const Key*> keys;
  std::vector<int64_t> served;
  for (const auto& [owner, key] : keys_) {
    keys.push_back(&key);
    served.push_back(key.served);
  }
  std::vector<PromptRows> prompts;
  std::vector<const Sequence*> reading;
  for (const auto& [id, sequence] : sequences_) {
    if (sequence.slot < 0) continue;
    const Slot& slot = slots_[size_t(sequence.slot)];
    if (!slot.is_reading() || slot.stored > 0) continue;
    const auto key = std::find(keys.begin(), keys.end(), sequence.key) - keys.begin();
    prompts.push_back({int(key), int(sequence.to_read - slot.cached.size()), 0});
    reading.push_back(&sequence);
  }
  share_rows(prompts, served, budget_.rows(!rows.empty()));
  for (size_t i = 0; i < prompts.size(); ++i) {
    const Sequence& sequence = *reading[i];
    const size_t begin = slots_[size_t(sequence.slot)].cached.size();
    for (size_t p = begin; p < begin + size_t(prompts[i].rows); ++p)
      rows.push_back({sequence.slot, sequence.tokens[p], int(p), p + 1 == sequence.to_read});
  }
  size_t k = 0;
  for (auto& [owner, key] : keys_) key.served = served[k++];
}

// Reads pages from the disk, so many that others hardly wait. False: there were none to read.
bool Engine::load_stored() {
  constexpr int64_t kBytes = int64_t(256) << 20;
  int64_t pages = std::max<int64_t>(1, kBytes / int64_t(cache_.page_bytes_most()));
  bool is_loading = false;
  for (int i = 0; i < int(slots_.size()) && pages > 0; ++i) {
    Slot& slot = slots_[size_t(i)];
    if (slot.stored == 0) continue;
    is_loading = true;
    // With compressed attention all at once: nothing can be continued in the middle.
    const int wanted =
        cache_.has_recents() ? slot.stored : int(std::min<int64_t>(slot.stored, pages));
    const size_t before = slot.cached.size();
    const auto tokens = std::span<const int>(slot.sequence->tokens).subspan(before);
    slot.place = &prefixes_.load(i, *slot.place, tokens, wanted, slot, pool_);
    const size_t read = slot.cached.size() - before;
    slot.stored = read == size_t(wanted) * kCachePage ? slot.stored - wanted : 0;
    pages -= wanted;
    statistics_.reused_tokens += int64_t(read);
    if (slot.sequence->drawn() == 0) slot.sequence->reused += int(read);
    statistics_.loaded_tokens += int64_t(read);
  }
  return is_loading;
}

// One pass: extends the cache by the rows and gives the sequences of sampled rows their next token.
void Engine::compute(const std::vector<Row>& rows) {
  const Zone zone("pass");
  std::vector<int> tokens, positions, sequences, sampled, adapters;
  for (size_t r = 0; r < rows.size(); ++r) {
    adapters.push_back(adapter_of(rows[r].slot));
    tokens.push_back(rows[r].token);
    positions.push_back(rows[r].position);
    sequences.push_back(rows[r].slot);
    slots_[size_t(rows[r].slot)].cached.push_back(rows[r].token);
    if (rows[r].is_sampled) sampled.push_back(int(r));
  }
  arena_.reset();
  Batch batch(tokens, positions, sequences);
  for (const Segment& s : batch.segments())
    cache_.open_rows(s.sequence, s.position, s.position + s.count);
  Run run{arena_, pool_, batch};
  run.cache = &cache_;
  run.exact = options_.exact;
  run.adapters.all = adapters[0];
  const bool is_mixed = std::any_of(adapters.begin(), adapters.end(),
                                    [&](int adapter) { return adapter != adapters[0]; });
  if (is_mixed) run.adapters.rows = adapters;
  const bool is_recorded = std::any_of(
      rows.begin(), rows.end(), [&](const Row& row) { return slots_[size_t(row.slot)].records; });
  if (is_recorded) {
    trace_.clear();
    trace_.append(batch.size());
    run.routing.own = &trace_;
  }
  want_hidden(rows);
  Tensor further;  // what the module of multi-token prediction reads
  Tensor hidden = model_.forward(run, hidden_rows_.is_empty() ? nullptr : &hidden_rows_, &further);
  if (!hidden_rows_.is_empty()) hidden_rows_.observe(-1, hidden);
  show_hidden(rows, false);
  for (int r = 0; is_recorded && r < batch.size(); ++r) {
    Slot& slot = slots_[size_t(rows[size_t(r)].slot)];
    if (!slot.records) continue;
    slot.experts.insert(slot.experts.end(), trace_.row(r).begin(), trace_.row(r).end());
  }
  score_prompts(run, hidden, rows);
  if (!sampled.empty()) draw(model_.logits(run, hidden, sampled), rows, sampled);
  show_hidden(rows, true);
  if (further_) absorb(further, rows);
}

void Engine::want_hidden(const std::vector<Row>& rows) {
  hidden_rows_.clear();
  for (size_t r = 0; r < rows.size(); ++r) {
    const Sequence* sequence = slots_[size_t(rows[r].slot)].sequence;
    if (sequence && sequence->request.hidden_reader && rows[r].position >= sequence->shown)
      hidden_rows_.want(int(r), sequence->request.hidden_reader->block());
  }
}

// Rows of guesses after the draws, when it is known which of them came true.
void Engine::show_hidden(const std::vector<Row>& rows, bool guesses) {
  for (size_t i = 0; i < hidden_rows_.wanted().size(); ++i) {
    const Row& row = rows[size_t(hidden_rows_.wanted()[i].row)];
    const Slot& slot = slots_[size_t(row.slot)];
    if (row.is_guess != guesses || !slot.sequence || row.position >= int(slot.cached.size()))
      continue;
    HiddenReader* reader = slot.sequence->request.hidden_reader;
    if (auto* resuming = dynamic_cast<ResumingReader*>(reader))
      resuming->take_token(row.position, row.token);
    reader->take(row.position, hidden_rows_.states(i));
    slot.sequence->shown = row.position + 1;
  }
}

int64_t Engine::unread_tokens() const {
  size_t tokens = 0;
  for (const auto& [id, sequence] : sequences_) {
    if (sequence.drawn() > 0) continue;
    tokens += sequence.prompt;
    const int slot = sequence.leader ? sequence.leader->slot : sequence.slot;
    if (slot >= 0) tokens -= slots_[size_t(slot)].cached.size();
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
