// Scores of prompts: what the model would have given each token of a text, as evaluations ask for.
#include <algorithm>

#include "base/zones.h"
#include "engine/engine.h"

namespace weir {

// Logits of so many rows at once as a pass has memory for. Rows that a preempted sequence reads
// again are scored already.
void Engine::score_prompts(Run& run, Tensor hidden, const std::vector<Row>& rows) {
  const Zone zone("score prompts");
  std::vector<int> scored;
  for (size_t r = 0; r < rows.size(); ++r) {
    Sequence* sequence = slots_[size_t(rows[r].slot)].sequence;
    if (!sequence || !sequence->scores_prompt()) continue;
    std::vector<TokenScore>& scores = sequence->prompt_scores;
    for (size_t t = scores.size(); t <= sequence->unneeded_rows(); ++t)
      scores.push_back({.token = sequence->tokens[t], .is_scored = false});
    const size_t next = size_t(rows[r].position) + 1;
    if (next != scores.size() || next >= sequence->prompt) continue;
    scores.push_back({.token = sequence->tokens[next]});
    scored.push_back(int(r));
  }
  const size_t together = size_t(options_.logit_rows_max());
  for (size_t at = 0; at < scored.size(); at += together) {
    const ArenaScope scope(arena_);
    const std::vector<int> some(scored.begin() + ptrdiff_t(at),
                                scored.begin() + ptrdiff_t(std::min(at + together, scored.size())));
    const Tensor logits = model_.logits(run, hidden, some);
    pool_.parallel_for(int(some.size()), [&](int i, int thread) {
      const Row& row = rows[size_t(some[size_t(i)])];
      Sequence& sequence = *slots_[size_t(row.slot)].sequence;
      TokenScore& score = sequence.prompt_scores[size_t(row.position) + 1];
      score = samplers_[size_t(thread)].score({logits.row(i), size_t(logits.cols)}, score.token,
                                              sequence.request.sampling.top_log_probabilities);
    });
  }
}

}  // namespace weir
