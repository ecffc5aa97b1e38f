#include "engine/block_draft.h"

#include <algorithm>
#include <cmath>

#include "engine/pass_memory.h"

namespace weir {
namespace {

int row_width(const ModelConfig& config) { return config.dspark_stages() * config.head_dim; }

}  // namespace

Result<std::unique_ptr<BlockDraft>> BlockDraft::create(const Model& model, ThreadPool& pool,
                                                       const DrafterSetup& setup, int rows_max) {
  if (!model.config().has_dspark()) return Error{"the model has no stages of DSpark to guess with"};
  return std::unique_ptr<BlockDraft>(new BlockDraft(model, pool, setup, rows_max));
}

BlockDraft::BlockDraft(const Model& model, ThreadPool& pool, const DrafterSetup& setup,
                       int rows_max)
    : model_(model),
      pool_(pool),
      setup_(setup),
      width_(row_width(model.config())),
      window_(model.config().sliding_window),
      block_(model.config().dspark_block_size),
      arena_(block_pass_bytes(model, rows_max, setup.sequences_max, pool.threads(), setup.exact)),
      samplers_(size_t(pool.threads()), Sampler(setup.drawable)),
      slots_(size_t(setup.sequences_max)) {}

void BlockDraft::absorb(Tensor states, std::span<const KnownRow> rows) {
  if (rows.empty()) return;
  std::vector<int> positions, sequences, from;
  for (const KnownRow& row : rows) {
    positions.push_back(row.position);
    sequences.push_back(row.slot);
    from.push_back(row.row);
  }
  arena_.reset();
  const std::vector<int> tokens(rows.size(), 0);
  const Batch batch(tokens, positions, sequences);
  Run run{arena_, pool_, batch};
  run.exact = setup_.exact;
  const Tensor made = model_.draft_context(run, picked_rows(run, states, from));
  const size_t kept = size_t(window_) * size_t(width_);
  for (int i = 0; i < made.rows; ++i) {
    const KnownRow& row = rows[size_t(i)];
    Slot& slot = slots_[size_t(row.slot)];
    if (slot.id != row.sequence || slot.end != row.position) slot = {row.sequence, row.position};
    // Now and then what no block sees any more is dropped.
    if (slot.rows.size() >= 2 * kept)
      slot.rows.erase(slot.rows.begin(), slot.rows.end() - std::ptrdiff_t(kept));
    slot.rows.insert(slot.rows.end(), made.row(i), made.row(i) + made.cols);
    ++slot.end;
  }
}

void BlockDraft::begin(std::span<const DraftedSequence> sequences) {
  round_.clear();
  has_drafted_ = false;
  for (const DraftedSequence& sequence : sequences) {
    Drafted drafted{sequence};
    for (int i = 0; i < int(slots_.size()); ++i) {
      const Slot& slot = slots_[size_t(i)];
      const int tokens = int(sequence.tokens.size());
      const bool has_room = tokens - 1 + block_ <= model_.config().max_position_embeddings;
      // All but the last token have a row.
      if (slot.id != sequence.id || slot.end + 1 != tokens || !has_room) continue;
      drafted.slot = i;
      drafted.tokens.assign(sequence.tokens.begin(), sequence.tokens.end());
    }
    round_.push_back(std::move(drafted));
  }
}

// The blocks of all that want one.
void BlockDraft::draft(std::span<const int> wanted) {
  std::vector<int> tokens, positions, sequences, begins, ends;
  std::vector<const Slot*> slots;
  int context = 0;
  for (int at : wanted) {
    Drafted& drafted = round_[size_t(at)];
    if (drafted.slot < 0) continue;
    drafted.block = int(slots.size());
    const Slot& slot = slots_[size_t(drafted.slot)];
    slots.push_back(&slot);
    for (int k = 0; k < block_; ++k) {
      tokens.push_back(k == 0 ? drafted.tokens.back() : model_.config().dspark_noise_token_id);
      positions.push_back(slot.end + k);
      sequences.push_back(drafted.block);
    }
    begins.push_back(context);
    context += std::min(window_, int(slot.rows.size() / size_t(width_)));
    ends.push_back(context);
  }
  rows_ = int(slots.size());
  if (slots.empty()) return;
  const Batch batch(tokens, positions, sequences);
  Run run{arena_, pool_, batch};
  run.exact = setup_.exact;
  Tensor rows = run.make(context, width_);
  for (size_t i = 0; i < slots.size(); ++i) {
    const size_t count = size_t(ends[i] - begins[i]) * size_t(width_);
    std::copy(slots[i]->rows.end() - std::ptrdiff_t(count), slots[i]->rows.end(),
              rows.row(begins[i]));
  }
  hidden_ = model_.draft_hidden(run, {rows, begins.data(), ends.data()});
  logits_ = model_.draft_logits(run, hidden_);
}

std::vector<Drafter::Guess> BlockDraft::next(std::span<const int> wanted) {
  rows_ = 0;
  if (!has_drafted_) {
    arena_.reset();
    draft(wanted);
  }
  has_drafted_ = true;
  std::vector<int> guessed, from, before;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const Drafted& drafted = round_[size_t(wanted[i])];
    if (drafted.block < 0 || drafted.guesses() >= block_) continue;
    guessed.push_back(int(i));
    from.push_back(drafted.block * block_ + drafted.guesses());
    before.push_back(drafted.tokens.back());
  }
  if (guessed.empty()) return std::vector<Guess>(wanted.size());
  ArenaScope scope(arena_);
  const std::vector<int> zeros(guessed.size(), 0);
  std::vector<int> each(guessed.size());
  for (size_t i = 0; i < each.size(); ++i) each[i] = int(i);
  const Batch batch(zeros, zeros, each);
  Run run{arena_, pool_, batch};
  run.exact = setup_.exact;
  const Tensor scores = model_.draft_confidence(run, picked_rows(run, hidden_, from), before);
  const Tensor logits = model_.draft_bias(run, picked_rows(run, logits_, from), before);
  std::vector<Guess> guesses = draw_guesses(pool_, samplers_, logits, wanted, guessed, round_);
  for (size_t i = 0; i < guessed.size(); ++i)
    guesses[size_t(guessed[i])].probability = 1 / (1 + std::exp(-*scores.row(int(i))));
  return guesses;
}

void BlockDraft::forget(SequenceId id) {
  for (Slot& slot : slots_)
    if (slot.id == id) slot = {};
}

}  // namespace weir
