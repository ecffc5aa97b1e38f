// A filter before the draw: grammars, banned words, ends that come too early.
#pragma once
#include <cstdint>
#include <span>

namespace weir {

class TokenFilter {
 public:
  virtual ~TokenFilter() = default;
  // Called before every draw of a sequence, on a thread of the pool; a filter that several
  // sequences have is called for them at the same time. `tokens`: the prompt and what was drawn.
  // Sets is_forbidden[id] to 1 for tokens that must not be drawn; it comes as zeros, one for each
  // id that may be drawn at all.
  virtual void forbid(std::span<const int> tokens, std::span<const float> logits,
                      std::span<uint8_t> is_forbidden) = 0;
};

}  // namespace weir
