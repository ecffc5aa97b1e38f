// The models that `weir knowledge` asks: one that writes answers, one that embeds texts.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "adapt/asker.h"
#include "chat/open_model.h"
#include "embed/embedder.h"
#include "knowledge/answer_prompt.h"
#include "knowledge/knowledge_add.h"
#include "knowledge/knowledge_base.h"

namespace weir {

class AnswerModel {
 public:
  static Result<std::unique_ptr<AnswerModel>> open(const std::string& path,
                                                   const ModelOptions& options);
  // The most probable reply, of up to `tokens_max` tokens; an error after Ctrl-C.
  Result<std::string> write(const AnswerPrompt& prompt, int tokens_max = 300);
  // The probability of yes over that of yes and no as the reply's first word.
  Result<double> judge(const AnswerPrompt& prompt);
  // A ChunkScorer: how probable the question is after question_prompt() of each chunk. An error
  // after Ctrl-C.
  Result<std::vector<double>> fit(std::string_view question, std::span<const FoundChunk> chunks);

 private:
  explicit AnswerModel(OpenModel open) : open_(std::move(open)) {}
  Result<AskReply> ask(const AnswerPrompt& prompt, int tokens_max, int top);

  const OpenModel open_;
  std::unique_ptr<Asker> asker_;
};

// The embedding model that a base remembers, once it is needed.
class QuestionEmbedder {
 public:
  // Nothing is opened for a base without vectors.
  static Result<QuestionEmbedder> open(const KnowledgeBase& base, int threads);
  Result<std::vector<float>> embed(const std::string& question);  // empty: the base has no vectors

 private:
  std::unique_ptr<Embedder> embedder_;
  std::string prompt_;
};

// Embeds texts as documents, with the model's prompt of that name if it has one.
TextEmbedder document_embedder(Embedder& embedder);

}  // namespace weir
