// What a model is asked for an answer: the question and numbered sources, marked off as data.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "knowledge/knowledge_search.h"

namespace weir {

struct AnswerPrompt {
  std::string system, user;
};

// The answer is to cite the sources as [1], [2] ..., or to be kNoAnswer alone. Nothing in a source
// can end its mark; what instructs whoever reads it (text/instructions.h) is left out.
AnswerPrompt answer_prompt(std::string_view question, std::span<const FoundChunk> sources);
constexpr const char* kNoAnswer = "NO ANSWER";

// Whether the sources answer the question; the answer begins with yes or no.
AnswerPrompt judge_prompt(std::string_view question, std::span<const FoundChunk> sources);

// Asks for a question that the source answers: how probable the real one is as a reply tells how
// well the source fits it (Sachan et al., 2022, arXiv:2204.07496). In the question's language.
AnswerPrompt question_prompt(std::string_view question, const FoundChunk& source);

}  // namespace weir
