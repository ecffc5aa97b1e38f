// Feeds a stream of scores from the engine: the prompt's hidden states to one, the reply's to
// another. On the engine's thread; whoever reads scores does so between its steps.
#pragma once
#include <memory>
#include <span>

#include "engine/hidden_reader.h"
#include "guard/head.h"

namespace weir {

class HeadReader : public HiddenReader {
 public:
  // `answer` may be null; the heads read the same block and outlive this. `prompt`: tokens of it.
  HeadReader(const Head& head, const Head* answer, int prompt);
  int block() const override { return block_; }
  void take(int position, std::span<const float> hidden) override;

  // After the prompt; zeros before its last token.
  std::span<const float> prompt_scores() const { return prompt_->scores(); }
  // Of the reply so far; without a head of its own that of prompts goes on over the reply.
  std::span<const float> answer_scores() const {
    return answer_ ? answer_->scores() : prompt_->scores();
  }
  bool has_answer() const { return answer_ != nullptr; }
  bool has_prompt() const { return taken_ >= prompt_tokens_; }

 private:
  const int block_, prompt_tokens_;
  int taken_ = 0;
  std::unique_ptr<HeadStream> prompt_, answer_;
};

}  // namespace weir
