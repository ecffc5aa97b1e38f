#include "heads/head_watch.h"

namespace weir {

// Heads for answers that read another block than those for prompts can not watch the same pass.
HeadWatch::HeadWatch(std::shared_ptr<const OpenHeads> heads, int prompt, std::string whose)
    : heads_(std::move(heads)),
      prompt_(prompt),
      reader_(*heads_->prompt,
              heads_->answer && heads_->answer->block() == heads_->prompt->block()
                  ? heads_->answer.get()
                  : nullptr,
              prompt, heads_->memory.get(), std::move(whose)) {}

void HeadWatch::take(int position, std::span<const float> hidden) {
  reader_.take(position, hidden);
  if (position + 1 < prompt_) return;
  const bool is_prompt = position + 1 == prompt_;
  std::vector<float> scores;
  if (is_prompt || reader_.has_answer()) {
    const std::span<const float> now =
        is_prompt ? reader_.prompt_scores() : reader_.answer_scores();
    scores.assign(now.begin(), now.end());
  }
  std::lock_guard lock(mutex_);
  scores_.resize(size_t(position + 1 - prompt_));
  scores_.push_back(std::move(scores));
}

std::vector<float> HeadWatch::scores(size_t number) const {
  std::lock_guard lock(mutex_);
  return number < scores_.size() ? scores_[number] : std::vector<float>();
}

}  // namespace weir
