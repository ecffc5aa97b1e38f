#include "engine/speculation.h"

#include <algorithm>
#include <numeric>

#include "base/clock.h"

namespace weir {
namespace {

// Before anything was observed: how often a guess after matches of the classes comes true, and one
// of a draft model that gives it such a probability.
constexpr double kMatchPriors[] = {0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95};
constexpr double kChancePriors[] = {0.1, 0.3, 0.45, 0.6, 0.75, 0.85, 0.95, 0.98};
constexpr double kModelPrior = 0.6;
// A draft of the model ends where its last guess is less likely to be of use.
constexpr double kUseful = 0.25;
// Passes after which guesses that did not seem to pay are verified once more, since passes may have
// become cheaper.
constexpr int kRetry = 64;

}  // namespace

Result<void> validate(const SpeculationOptions& options) {
  if (options.tokens_max < 1 || options.tokens_max > kGuessesMax)
    return Error{"draft-max must be in [1, " + std::to_string(kGuessesMax) + "], not " +
                 std::to_string(options.tokens_max)};
  return {};
}

std::span<const std::vector<int>> Speculator::draft(std::span<const DraftedSequence> sequences,
                                                    int rows_max) {
  drafts_.assign(sequences.size(), {});
  std::vector<Offer> offers;
  for (const DraftedSequence& sequence : sequences) {
    State& state = states_[sequence.id];
    state.guesses.clear();
    offers.push_back({&sequence, &state});
    if (options_.ngrams) guess_by_ngrams(offers.back());
  }
  // What passes without guesses cost is measured first.
  if (options_.adapts && !cost_.is_known(int(sequences.size()))) return drafts_;
  if (draft_) guess_by_model(offers);
  choose(offers, rows_max);
  return drafts_;
}

void Speculator::guess_by_ngrams(const Offer& offer) {
  const std::span<const int> tokens = offer.sequence->tokens;
  State& state = *offer.state;
  state.source = Source::ngram;
  state.ngrams.add(tokens);
  const NgramIndex::Match match = state.ngrams.find(tokens);
  const int count = std::min(offer.sequence->tokens_max, options_.tokens_max);
  double chance = 1;
  // A guess that came true makes the match longer.
  for (int token : NgramIndex::follow(tokens, match, count)) {
    const int kind = Acceptance::class_of_match(match.length + int(state.guesses.size()));
    const double share = state.by_match.share(kind, by_match_.share(kind, kMatchPriors[kind]));
    chance *= share;
    state.guesses.push_back({token, kind, chance});
  }
}

// How many tokens a draft of the model should have for so many sequences: the most tokens a second
// at the mean share of guesses that come true.
int Speculator::model_tokens(int drafted, int all) const {
  if (!options_.adapts) return options_.tokens_max;
  const double share = model_.share(0, kModelPrior), one = draft_cost_.seconds(drafted);
  int best = 0;
  double gain = 0, chance = 1, rate = all / cost_.seconds(all);
  for (int k = 1; k <= options_.tokens_max; ++k) {
    chance *= share;
    gain += drafted * chance;
    const double drafting = draft_->drafts_blocks() ? one : k * one;
    const double speed = (all + gain) / (cost_.seconds(all + k * drafted) + drafting);
    if (speed > rate) best = k, rate = speed;
  }
  return best;
}

// For the sequences whose text promises less than the model does.
void Speculator::guess_by_model(const std::vector<Offer>& offers) {
  std::vector<DraftedSequence> sequences;
  std::vector<State*> states;
  const double share = model_.share(0, kModelPrior);
  for (const Offer& offer : offers) {
    const bool has_better = !offer.state->guesses.empty() && offer.state->guesses[0].chance > share;
    if (has_better || offer.sequence->tokens_max == 0) continue;
    sequences.push_back(*offer.sequence);
    states.push_back(offer.state);
  }
  if (sequences.empty()) return;
  int count = model_tokens(int(sequences.size()), int(offers.size()));
  if (count == 0 && ++model_skipped_ < kRetry) return;
  model_skipped_ = 0;
  count = std::max(count, 1);
  draft_->begin(sequences);
  std::vector<int> wanted(sequences.size());
  std::iota(wanted.begin(), wanted.end(), 0);
  std::vector<double> chances(sequences.size(), 1);
  for (int k = 0; k < count && !wanted.empty(); ++k) {
    const int64_t began = monotonic_ns();
    const std::vector<Drafter::Guess> guesses = draft_->next(wanted);
    if (draft_->rows() > 0 && draft_->rows() <= PassCost::kRowsMax)  // more: prompts
      draft_cost_.observe(draft_->rows(), double(monotonic_ns() - began) * 1e-9);
    std::vector<int> going_on;
    for (size_t i = 0; i < wanted.size(); ++i) {
      const int at = wanted[i];
      if (guesses[i].token < 0) continue;
      State& state = *states[size_t(at)];
      if (k == 0) state.guesses.clear(), state.source = Source::model;
      const int kind = Acceptance::class_of_chance(guesses[i].probability);
      double& chance = chances[size_t(at)];
      chance *= by_chance_.share(kind, kChancePriors[kind]);
      state.guesses.push_back({guesses[i].token, kind, chance});
      const bool is_wanted = k + 1 < sequences[size_t(at)].tokens_max;
      if (is_wanted && (chance > kUseful || !options_.adapts)) going_on.push_back(at);
    }
    wanted = std::move(going_on);
  }
}

// The guesses of all sequences, the most promising first, as many as give the most tokens a second.
// Chances fall along a draft, so what is taken of it is its beginning.
void Speculator::choose(std::span<const Offer> offers, int rows_max) {
  struct Candidate {
    double chance;
    size_t offer;
    int token;
  };
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < offers.size(); ++i)
    for (const Guess& guess : offers[i].state->guesses)
      candidates.push_back({guess.chance, i, guess.token});
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.chance > b.chance; });
  if (candidates.size() > size_t(rows_max)) candidates.resize(size_t(rows_max));
  if (options_.adapts && !candidates.empty()) {
    const int all = int(offers.size());
    size_t best = 0;
    double tokens = all, rate = tokens / cost_.seconds(all);
    for (size_t n = 1; n <= candidates.size(); ++n) {
      tokens += candidates[n - 1].chance;
      const double speed = tokens / cost_.seconds(all + int(n));
      if (speed > rate) best = n, rate = speed;
    }
    const bool is_likely = candidates[0].chance > 0.5;
    if (best == 0 && is_likely && ++skipped_ >= kRetry)
      best = std::min<size_t>(candidates.size(), 4);
    if (best > 0) skipped_ = 0;
    candidates.resize(best);
  }
  for (const Candidate& candidate : candidates) drafts_[candidate.offer].push_back(candidate.token);
}

// Guesses that were not verified count too, as far as tokens came: what n-grams promise is known
// without a row spent on it.
void Speculator::learn(SequenceId id, std::span<const int> drawn) {
  const auto found = states_.find(id);
  if (found == states_.end()) return;
  State& state = found->second;
  for (size_t i = 0; i < std::min(drawn.size(), state.guesses.size()); ++i) {
    const Guess& guess = state.guesses[i];
    const bool is_right = guess.token == drawn[i];
    if (state.source == Source::ngram) {
      state.by_match.observe(guess.kind, is_right);
      by_match_.observe(guess.kind, is_right);
    } else {
      by_chance_.observe(guess.kind, is_right);
      model_.observe(0, is_right);
    }
    if (!is_right) break;
  }
  state.guesses.clear();
}

void Speculator::forget(SequenceId id) {
  states_.erase(id);
  if (draft_) draft_->forget(id);
}

}  // namespace weir
