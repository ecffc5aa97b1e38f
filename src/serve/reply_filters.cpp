#include "serve/reply_filters.h"

#include <algorithm>

namespace weir {

void BegunFilter::forbid(std::span<const int> tokens, std::span<const float> logits,
                         std::span<uint8_t> is_forbidden) {
  std::vector<int> reply = begun_;
  reply.insert(reply.end(), tokens.begin() + ptrdiff_t(std::min(prompt_, tokens.size())),
               tokens.end());
  filter_.forbid(reply, logits, is_forbidden);
}

void ThinkingLimit::forbid(std::span<const int> tokens, std::span<const float> logits,
                           std::span<uint8_t> is_forbidden) {
  std::span<const int> thought = tokens.subspan(std::min(prompt_, tokens.size()));
  const bool begins = !thought_.is_open && !thought.empty() && thought[0] == thought_.begin;
  if (begins) thought = thought.subspan(1);
  const bool thinks = (begins || thought_.is_open) &&
                      std::find(thought.begin(), thought.end(), thought_.end) == thought.end();
  if (thinks && thought.size() >= tokens_max_ && size_t(thought_.end) < is_forbidden.size()) {
    std::fill(is_forbidden.begin(), is_forbidden.end(), uint8_t(1));
    is_forbidden[size_t(thought_.end)] = 0;
    return;
  }
  if (then_) then_->forbid(tokens, logits, is_forbidden);
}

}  // namespace weir
