// The stages of `weir adapt` that ask held-out questions: calibration and evaluation.
#include <fmt/format.h>

#include <algorithm>

#include "adapt/adapt_stages.h"
#include "adapt/evaluation.h"
#include "base/atomic_output.h"
#include "base/clock.h"
#include "base/progress.h"
#include "base/stop_signal.h"
#include "stages/scores.h"
#include "tasks/problem_file.h"

namespace weir {
namespace {

constexpr size_t kCasesAtOnce = 8;
constexpr int kCalibrationMax = 60;
// Of the evaluated questions: asked once more without the chunk that answers.
constexpr double kUnanswerableShare = 0.4;

// A question as the bot meets it: what a search shows for it, with its own chunk or without.
Result<EvaluationCase> case_of(const MadeQuestion& question, bool is_answerable,
                               const AdaptContext& context, const Calibration& calibration,
                               KnowledgeSearch& search) {
  const SourcesOptions options{.shown = context.options.sources,
                               .searched = context.options.searched,
                               .is_shuffled = false,
                               .seed = uint64_t(context.options.seed)};
  QuestionWithSources shown =
      TRY(choose_sources(question, is_answerable, options, search_of(search), weigh_of(search)));
  EvaluationCase c;
  c.question = question.question;
  c.language = question.language;
  c.expected = is_answerable ? question.answer : "";
  c.chunk = question.chunk;
  c.sources = std::move(shown.sources);
  c.passages = std::move(shown.passages);
  c.score =
      answer_score(calibration, signs_of(c.question, TRY(search.weigh(c.question)), shown.found));
  return c;
}

Result<std::vector<EvaluationCase>> made_cases(const AdaptContext& context,
                                               const Calibration& calibration,
                                               KnowledgeSearch& search) {
  std::vector<MadeQuestion> questions = TRY(questions_of(context, QuestionUse::evaluation));
  if (questions.size() > size_t(context.options.evaluated))
    questions.resize(size_t(context.options.evaluated));
  std::vector<EvaluationCase> cases;
  const size_t unanswerable = size_t(double(questions.size()) * kUnanswerableShare + 0.5);
  for (size_t i = 0; i < questions.size(); ++i) {
    cases.push_back(TRY(case_of(questions[i], true, context, calibration, search)));
    if (i < unanswerable)
      cases.push_back(TRY(case_of(questions[i], false, context, calibration, search)));
  }
  return cases;
}

// Rows {"question": ..., "answer": ...}, the answer "" where the documents have none. What a search
// finds is shown, whatever it is.
Result<std::vector<EvaluationCase>> written_cases(const AdaptContext& context,
                                                  const Calibration& calibration,
                                                  KnowledgeSearch& search) {
  std::vector<EvaluationCase> cases;
  if (context.options.questions.empty()) return cases;
  for (const Json& row : TRY(lines_if_any(context.options.questions))) {
    EvaluationCase c;
    c.question = TRY_IN(context.options.questions, row.string_at("question"));
    c.expected = row.text_at("answer");
    c.language = guess_language(c.question) == "zh" ? "zh" : "en";
    c.evidence = row.text_at("evidence");
    c.document = row.text_at("document");
    AskOptions ask;
    ask.search.count = context.options.sources;
    ask.searched = context.options.searched;
    ask.calibration = calibration;
    Answer begun = TRY(find_sources(search, c.question, ask, {}));
    c.sources = std::move(begun.sources);
    c.passages = std::move(begun.passages);
    c.score = begun.score;
    cases.push_back(std::move(c));
  }
  return cases;
}

// Orders the passages of all questions that may be answered as a bot does; false: stopped.
Result<bool> fit_passages(const AdaptContext& context, const AdaptModel& model,
                          std::vector<EvaluationCase>& cases) {
  const double least = context.options.error_rate > 0 ? 0 : Calibration{}.threshold;
  const ChunkScorer fit = model.fit();
  Progress progress("passages", double(cases.size()), "questions");
  for (EvaluationCase& c : cases) {
    if (c.score >= least) {
      auto fits = fit(c.question, passages_to_score(c.question, c.passages, c.sources));
      if (stop_requested()) return false;
      order_by_fit(TRY(fits), c.passages);
    }
    progress.update(double(&c - cases.data() + 1));
  }
  progress.finish();
  return true;
}

Json answer_json(const Way& way, const EvaluationCase& c, const CaseAnswer& answer) {
  Json json = Json::object(), sources = Json::array(), citations = Json::array();
  for (const FoundChunk& source : c.sources) sources.push(source.chunk);
  for (const Citation& one : answer.citations) {
    Json citation = Json::object();
    citation.set("chunk", one.chunk);
    citation.set("is_right", one.is_right);
    citation.set("states", one.states);
    citations.push(std::move(citation));
  }
  json.set("arm", way_name(way));
  json.set("question", c.question);
  json.set("expected", c.expected);
  json.set("answer", answer.text);
  json.set("reply", answer.reply);
  json.set("is_refused", answer.is_refused);
  json.set("is_right", answer.is_right);
  json.set("sources", std::move(sources));
  json.set("citations", std::move(citations));
  json.set("score", c.score);
  return json;
}

// An arm's answers to all cases; false: stopped. `done`: answers before, of the progress.
Result<bool> answer_all(Arm arm, const std::vector<EvaluationCase>& cases,
                        const Calibration& calibration, const AskModel& ask, Progress& progress,
                        double done, std::vector<CaseAnswer>& answers) {
  for (size_t at = 0; at < cases.size(); at += kCasesAtOnce) {
    const std::span<const EvaluationCase> batch =
        std::span(cases).subspan(at, std::min(kCasesAtOnce, cases.size() - at));
    if (!TRY(answer_cases(arm, batch, calibration, ask, answers))) return false;
    progress.update(done + double(answers.size()));
  }
  return true;
}

void set_rates(const ArmScore& score, double error_rate, Calibration& calibration) {
  calibration.error_rate = error_rate;
  calibration.unanswerable = score.unanswerable;
  calibration.answerable = score.answerable;
  if (score.unanswerable > 0)
    calibration.answered_wrongly = 1 - double(score.refused_rightly) / score.unanswerable;
  if (score.answerable > 0)
    calibration.refused_wrongly = double(score.refused_wrongly) / score.answerable;
}

// Each arm refuses below its own threshold.
Result<double> threshold_for(const AdaptContext& context, const Way& way,
                             const Calibration& fitted) {
  const Json* calibrated = context.folder.result("calibration");
  const Json* arms = calibrated ? calibrated->find("arms") : nullptr;
  if (arms)
    for (const Json& one : arms->items())
      if (one.text_at("arm") == way_name(way)) return one.double_at("threshold");
  return fitted.threshold;
}

struct Evaluated {
  Json arms = Json::array();
  std::string lines;  // of answers.jsonl
};

// Every way's answers; false: stopped. An arm is asked once.
Result<bool> run_ways(const AdaptContext& context, const std::vector<EvaluationCase>& cases,
                      const Calibration& fitted, const AskModel& ask, const char* title,
                      Evaluated& out) {
  Progress progress(title, double(cases.size() * kArms.size()), "answers");
  double done = 0;
  for (Arm arm : kArms) {
    std::vector<CaseAnswer> replies;
    if (!TRY(answer_all(arm, cases, fitted, ask, progress, done, replies))) return false;
    done += double(replies.size());
    for (const Way& way : kWays) {
      if (way.arm != arm) continue;
      Calibration calibration = fitted;
      calibration.threshold = TRY(threshold_for(context, way, fitted));
      std::vector<CaseAnswer> answers;
      for (size_t i = 0; i < cases.size(); ++i) {
        answers.push_back(judge_reply(way, cases[i], replies[i].reply, calibration));
        out.lines += answer_json(way, cases[i], answers[i]).dump() + "\n";
      }
      out.arms.push(arm_score_json(way_name(way), score_arm(cases, answers)));
    }
  }
  progress.finish();
  return true;
}

struct Chosen {
  Way way;
  Calibration calibration;
  ArmScore score;
};

// A way with its threshold, and what it comes to with it.
Chosen calibrated_way(const Way& way, const std::vector<EvaluationCase>& cases,
                      const std::vector<CaseAnswer>& replies, double error_rate) {
  Chosen one{way, {}, {}};
  std::vector<CaseAnswer> answers;
  Calibration open;
  open.threshold = 0;
  for (size_t i = 0; i < cases.size(); ++i)
    answers.push_back(judge_reply(way, cases[i], replies[i].reply, open));
  if (error_rate > 0)
    if (const auto threshold = threshold_of(cases, answers, error_rate))
      one.calibration.threshold = *threshold;
  for (size_t i = 0; i < cases.size(); ++i)
    if (cases[i].score < one.calibration.threshold) refuse(cases[i], answers[i]);
  one.score = score_arm(cases, answers);
  set_rates(one.score, error_rate, one.calibration);
  return one;
}

}  // namespace

StageResult calibrate_bot(const AdaptContext& context) {
  KnowledgeSearch search =
      TRY(KnowledgeSearch::open(context.folder.file("knowledge.db"), context.pool));
  std::vector<MadeQuestion> questions = TRY(questions_of(context, QuestionUse::calibration));
  if (questions.size() > size_t(kCalibrationMax)) questions.resize(size_t(kCalibrationMax));
  std::vector<EvaluationCase> cases;
  for (const MadeQuestion& question : questions)
    for (bool is_answerable : {true, false})
      cases.push_back(TRY(case_of(question, is_answerable, context, {}, search)));
  AdaptModel model = TRY(AdaptModel::open(context, true));
  if (!TRY(fit_passages(context, model, cases))) return std::optional<Json>();
  constexpr std::array<Arm, 2> kAsked = {Arm::base_knowledge, Arm::adapted_knowledge};
  Progress progress("calibration", double(cases.size() * kAsked.size()), "answers");
  Json json = Json::object(), arms = Json::array();
  std::optional<Chosen> chosen;
  double done = 0;
  for (Arm arm : kAsked) {
    // Asked without a threshold. The weights stay those of all bases: fitted to these cases, they
    // would know them.
    Calibration open;
    open.threshold = 0;
    std::vector<CaseAnswer> replies;
    if (!TRY(answer_all(arm, cases, open, model.ask(), progress, done, replies)))
      return std::optional<Json>();
    done += double(replies.size());
    for (const Way& way : kWays) {
      if (way.arm != arm) continue;
      const Chosen one = calibrated_way(way, cases, replies, context.options.error_rate);
      Json row = arm_score_json(way_name(way), one.score);
      row.set("threshold", one.calibration.threshold);
      arms.push(std::move(row));
      // A bot has a model: quotes alone are a figure to compare with.
      if (way.asks_nobody) continue;
      if (!chosen || answers_more(one.score, chosen->score)) chosen = one;
    }
  }
  const KnowledgeBase base =
      TRY(KnowledgeBase::open(context.folder.file("knowledge.db"), Database::Access::write));
  const Json calibration = calibration_json(chosen->calibration);
  const std::string text = calibration.dump();
  TRY(base.set_fact("calibration", text));
  json.set("calibration", calibration);
  json.set("arms", std::move(arms));
  json.set("arm", way_name(chosen->way));
  progress.finish();
  return std::optional(std::move(json));
}

StageResult evaluate_bot(const AdaptContext& context) {
  const int64_t begin = monotonic_ns();
  KnowledgeSearch search =
      TRY(KnowledgeSearch::open(context.folder.file("knowledge.db"), context.pool));
  const std::string fitted = TRY(search.base().fact("calibration"));
  const Calibration calibration = TRY(read_calibration(fitted));
  auto made = TRY(made_cases(context, calibration, search));
  auto written = TRY(written_cases(context, calibration, search));
  if (made.empty() && written.empty())
    return Error{
        "no question of a held-out document is left to evaluate with; give more documents "
        "or more --minutes, or questions of your own with --questions"};
  AdaptModel model = TRY(AdaptModel::open(context, true));
  for (std::vector<EvaluationCase>* cases : {&made, &written})
    if (!TRY(fit_passages(context, model, *cases))) return std::optional<Json>();
  Evaluated of_made, of_written;
  if (!TRY(run_ways(context, made, calibration, model.ask(), "evaluation", of_made)))
    return std::optional<Json>();
  if (!written.empty() &&
      !TRY(run_ways(context, written, calibration, model.ask(), "written questions", of_written)))
    return std::optional<Json>();
  TRY(write_file_atomic(context.folder.file("answers.jsonl"), of_made.lines + of_written.lines));
  Json json = Json::object();
  json.set("made", std::move(of_made.arms));
  if (!written.empty()) json.set("written", std::move(of_written.arms));
  json.set("seconds", double(monotonic_ns() - begin) * 1e-9);
  return std::optional(std::move(json));
}

}  // namespace weir
