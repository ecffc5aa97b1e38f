// Questions that a base did not answer: kept in it, grouped by what they ask, and written as a FAQ
// draft for a person to complete.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "knowledge/knowledge_search.h"

namespace weir {

struct UnansweredQuestion {
  std::string question, reason;
  int64_t asked = 0;  // seconds since 1970
};
// `conversation`: JSON, or "". At most 10,000 questions are kept, the latest.
Result<void> note_unanswered(const std::string& base, const UnansweredQuestion& question,
                             std::string_view conversation);
Result<std::vector<UnansweredQuestion>> unanswered_questions(const KnowledgeBase& base);

// Questions with at least half of their content words in common; the largest group first, its
// latest question first.
std::vector<std::vector<UnansweredQuestion>> group_questions(
    std::vector<UnansweredQuestion> questions);

// Markdown: a section for each group with how often it was asked, the other wordings, the nearest
// parts of the documents, and room for the answer.
Result<std::string> faq_draft(KnowledgeSearch& search,
                              const std::vector<std::vector<UnansweredQuestion>>& groups);

}  // namespace weir
