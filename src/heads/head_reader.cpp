#include "heads/head_reader.h"

#include "base/check.h"

namespace weir {

HeadReader::HeadReader(const ProbeHead& head, const ProbeHead* answer, int prompt,
                       PoolMemory* memory, std::string whose)
    : head_(head),
      answer_(answer),
      prompt_tokens_(prompt),
      memory_(memory),
      keys_(std::move(whose)),
      prompt_(head),
      reply_(answer ? *answer : head) {
  CHECK(!answer || answer->block() == head.block());
}

// Where a conversation goes on.
HeadReader::~HeadReader() {
  if (remembers() && taken_ > 0) memory_->keep(keys_.key(taken_), prompt_.state());
}

void HeadReader::take_token(int position, int token) {
  if (!remembers()) return;
  if (position > taken_) {
    const auto state = memory_->find(keys_.key(position));
    if (state) prompt_.set_state(*state);
    misses_some_ = !state;
  }
  if (position == keys_.size()) keys_.add(token);
}

// States are remembered after whole pages, and before the last token of the prompt: that far the
// cache has the rows of a prompt that is asked again.
void HeadReader::take(int position, std::span<const float> hidden) {
  const bool is_reply = position >= prompt_tokens_ && answer_;
  taken_ = position + 1;
  if (!is_reply || remembers()) prompt_.push(hidden);
  if (is_reply) reply_.push(hidden);
  if (remembers() && (taken_ % kCachePage == 0 || taken_ == prompt_tokens_ - 1))
    memory_->keep(keys_.key(taken_), prompt_.state());
}

int HeadReader::may_skip(std::span<const int> tokens, int found) {
  if (!head_.reads_mean()) return found;
  if (!memory_) return 0;
  while (keys_.size() < int(tokens.size())) keys_.add(tokens[size_t(keys_.size())]);
  if (memory_->has(keys_.key(found))) return found;
  int known = found / kCachePage * kCachePage;
  while (known > 0 && !memory_->has(keys_.key(known))) known -= kCachePage;
  return known;
}

}  // namespace weir
