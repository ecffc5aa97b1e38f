// What the model of each stage answered to the same questions, side by side.
#include <fmt/format.h>

#include <algorithm>

#include "report/r1_page.h"
#include "stages/shown_reply.h"

namespace weir {
namespace {

constexpr size_t kQuestionsMax = 24, kOpenQuestions = 6;
constexpr size_t kTextBytes = 3000;  // of each text

struct Answer {
  size_t stage;  // index
  const SampleReply* reply;
};
struct Question {
  const SampleReply* first;
  std::vector<Answer> answers;
};

std::vector<Question> collect(const std::vector<StageReport>& stages) {
  std::vector<Question> questions;
  for (size_t i = 0; i < stages.size(); ++i)
    for (const SampleReply& reply : stages[i].samples) {
      auto found = std::ranges::find_if(questions, [&](const Question& question) {
        return question.first->question == reply.question && question.first->family == reply.family;
      });
      if (found == questions.end()) {
        if (questions.size() == kQuestionsMax) continue;
        questions.push_back({&reply, {}});
        found = questions.end() - 1;
      }
      // One reply per stage; more would not stand side by side.
      if (found->answers.empty() || found->answers.back().stage != i)
        found->answers.push_back({i, &reply});
    }
  return questions;
}

const char* verdict_style(const std::string& verdict) {
  if (verdict == "right") return "right";
  return verdict == "wrong" ? "wrong" : "unclear";
}

std::string answer_html(const StageReport& stage, size_t index, const SampleReply& reply) {
  std::string html = fmt::format(
      "<div class=\"reply c{}\"><p class=\"who\"><b class=\"dot c{}\">{}</b>"
      "<span class=\"verdict {}\">{}</span></p>",
      stage_color(index), stage_color(index), name_html(stage.name), verdict_style(reply.verdict),
      name_html(shown_verdict(reply)));
  if (!reply.thinking.empty())
    html += "<div class=\"thinking\">" + reply_html(reply.thinking, kTextBytes) + "</div>";
  html += reply.answer.empty()
              ? std::string("<div class=\"answer none\">no answer</div>")
              : "<div class=\"answer\">" + reply_html(reply.answer, kTextBytes) + "</div>";
  return html + "</div>";
}

std::string question_html(const std::vector<StageReport>& stages, const Question& question) {
  std::string html = fmt::format(
      "<div class=\"card question\"><p class=\"family\">{}</p><div class=\"asked\">{}</div>",
      name_html(question.first->family), reply_html(question.first->question, kTextBytes));
  if (!question.first->gold.empty())
    html += "<p class=\"gold\">expected <b>" + reply_html(question.first->gold, 300) + "</b></p>";
  html += "<div class=\"replies\">";
  for (const Answer& answer : question.answers)
    html += answer_html(stages[answer.stage], answer.stage, *answer.reply);
  return html + "</div></div>";
}

}  // namespace

std::string replies_html(const std::vector<StageReport>& stages) {
  const std::vector<Question> questions = collect(stages);
  if (questions.empty()) return "";
  std::string html = "<section><h2>The same questions, stage by stage</h2>";
  for (size_t i = 0; i < questions.size(); ++i) {
    if (i == kOpenQuestions)
      html += fmt::format("<details class=\"others\"><summary>{} more questions</summary>",
                          questions.size() - kOpenQuestions);
    html += question_html(stages, questions[i]);
  }
  if (questions.size() > kOpenQuestions) html += "</details>";
  return html + "</section>\n";
}

}  // namespace weir
