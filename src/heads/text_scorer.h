// A model that scores whole texts for a policy, beside the one that is trained: by the policy's
// heads on its hidden states, and as the policy's judge.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "chat/chat_form.h"
#include "chat/open_model.h"
#include "guard/judge.h"
#include "heads/probe_head.h"

namespace weir {

class TextScorer {
 public:
  // `model`: a folder or .gguf file. The policy outlives it. Errors: heads of which none belongs to
  // the model, a judge that is another model than "self".
  static Result<std::unique_ptr<TextScorer>> open(const Policy& policy, const std::string& model,
                                                  int threads);
  // Null where the policy has no heads, or the file has none for answers.
  const ProbeHead* prompt_head() const { return heads_.open ? heads_.open->prompt.get() : nullptr; }
  const ProbeHead* answer_head() const { return heads_.open ? heads_.open->answer.get() : nullptr; }
  const PolicyHead& how() const { return *heads_.how; }

  struct Text {
    Json messages;            // OpenAI's, up to where the model answers
    std::string answer = {};  // not empty, of answer_scores()
  };
  // Scores of the heads' categories, one text after the other.
  Result<std::vector<float>> prompt_scores(std::span<const Text> texts);
  // The highest at any of the answer's lengths that heads are trained at.
  Result<std::vector<float>> answer_scores(std::span<const Text> texts);
  // P(Yes) of each question.
  Result<std::vector<double>> judge(std::span<const JudgePrompt> questions);

 private:
  explicit TextScorer(OpenModel open, ChatForm form)
      : open_(std::move(open)), form_(std::move(form)) {}
  Result<std::vector<float>> scores(std::span<const Text> texts, const ProbeHead& head,
                                    bool of_answers);

  const OpenModel open_;
  const ChatForm form_;
  PolicyHeads heads_;
};

}  // namespace weir
