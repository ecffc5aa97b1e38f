#include "engine/draft_model.h"

#include <algorithm>
#include <utility>

#include "engine/pass_memory.h"
#include "engine/prefix_tree.h"

namespace weir {

Result<std::unique_ptr<DraftModel>> DraftModel::create(const Model& model, ThreadPool& pool,
                                                       const DrafterSetup& setup) {
  if (model.config().vocab_size < setup.drawable)
    return Error{"the draft model has " + std::to_string(model.config().vocab_size) +
                 " tokens and the model draws from " + std::to_string(setup.drawable) +
                 "; a draft model needs the same vocabulary"};
  KvCache cache = TRY(KvCache::create(model.config(), setup.cache, setup.cache_bytes_max,
                                      CacheType::f32, setup.prefill_rows + kGuessesMax + 1));
  if (cache.positions_max() == 0)
    return Error{"the cache limit leaves " + std::to_string(setup.cache_bytes_max) +
                 " bytes for the draft model, which hold no sequence; raise the limit"};
  return std::unique_ptr<DraftModel>(new DraftModel(model, pool, setup, std::move(cache)));
}

DraftModel::DraftModel(const Model& model, ThreadPool& pool, const DrafterSetup& setup,
                       KvCache cache)
    : model_(model),
      pool_(pool),
      setup_(setup),
      cache_(std::move(cache)),
      arena_(pass_bytes(model,
                        {.rows = setup.prefill_rows + setup.sequences_max,
                         .sampled = setup.sequences_max,
                         .positions = cache_.positions_max(),
                         .cache = setup.cache,
                         .exact = setup.exact},
                        pool.threads())),
      samplers_(size_t(pool.threads()), Sampler(setup.drawable)),
      slots_(size_t(setup.sequences_max)) {}

// Rows that the draft model computed for guesses that did not come true are forgotten here.
void DraftModel::begin(std::span<const DraftedSequence> sequences) {
  round_.clear();
  for (const DraftedSequence& sequence : sequences) {
    Drafted drafted{sequence};
    drafted.tokens.assign(sequence.tokens.begin(), sequence.tokens.end());
    const auto is_foreign = [&](int token) { return token >= model_.config().vocab_size; };
    if (std::none_of(drafted.tokens.begin(), drafted.tokens.end(), is_foreign))
      drafted.slot = slot_of(drafted);
    round_.push_back(std::move(drafted));
  }
}

// Its slot, else the idle one that has the longest beginning of its tokens that can be continued.
// The last token is always computed again, because its logits are needed.
int DraftModel::slot_of(const Drafted& drafted) {
  const int most = int(drafted.tokens.size()) - 1;
  int found = -1, shared = -1;
  for (int i = 0; i < int(slots_.size()); ++i) {
    const Slot& slot = slots_[size_t(i)];
    if (slot.id >= 0 && slot.id != drafted.sequence.id) continue;
    const int common = common_beginning(slot.cached, drafted.tokens);
    const int length = cache_.continues_at(i, std::min(common, most));
    if (slot.id < 0 && length <= shared) continue;
    found = i, shared = length;
    if (slot.id >= 0) break;
  }
  if (found < 0) return -1;
  if (shared == 0) release(found);
  Slot& slot = slots_[size_t(found)];
  slot.id = drafted.sequence.id;
  slot.cached.resize(size_t(shared));
  cache_.truncate(found, shared);
  return found;
}

void DraftModel::release(int slot) {
  slots_[size_t(slot)] = {};
  cache_.release(slot);
}

std::vector<Drafter::Guess> DraftModel::next(std::span<const int> wanted) {
  std::vector<Guess> guesses(wanted.size());
  std::vector<int> tokens, positions, sequences, sampled, guessed;
  int left = setup_.prefill_rows;
  for (size_t i = 0; i < wanted.size(); ++i) {
    Drafted& drafted = round_[size_t(wanted[i])];
    if (drafted.slot < 0) continue;
    Slot& slot = slots_[size_t(drafted.slot)];
    const size_t begin = slot.cached.size();
    const size_t end = std::min(drafted.tokens.size(), begin + size_t(left) + 1);
    if (!reserve_draft(cache_, slots_, drafted.slot, int(end))) {
      release(std::exchange(drafted.slot, -1));
      continue;
    }
    left -= int(end - begin) - 1;
    for (size_t p = begin; p < end; ++p) {
      tokens.push_back(drafted.tokens[p]);
      positions.push_back(int(p));
      sequences.push_back(drafted.slot);
      slot.cached.push_back(drafted.tokens[p]);
    }
    if (end < drafted.tokens.size()) continue;
    sampled.push_back(int(tokens.size()) - 1);
    guessed.push_back(int(i));
  }
  rows_ = int(tokens.size());
  if (rows_ == 0) return guesses;
  arena_.reset();
  const Batch batch(tokens, positions, sequences);
  Run run{arena_, pool_, batch};
  run.cache = &cache_;
  run.exact = setup_.exact;
  const Tensor hidden = model_.forward(run);
  for (int at : wanted) {  // known tokens alone: guesses may be cut off
    const Drafted& drafted = round_[size_t(at)];
    if (drafted.slot < 0) continue;
    const size_t known = drafted.sequence.tokens.size() - 1;
    cache_.slide(drafted.slot, int(std::min(slots_[size_t(drafted.slot)].cached.size(), known)));
  }
  if (sampled.empty()) return guesses;
  const Tensor logits = model_.logits(run, hidden, sampled);
  return draw_guesses(pool_, samplers_, logits, wanted, guessed, round_);
}

// Its rows stay for a sequence that begins alike.
void DraftModel::forget(SequenceId id) {
  for (Slot& slot : slots_)
    if (slot.id == id) slot.id = -1;
}

}  // namespace weir
