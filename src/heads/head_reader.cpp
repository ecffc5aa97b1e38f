#include "heads/head_reader.h"

#include "base/check.h"

namespace weir {

HeadReader::HeadReader(const Head& head, const Head* answer, int prompt)
    : block_(head.block()),
      prompt_tokens_(prompt),
      prompt_(head.begin()),
      answer_(answer ? answer->begin() : nullptr) {
  CHECK(!answer || answer->block() == head.block());
}

void HeadReader::take(int position, std::span<const float> hidden) {
  taken_ = position + 1;
  if (position < prompt_tokens_ || !answer_)
    prompt_->push(hidden);
  else
    answer_->push(hidden);
}

}  // namespace weir
