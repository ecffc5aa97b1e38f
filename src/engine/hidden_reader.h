// Who reads hidden states of a sequence while it runs, such as the guard's heads.
#pragma once
#include <span>

namespace weir {

class HiddenReader {
 public:
  virtual ~HiddenReader() = default;
  // Whose output is read: the residual stream after this block, from 0; -1: what the vocabulary's
  // scores are made of, after the final norm.
  virtual int block() const = 0;
  // Of the token at `position`, [hidden]; each position at most once and in order, on the engine's
  // thread, before the token that follows it is handed out. Positions that were found in the cache
  // are left out, and rows of guesses that did not come true.
  virtual void take(int position, std::span<const float> hidden) = 0;
};

}  // namespace weir
