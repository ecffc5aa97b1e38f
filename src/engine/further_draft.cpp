#include "engine/further_draft.h"

#include <algorithm>
#include <cstring>

#include "engine/pass_memory.h"

namespace weir {
namespace {

// The module's layer of a cache that has no other.
class OneLayer final : public Cache {
 public:
  explicit OneLayer(KvCache& cache) : cache_(cache) {}
  CacheForm form() const override { return cache_.form(); }
  CacheView view(int, int sequence) override { return cache_.view(0, sequence); }

 private:
  KvCache& cache_;
};

// Row `row` of what the module computed: to draw from, and to go on from.
template <class Owner>
void keep_row(Owner& owner, const Tensor& hidden, const Tensor& states, int row) {
  owner.hidden.assign(hidden.row(row), hidden.row(row) + hidden.cols);
  owner.states.assign(states.row(row), states.row(row) + states.cols);
}

}  // namespace

Result<std::unique_ptr<FurtherDraft>> FurtherDraft::create(const Model& model, ThreadPool& pool,
                                                           const DrafterSetup& setup,
                                                           int rows_max) {
  if (model.config().mtp_modules() == 0)
    return Error{"the model has no module of multi-token prediction to guess with"};
  KvCache cache =
      TRY(KvCache::create(further_config(model.config()), setup.cache, setup.cache_bytes_max,
                          CacheType::f32, rows_max + kGuessesMax));
  if (cache.positions_max() == 0)
    return Error{"the cache limit leaves " + std::to_string(setup.cache_bytes_max) +
                 " bytes for multi-token prediction, which hold no sequence; raise the limit"};
  return std::unique_ptr<FurtherDraft>(
      new FurtherDraft(model, pool, setup, std::move(cache), rows_max));
}

FurtherDraft::FurtherDraft(const Model& model, ThreadPool& pool, const DrafterSetup& setup,
                           KvCache cache, int rows_max)
    : model_(model),
      pool_(pool),
      setup_(setup),
      cache_(std::move(cache)),
      arena_(further_pass_bytes(model,
                                {.rows = rows_max,
                                 .sampled = std::min(rows_max, setup.sequences_max),
                                 .positions = cache_.positions_max(),
                                 .cache = setup.cache,
                                 .exact = setup.exact},
                                pool.threads())),
      samplers_(size_t(pool.threads()), Sampler(setup.drawable)),
      slots_(size_t(setup.sequences_max)) {}

void FurtherDraft::release(int slot) {
  slots_[size_t(slot)] = {};
  cache_.release(slot);
}

void FurtherDraft::absorb(Tensor states, std::span<const KnownRow> rows) {
  std::vector<int> next, positions, sequences, from, ends;  // ends: the last row of each sequence
  for (size_t begin = 0, end; begin < rows.size(); begin = end) {
    const KnownRow& row = rows[begin];
    for (end = begin; end < rows.size() && rows[end].sequence == row.sequence;) ++end;
    Slot& slot = slots_[size_t(row.slot)];
    if (slot.id != row.sequence || row.position != slot.first + slot.length) {
      release(row.slot);
      slot.id = row.sequence;
      slot.first = row.position;
    }
    // Rows of guesses are computed again from what the model says of them.
    cache_.truncate(row.slot, std::min(slot.length, cache_.length(row.slot)));
    const int count = int(end - begin);
    if (!reserve_draft(cache_, slots_, row.slot, slot.length + count)) {
      release(row.slot);
      continue;
    }
    for (size_t i = begin; i < end; ++i) {
      next.push_back(rows[i].next);
      positions.push_back(slot.length + int(i - begin));
      sequences.push_back(row.slot);
      from.push_back(rows[i].row);
    }
    slot.length += count;
    ends.push_back(int(next.size()) - 1);
  }
  if (next.empty()) return;
  arena_.reset();
  const Batch batch(next, positions, sequences);
  OneLayer cache(cache_);
  Run run{arena_, pool_, batch};
  run.cache = &cache;
  run.exact = setup_.exact;
  Tensor picked = picked_rows(run, states, from);
  const Tensor out = model_.predict_further(run, picked, next, 0);
  for (int end : ends) {
    const int at = sequences[size_t(end)];
    keep_row(slots_[size_t(at)], out, picked, end);
    cache_.slide(at, slots_[size_t(at)].length);
  }
}

void FurtherDraft::begin(std::span<const DraftedSequence> sequences) {
  round_.clear();
  has_guessed_ = false;
  for (const DraftedSequence& sequence : sequences) {
    Drafted drafted{sequence};
    for (int i = 0; i < int(slots_.size()); ++i) {
      const Slot& slot = slots_[size_t(i)];
      // All but the last token have a row.
      if (slot.id != sequence.id || slot.first + slot.length + 1 != int(sequence.tokens.size()))
        continue;
      drafted.slot = i;
      drafted.hidden = slot.hidden, drafted.states = slot.states;
      drafted.tokens.assign(sequence.tokens.begin(), sequence.tokens.end());
    }
    round_.push_back(std::move(drafted));
  }
}

// Rows of the last guesses: the hidden states that the next ones are drawn from.
void FurtherDraft::advance(std::span<const int> wanted) {
  std::vector<int> next, positions, sequences, owners;
  for (int at : wanted) {
    Drafted& drafted = round_[size_t(at)];
    if (drafted.slot < 0) continue;
    const Slot& slot = slots_[size_t(drafted.slot)];
    const int position = int(drafted.tokens.size()) - 2 - slot.first;
    if (!reserve_draft(cache_, slots_, drafted.slot, position + 1)) {
      drafted.slot = -1;
      continue;
    }
    next.push_back(drafted.tokens.back());
    positions.push_back(position);
    sequences.push_back(drafted.slot);
    owners.push_back(at);
  }
  if (next.empty()) return;
  const Batch batch(next, positions, sequences);
  OneLayer cache(cache_);
  Run run{arena_, pool_, batch};
  run.cache = &cache;
  run.exact = setup_.exact;
  Tensor states = run.make(int(next.size()), model_.further_width());
  for (int i = 0; i < states.rows; ++i) {
    const std::vector<float>& row = round_[size_t(owners[size_t(i)])].states;
    std::memcpy(states.row(i), row.data(), sizeof(float) * row.size());
  }
  const Tensor out = model_.predict_further(run, states, next, 0);
  for (int i = 0; i < out.rows; ++i) keep_row(round_[size_t(owners[size_t(i)])], out, states, i);
}

std::vector<Drafter::Guess> FurtherDraft::next(std::span<const int> wanted) {
  std::vector<Guess> guesses(wanted.size());
  arena_.reset();
  if (has_guessed_) advance(wanted);
  has_guessed_ = true;
  std::vector<int> guessed;
  for (size_t i = 0; i < wanted.size(); ++i)
    if (round_[size_t(wanted[i])].slot >= 0) guessed.push_back(int(i));
  rows_ = int(guessed.size());
  if (rows_ == 0) return guesses;
  const std::vector<int> zeros(guessed.size(), 0);
  std::vector<int> each(guessed.size());
  for (size_t i = 0; i < each.size(); ++i) each[i] = int(i);
  const Batch batch(zeros, zeros, each);
  Run run{arena_, pool_, batch};
  run.exact = setup_.exact;
  Tensor hidden = run.make(rows_, model_.config().hidden_size);
  for (int i = 0; i < rows_; ++i) {
    const Drafted& drafted = round_[size_t(wanted[size_t(guessed[size_t(i)])])];
    std::memcpy(hidden.row(i), drafted.hidden.data(), sizeof(float) * drafted.hidden.size());
  }
  const Tensor logits = model_.logits(run, hidden);
  return draw_guesses(pool_, samplers_, logits, wanted, guessed, round_);
}

void FurtherDraft::forget(SequenceId id) {
  for (int i = 0; i < int(slots_.size()); ++i)
    if (slots_[size_t(i)].id == id) release(i);
}

}  // namespace weir
