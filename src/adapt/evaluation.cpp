#include "adapt/evaluation.h"

#include <algorithm>
#include <cmath>

#include "adapt/answer_score.h"
#include "base/file.h"
#include "base/text.h"
#include "stages/scores.h"

namespace weir {
namespace {

constexpr int kAnswerTokens = 128;
constexpr const char* kAlone = "Answer the question in one or two short sentences.";
constexpr const char* kAloneChinese = "用一两句话回答问题。";

Ask ask_of(Arm arm, const EvaluationCase& c) {
  Ask ask;
  ask.tokens_max = kAnswerTokens;
  ask.base_alone = !uses_adapter(arm);
  if (uses_knowledge(arm)) {
    AnswerPrompt prompt = answer_prompt(c.question, c.sources);
    ask.system = std::move(prompt.system);
    ask.text = std::move(prompt.user);
  } else {
    ask.system = c.language == "zh" ? kAloneChinese : kAlone;
    ask.text = c.question;
  }
  return ask;
}

bool is_right_answer(const EvaluationCase& c, const std::string& text) {
  return score_answer(text, c.expected, c.question).is_right ||
         (!c.evidence.empty() && states_evidence(text, c.evidence));
}

// Right is the chunk or the document of the question, and a source that states what is expected.
Citation citation_of(const EvaluationCase& c, const FoundChunk& source) {
  Citation citation{.chunk = source.chunk};
  if (c.expected.empty()) return citation;
  citation.states = is_right_answer(c, source.text);
  const bool is_document = !c.document.empty() && base_name(source.document) == c.document;
  citation.is_right = citation.states || is_document || (c.chunk != 0 && source.chunk == c.chunk);
  return citation;
}

CaseAnswer judge_with_sources(const EvaluationCase& c, const std::string& reply,
                              const Calibration& calibration, Quotes quotes) {
  Answer answer;
  answer.sources = c.sources;
  answer.passages = c.passages;
  answer.score = c.score;
  AskOptions options;
  options.calibration = calibration;
  options.quotes = quotes;
  check_reply(reply, options, answer);
  CaseAnswer out;
  out.is_refused = answer.refusal != Refusal::none || c.score < calibration.threshold;
  if (out.is_refused) return out;
  for (const AnswerSentence& sentence : answer.sentences) {
    out.text += (out.text.empty() ? "" : " ") + sentence.text;
    if (sentence.evidence.text < 0) continue;
    out.citations.push_back(citation_of(c, c.sources[size_t(sentence.evidence.text)]));
  }
  return out;
}

}  // namespace

const char* arm_name(Arm arm) {
  switch (arm) {
    case Arm::base:
      return "base";
    case Arm::base_knowledge:
      return "base + knowledge";
    case Arm::adapted:
      return "adapted";
    case Arm::adapted_knowledge:
      return "adapted + knowledge";
  }
  return "";
}

std::string way_name(const Way& way) {
  if (way.asks_nobody) return "quotes alone";
  std::string name = arm_name(way.arm);
  if (way.quotes == Quotes::fallback) name += ", else quotes";
  if (way.quotes == Quotes::beside) name += " and quotes";
  return name;
}

Way way_named(const std::string& name) {
  for (const Way& way : kWays)
    if (way_name(way) == name) return way;
  return kWays.back();
}

CaseAnswer judge_reply(const Way& way, const EvaluationCase& c, const std::string& reply,
                       const Calibration& calibration) {
  CaseAnswer answer;
  if (uses_knowledge(way.arm)) {
    answer = judge_with_sources(c, way.asks_nobody ? "" : reply, calibration, way.quotes);
  } else {
    answer.text = reply;
    answer.is_refused = trim(answer.text).empty() || trim(answer.text) == kNoAnswer;
  }
  answer.reply = reply;
  answer.is_right = c.expected.empty() ? answer.is_refused
                                       : !answer.is_refused && is_right_answer(c, answer.text);
  return answer;
}

Result<bool> answer_cases(Arm arm, std::span<const EvaluationCase> cases,
                          const Calibration& calibration, const AskModel& ask,
                          std::vector<CaseAnswer>& answers) {
  std::vector<Ask> asked;
  for (const EvaluationCase& c : cases) asked.push_back(ask_of(arm, c));
  const auto replies = TRY(ask(asked));
  if (!replies) return false;
  for (size_t i = 0; i < cases.size(); ++i)
    answers.push_back(judge_reply({arm}, cases[i], (*replies)[i].text, calibration));
  return true;
}

ArmScore score_arm(std::span<const EvaluationCase> cases, std::span<const CaseAnswer> answers) {
  ArmScore score;
  for (size_t i = 0; i < answers.size(); ++i) {
    const CaseAnswer& answer = answers[i];
    const auto right = int(std::ranges::count(answer.citations, true, &Citation::is_right));
    score.cited += int(answer.citations.size());
    score.cited_rightly += right;
    score.cited_stating += int(std::ranges::count(answer.citations, true, &Citation::states));
    score.with_right_citation += right > 0;
    if (cases[i].expected.empty()) {
      ++score.unanswerable;
      score.refused_rightly += answer.is_refused;
    } else {
      ++score.answerable;
      score.right += answer.is_right;
      score.refused_wrongly += answer.is_refused;
    }
  }
  return score;
}

void refuse(const EvaluationCase& c, CaseAnswer& answer) {
  answer = {.is_refused = true, .is_right = c.expected.empty()};
}

bool answers_more(const ArmScore& one, const ArmScore& other) {
  const auto share = [](const ArmScore& score) {
    return score.answerable > 0 ? double(score.right) / score.answerable : 0;
  };
  return share(one) > share(other);
}

std::optional<double> threshold_of(std::span<const EvaluationCase> cases,
                                   std::span<const CaseAnswer> answers, double error_rate) {
  constexpr double kRefused = -1;  // below every score
  std::vector<double> scores;
  for (size_t i = 0; i < answers.size(); ++i)
    if (cases[i].expected.empty())
      scores.push_back(answers[i].is_refused ? kRefused : cases[i].score);
  std::sort(scores.begin(), scores.end());
  const double wanted = std::ceil((1 - error_rate) * double(scores.size() + 1));
  if (wanted > double(scores.size())) return {};
  const double score = scores[size_t(std::max(wanted, 1.)) - 1];
  return score == kRefused ? 0 : std::nextafter(score, 2.);
}

Json arm_score_json(const std::string& name, const ArmScore& score) {
  Json json = Json::object();
  json.set("arm", name);
  json.set("answerable", int64_t(score.answerable));
  json.set("right", int64_t(score.right));
  json.set("refused_wrongly", int64_t(score.refused_wrongly));
  json.set("unanswerable", int64_t(score.unanswerable));
  json.set("refused_rightly", int64_t(score.refused_rightly));
  json.set("cited", int64_t(score.cited));
  json.set("cited_rightly", int64_t(score.cited_rightly));
  json.set("cited_stating", int64_t(score.cited_stating));
  json.set("with_right_citation", int64_t(score.with_right_citation));
  return json;
}

}  // namespace weir
