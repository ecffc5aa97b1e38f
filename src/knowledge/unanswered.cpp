#include "knowledge/unanswered.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "knowledge/answer.h"
#include "knowledge/words.h"

namespace weir {
namespace {

constexpr int kQuestionsMax = 10000;
constexpr size_t kQuestionBytesMax = 4096;
constexpr size_t kWordingsShown = 10;
constexpr size_t kGroupsMax = 500;  // against which a question is compared

// One line, in which Markdown marks nothing.
std::string plain(std::string_view text, size_t bytes_max) {
  std::string out;
  for (char c : printable(text, bytes_max)) {
    if (std::string_view("\\`*_[]<>#|").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

Result<void> note_unanswered(const std::string& path, const UnansweredQuestion& question,
                             std::string_view conversation) {
  const KnowledgeBase base = TRY(KnowledgeBase::open(path, Database::Access::write));
  Transaction transaction = TRY(Transaction::begin(base.database()));
  Statement add = TRY(base.database().prepare(
      "INSERT INTO questions(asked, question, reason, conversation) VALUES(?, ?, ?, ?)"));
  const std::string text = question.question.substr(0, kQuestionBytesMax);
  TRY(add.bind(question.asked, text, question.reason, conversation).run());
  Statement cut = TRY(base.database().prepare(
      "DELETE FROM questions WHERE id <= (SELECT max(id) FROM questions) - ?"));
  TRY(cut.bind(kQuestionsMax).run());
  return transaction.commit();
}

Result<std::vector<UnansweredQuestion>> unanswered_questions(const KnowledgeBase& base) {
  std::vector<UnansweredQuestion> questions;
  Statement all = TRY(
      base.database().prepare("SELECT question, reason, asked FROM questions ORDER BY id DESC"));
  while (TRY(all.step())) questions.push_back({all.text(0), all.text(1), all.integer(2)});
  return questions;
}

std::vector<std::vector<UnansweredQuestion>> group_questions(
    std::vector<UnansweredQuestion> questions) {
  std::vector<std::vector<UnansweredQuestion>> groups;
  std::vector<std::vector<std::string>> words;  // of each group's first question
  for (UnansweredQuestion& question : questions) {
    const std::vector<std::string> own = content_words(question.question);
    size_t best = groups.size();
    double best_likeness = 0.5;
    for (size_t i = 0; i < std::min(groups.size(), kGroupsMax); ++i) {
      const double like = own == words[i] ? 1 : word_likeness(own, words[i]);
      if (like < best_likeness) continue;
      best_likeness = like;
      best = i;
    }
    if (best == groups.size()) {
      groups.emplace_back();
      words.push_back(own);
    }
    groups[best].push_back(std::move(question));
  }
  std::ranges::stable_sort(groups, std::ranges::greater(),
                           [](const auto& group) { return group.size(); });
  return groups;
}

Result<std::string> faq_draft(KnowledgeSearch& search,
                              const std::vector<std::vector<UnansweredQuestion>>& groups) {
  std::string text = "# Questions that the documents did not answer\n";
  for (const std::vector<UnansweredQuestion>& group : groups) {
    text += fmt::format("\n## {}\n\nAsked {} time{}.", plain(group[0].question, 400), group.size(),
                        group.size() == 1 ? "" : "s");
    std::vector<std::string> wordings = {group[0].question};
    for (const UnansweredQuestion& question : group)
      if (std::ranges::find(wordings, question.question) == wordings.end())
        wordings.push_back(question.question);
    if (wordings.size() > 1) text += " Also asked as:\n";
    for (size_t i = 1; i < std::min(wordings.size(), kWordingsShown); ++i)
      text += fmt::format("\n- {}", plain(wordings[i], 400));
    text += "\n\nNearest in the documents:\n";
    for (const FoundChunk& chunk : TRY(search.search(group[0].question, {.count = 2})))
      text += fmt::format("\n- {}", plain(source_text(chunk), 300));
    text += "\n\nAnswer: (to be written)\n";
  }
  return text;
}

}  // namespace weir
