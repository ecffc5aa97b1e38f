// For tests of drafters that read the model's own states (engine/drafter.h).
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/random.h"
#include "engine/drafter.h"

namespace weir {

using StateRows = std::vector<std::vector<float>>;

inline StateRows rows_of(Tensor x) {
  StateRows rows;
  for (int i = 0; i < x.rows; ++i) rows.emplace_back(x.row(i), x.row(i) + x.cols);
  return rows;
}

// A text becomes known, some tokens at a time; the drafter absorbs the states of all but the last
// of them and begins a round. body(seen) then asks it to guess how the tokens seen go on. Of a text
// that it has forgotten it guesses nothing.
template <class Body>
void guess_as_tokens_become_known(StateDrafter& draft, const std::vector<int>& tokens,
                                  const StateRows& states, const Body& body) {
  TokenRequest request;
  request.sampling.temperature = 0;
  Random random(4, 0);
  const size_t width = states[0].size();
  for (size_t known = 0; known + 1 < tokens.size();) {
    const size_t end = std::min(tokens.size() - 1, known + 1 + random.below(7));
    Arena arena(size_t(1) << 20);
    Tensor rows{
        arena.floats((end - known) * width), nullptr, nullptr, int(end - known), int(width), width};
    std::vector<KnownRow> kept;
    for (size_t p = known; p < end; ++p) {
      std::memcpy(rows.row(int(p - known)), states[p].data(), sizeof(float) * width);
      kept.push_back({9, 1, int(p), tokens[p + 1], int(p - known)});
    }
    draft.absorb(rows, kept);
    known = end;
    const std::span<const int> seen = std::span(tokens).first(known + 1);
    const DraftedSequence sequence{9, seen, 1, &request, 10};
    draft.begin({&sequence, 1});
    body(seen);
    if (testing::Test::HasFatalFailure()) return;
  }
  draft.forget(9);
  const DraftedSequence sequence{9, tokens, 1, &request, 10};
  draft.begin({&sequence, 1});
  const int wanted[] = {0};
  EXPECT_EQ(draft.next(wanted)[0].token, -1);
}

}  // namespace weir
