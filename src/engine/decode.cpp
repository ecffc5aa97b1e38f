// Running sequences in a pass: rows for their last tokens and for guesses of the next ones, and
// after it the draws, which tell how many of the guesses came true.
#include <algorithm>
#include <utility>

#include "base/zones.h"
#include "engine/engine.h"

namespace weir {

// Guesses take only pages that nobody will need soon: one for each running sequence stays free.
void Engine::add_guesses(const std::vector<Sequence*>& running, std::vector<Row>& rows) {
  std::span<const std::vector<int>> guesses;
  if (speculator_) {
    std::vector<DraftedSequence> sequences;
    for (const Sequence* sequence : running) {
      const int computed = int(slots_[size_t(sequence->slot)].cached.size());
      const int wanted = sequence->request.tokens_max - int(sequence->drawn()) - 1;
      const int room = cache_.positions_max() - computed - 1;
      sequences.push_back({sequence->id, sequence->tokens, sequence->prompt, &sequence->request,
                           std::max(0, std::min(wanted, room))});
    }
    guesses = speculator_->draft(sequences, kGuessesMax);
  }
  for (size_t i = 0; i < running.size(); ++i) {
    const int slot = running[i]->slot, position = int(slots_[size_t(slot)].cached.size());
    rows.push_back({slot, running[i]->tokens.back(), position, true});
    int count = guesses.empty() ? 0 : int(guesses[i].size());
    const int64_t bytes = cache_.bytes_to_take(slot, position + 1 + count);
    const int64_t spare = int64_t(running.size()) * int64_t(cache_.page_bytes_least());
    if (bytes > 0 && !prefixes_.make_room(bytes + spare))
      count = std::min(count, cache_.capacity(slot) - position - 1);
    if (count == 0) continue;
    CHECK(cache_.reserve_pages(slot, position + 1 + count).has_value());
    for (int k = 0; k < count; ++k)
      rows.push_back({slot, guesses[i][size_t(k)], position + 1 + k, true, true});
  }
}

// The rows of logits are those of `sampled`. All draws of a sequence are made at once, each as if
// the guesses before it were true. A filter is asked for true ones only, one after the other.
void Engine::draw(Tensor logits, const std::vector<Row>& rows, const std::vector<int>& sampled) {
  const Zone zone("sample");
  std::vector<Draws> all;
  for (size_t i = 0; i < sampled.size(); ++i) {
    const Row& row = rows[size_t(sampled[i])];
    Sequence* sequence = slots_[size_t(row.slot)].sequence;
    if (!row.is_guess) all.push_back({sequence, sequence->tokens.size(), int(i), 0, int(i)});
    ++all.back().count;
    if (row.is_guess) sequence->tokens.push_back(row.token);
  }
  const size_t leaders = all.size();
  int results = int(sampled.size());
  for (size_t i = 0; i < leaders; ++i)
    for (Sequence* follower : all[i].sequence->followers)
      all.push_back({follower, follower->tokens.size(), all[i].first, 1, results++});
  struct Task {
    const Draws* draws;
    int begin, end;
  };
  std::vector<Task> tasks;
  for (const Draws& draws : all) {
    const int together = draws.sequence->request.token_filter ? draws.count : 1;
    for (int i = 0; i < draws.count; i += together) tasks.push_back({&draws, i, i + together});
  }
  results_.assign(size_t(results), {});
  pool_.parallel_for(int(tasks.size()), [&](int t, int thread) {
    const auto [draws, begin, end] = tasks[size_t(t)];
    for (int i = begin; i < end; ++i) {
      const int at = draws->first + i;
      draw_token(*draws, i, {logits.row(at), size_t(logits.cols)}, thread);
      if (i + 1 < end && results_[size_t(draws->result + i)].token.token !=
                             draws->sequence->tokens[draws->known + size_t(i)])
        break;
    }
  });
  // Followers first: a leader that ends gives up its rows.
  for (const Draws& draws : std::span(all).subspan(leaders))
    accept_follower(draws, results_[size_t(draws.first)].token.token);
  for (const Draws& draws : std::span(all).first(leaders)) accept(draws, rows, sampled);
}

// A follower parts where its token is not that of its leader.
void Engine::accept_follower(const Draws& draws, int leader_token) {
  Sequence& follower = *draws.sequence;
  Drawn& drawn = drawn_.emplace_back(std::move(results_[size_t(draws.result)]));
  take(follower, drawn);
  ++statistics_.joined_tokens;
  if (drawn.is_last) {
    std::vector<uint16_t> experts = end(follower);
    if (drawn.reason != FinishReason::failed) drawn.experts = std::move(experts);
  } else if (drawn.token.token != leader_token) {
    part(follower);
  }
}

// The draw after `i` guesses.
void Engine::draw_token(const Draws& draws, int i, std::span<const float> logits, int thread) {
  const Sequence& sequence = *draws.sequence;
  const TokenRequest& request = sequence.request;
  const auto tokens = std::span<const int>(sequence.tokens).first(draws.known + size_t(i));
  const size_t drawn_before = tokens.size() - sequence.prompt;
  std::vector<uint8_t>& forbidden = forbidden_[size_t(thread)];
  forbidden.clear();
  if (request.token_filter) {
    forbidden.resize(size_t(options_.drawable));
    request.token_filter->forbid(tokens, logits, forbidden);
  }
  auto token = samplers_[size_t(thread)].sample(logits, request.sampling, request.stream,
                                                drawn_before, forbidden, {tokens, sequence.prompt});
  Drawn& drawn = results_[size_t(draws.result + i)];
  drawn.sequence = sequence.id;
  if (token)
    drawn.token = *std::move(token);
  else
    drawn.error =
        "token " + std::to_string(drawn_before + 1) + ": " + std::move(token).error().message;
  // Rows of experts that could not be read are not finite.
  if (!drawn.error.empty())
    if (std::string failure = model_.failure(); !failure.empty()) drawn.error = std::move(failure);
}

// Takes the drawn tokens up to the first that is not the guessed one, and the cached rows of those.
void Engine::accept(const Draws& draws, const std::vector<Row>& rows,
                    const std::vector<int>& sampled) {
  Sequence& sequence = *draws.sequence;
  const int slot = sequence.slot;
  sequence.tokens.resize(draws.known);
  const size_t before = drawn_.size();
  for (int i = 0; i < draws.count; ++i) {
    Drawn& drawn = drawn_.emplace_back(std::move(results_[size_t(draws.result + i)]));
    take(sequence, drawn);
    const bool is_guessed =
        i + 1 < draws.count &&
        rows[size_t(sampled[size_t(draws.first + i + 1)])].token == drawn.token.token;
    if (drawn.is_last || !is_guessed) break;
    ++statistics_.accepted_tokens;
  }
  const size_t taken = drawn_.size() - before;
  Slot& cached = slots_[size_t(slot)];
  cached.resize(cached.cached.size() - size_t(draws.count) + taken, trace_.row_size());
  cache_.truncate(slot, int(cached.cached.size()));
  if (speculator_)
    speculator_->learn(sequence.id, std::span<const int>(sequence.tokens).subspan(draws.known));
  Drawn& last = drawn_.back();
  if (!last.is_last) return;
  const bool is_failed = last.reason == FinishReason::failed;  // nobody continues from such rows
  std::vector<uint16_t> experts = end(sequence, !is_failed);
  if (!is_failed) last.experts = std::move(experts);
}

// Shows the rows that stay to the part of the model that guesses from them.
void Engine::absorb(Tensor states, const std::vector<Row>& rows) {
  std::vector<KnownRow> kept;
  for (size_t r = 0; r < rows.size(); ++r) {
    const Slot& slot = slots_[size_t(rows[r].slot)];
    const int position = rows[r].position;
    if (!slot.sequence || position >= int(slot.cached.size())) continue;
    const int next = slot.sequence->tokens[size_t(position) + 1];
    kept.push_back({slot.sequence->id, rows[r].slot, position, next, int(r)});
  }
  further_->absorb(states, kept);
}

// The sequence's next token, and whether it is the last.
void Engine::take(Sequence& sequence, Drawn& drawn) const {
  const std::vector<int>& ends = sequence.request.stop_ids;
  if (!drawn.error.empty()) {
    drawn.reason = FinishReason::failed;
    drawn.is_last = true;
    return;
  }
  drawn.reused_tokens = sequence.reused;
  drawn.prompt_scores = std::exchange(sequence.prompt_scores, {});
  sequence.tokens.push_back(drawn.token.token);
  const bool is_end = std::find(ends.begin(), ends.end(), drawn.token.token) != ends.end();
  drawn.is_last = is_end || int(sequence.drawn()) == sequence.request.tokens_max ||
                  int(sequence.tokens.size()) > cache_.positions_max();
  if (is_end) drawn.reason = FinishReason::end;
}

}  // namespace weir
