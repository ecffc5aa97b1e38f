// A reader of hidden states whose results depend on all tokens of a text, and which remembers what
// it needs of beginnings that were read before.
#pragma once
#include <span>

#include "engine/hidden_reader.h"

namespace weir {

class ResumingReader : public HiddenReader {
 public:
  // Before take(): the token at that position.
  virtual void take_token(int position, int token) = 0;
  // The rows of the first `found` of a sequence's tokens are in the cache: how many of these may be
  // left out. Fewer than all are rounded down to whole pages; the others are computed again. Asked
  // whenever the sequence looks for a place, on the engine's thread.
  virtual int may_skip(std::span<const int> tokens, int found) = 0;
};

}  // namespace weir
