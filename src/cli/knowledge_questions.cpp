// `weir knowledge ask`, `calibrate` and `faq`.
#include <fmt/format.h>

#include <cstdio>
#include <ctime>
#include <optional>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "cli/knowledge_commands.h"
#include "cli/knowledge_model.h"
#include "cli/knowledge_place.h"
#include "cli/model_flags.h"
#include "client/http_client.h"
#include "knowledge/answer.h"
#include "knowledge/hand_off.h"
#include "knowledge/unanswered.h"

namespace weir {
namespace {

struct KnowledgeAskOptions {
  std::string name, question, model_path;
  ModelOptions model;
  int count = AskOptions{}.search.count;
  std::vector<std::string> labels;
  bool shows_unsupported = false, words_alone = false, reranks = false, json = false;
  bool quotes = false;
  std::string mailbox, webhook;
};

struct KnowledgeCalibrateOptions {
  std::string name, questions, model_path;
  ModelOptions model;
  double error_rate = 0.1;
  bool words_alone = false;
};

struct KnowledgeFaqOptions {
  std::string name, out;
};

Result<void> hand_over(const KnowledgeAskOptions& options, const std::string& base,
                       const Answer& answer) {
  const UnansweredQuestion question{options.question, refusal_name(answer.refusal),
                                    int64_t(std::time(nullptr))};
  const std::string letter = hand_off_json(base, question, one_turn(options.question)).dump();
  auto noted = note_unanswered(base, question, letter);
  if (!noted) fmt::print(stderr, "note: the question was not logged: {}\n", noted.error().message);
  if (!options.mailbox.empty()) TRY(append_to_mailbox(options.mailbox, letter));
  if (!options.webhook.empty()) {
    HttpClient client(TRY_IN("--webhook", parse_http_url(options.webhook)),
                      {.silence_seconds = 30, .is_cancelled = stop_requested});
    const HttpAnswer posted = TRY_IN("--webhook", client.post("", letter));
    if (!posted.is_success()) return Error{"--webhook: " + failure_of(posted)};
  }
  return {};
}

Result<Ending> knowledge_ask(const KnowledgeAskOptions& options) {
  const std::string path = TRY(knowledge_place(options.name));
  ThreadPool pool;
  KnowledgeSearch search = TRY(KnowledgeSearch::open(path, pool));
  AskOptions ask;
  ask.search.count = options.count;
  if (!options.labels.empty()) ask.search.labels = options.labels;
  ask.keeps_unsupported = options.shows_unsupported;
  if (options.quotes) ask.quotes = Quotes::fallback;
  const std::string calibration = TRY(search.base().fact("calibration"));
  ask.calibration = TRY(read_calibration(calibration));
  if (!options.words_alone) {
    QuestionEmbedder embedder = TRY(QuestionEmbedder::open(search.base(), 0));
    ask.search.vector = TRY(embedder.embed(options.question));
  }
  catch_stop_signals();
  const std::unique_ptr<AnswerModel> model =
      TRY(AnswerModel::open(options.model_path, options.model));
  const ChunkScorer fit = [&](std::string_view question, std::span<const FoundChunk> chunks) {
    return model->fit(question, chunks);
  };
  ask.fit = fit;
  if (options.reranks) ask.search.rerank = fit;
  AnswerJudge judge;
  if (!ask.calibration.model.empty())
    judge = [&](const AnswerPrompt& prompt) { return model->judge(prompt); };
  const auto write = [&](const AnswerPrompt& prompt) { return model->write(prompt); };
  auto answer = answer_question(search, options.question, ask, write, judge);
  if (!answer && stop_requested()) return Ending::interrupted;
  if (!answer) return std::move(answer).error();
  if (options.json)
    fmt::print("{}\n", answer_json(*answer, options.question).dump());
  else
    fmt::print("{}\n", answer_text(*answer, options.question));
  if (!options.json && !answer->removed.empty() && !options.shows_unsupported)
    fmt::print(stderr,
               "note: {} sentence{} that no source supports left out (--unsupported shows "
               "them)\n",
               answer->removed.size(), answer->removed.size() == 1 ? " was" : "s were");
  if (answer->refusal != Refusal::none && answer->refusal != Refusal::no_question)
    TRY(hand_over(options, path, *answer));
  return Ending::done;
}

struct AskedQuestion {
  std::string question;
  bool is_answerable;
};

Result<std::vector<AskedQuestion>> read_questions(const std::string& path) {
  std::vector<AskedQuestion> questions;
  const std::string text = TRY(read_file(path, size_t(64) << 20));
  int line_number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++line_number;
    if (trim(line).empty()) continue;
    const std::string place = fmt::format("{}, line {}", path, line_number);
    const Json json = TRY_IN(place, parse_json(line));
    const Json* answer = json.find("answer");
    questions.push_back({TRY_IN(place, json.string_at("question")), answer && !answer->is_null()});
  }
  return questions;
}

Result<Ending> knowledge_calibrate(const KnowledgeCalibrateOptions& options) {
  const std::vector<AskedQuestion> questions = TRY(read_questions(options.questions));
  const std::string path = TRY(knowledge_place(options.name));
  ThreadPool pool;
  KnowledgeSearch search = TRY(KnowledgeSearch::open(path, pool));
  QuestionEmbedder embedder;
  if (!options.words_alone) embedder = TRY(QuestionEmbedder::open(search.base(), 0));
  std::unique_ptr<AnswerModel> model;
  if (!options.model_path.empty())
    model = TRY(AnswerModel::open(options.model_path, options.model));
  catch_stop_signals();
  std::vector<CalibrationCase> cases;
  {
    Progress progress("asking", double(questions.size()), "questions");
    for (const AskedQuestion& asked : questions) {
      if (stop_requested()) return Ending::interrupted;
      SearchOptions how = AskOptions{}.search;
      how.vector = TRY(embedder.embed(asked.question));
      const std::vector<FoundChunk> found = TRY(search.search(asked.question, how));
      AnswerSigns signs = signs_of(asked.question, TRY(search.weigh(asked.question)), found);
      if (model) signs.judgement = TRY(model->judge(judge_prompt(asked.question, found)));
      cases.push_back({signs, asked.is_answerable});
      progress.update(double(cases.size()));
    }
  }
  Calibration calibration = TRY(calibrate(cases, options.error_rate));
  calibration.model = options.model_path;
  const KnowledgeBase base = TRY(KnowledgeBase::open(path, Database::Access::write));
  TRY(base.set_fact("calibration", calibration_json(calibration).dump()));
  fmt::print(
      "threshold {:.3f}: a question without an answer passes with probability {:.0f} % at most, "
      "before the sentences of its answer are checked\n"
      "on {} + {} held-out questions: {:.0f} % of those without an answer passed, {:.0f} % of "
      "those "
      "with one were refused\n",
      calibration.threshold, 100 * options.error_rate, calibration.unanswerable,
      calibration.answerable, 100 * calibration.answered_wrongly,
      100 * calibration.refused_wrongly);
  return Ending::done;
}

Result<void> knowledge_faq(const KnowledgeFaqOptions& options) {
  ThreadPool pool;
  KnowledgeSearch search = TRY(open_named_search(options.name, pool));
  const auto groups = group_questions(TRY(unanswered_questions(search.base())));
  if (groups.empty()) return Error{"no question was left unanswered so far"};
  const std::string draft = TRY(faq_draft(search, groups));
  if (options.out.empty()) {
    fmt::print("{}", draft);
    return {};
  }
  TRY(write_file_atomic(options.out, draft));
  fmt::print("{} groups of questions written to {}\n", groups.size(), options.out);
  return {};
}

}  // namespace

void add_knowledge_questions(CommandGroup& group) {
  constexpr const char* kNameHelp = "a base in weir's state folder, or the path of a .db file";
  constexpr const char* kWordsHelp = "search by words alone, without the vectors";

  auto [ask, asked] =
      group.add("ask", "answer a question, each sentence with its source", knowledge_ask);
  ask.argument("NAME", asked.name, kNameHelp).required();
  ask.argument("QUESTION", asked.question, "the question").required();
  ask.option("--model", asked.model_path, "MODEL", "the model that writes the answer").required();
  ask.count("--count", asked.count, 1, 20, "how many chunks the model reads");
  ask.option("--label", asked.labels, "LABEL",
             "use what this label may see (repeatable) [all documents]")
      .repeatable();
  ask.flag("--unsupported", asked.shows_unsupported,
           "keep sentences that no source supports, marked");
  ask.flag("--quotes", asked.quotes,
           "quote the passages that fit best where the model writes nothing that they support");
  ask.flag("--words", asked.words_alone, kWordsHelp);
  ask.flag("--rerank", asked.reranks, kRerankHelp);
  ask.option("--mailbox", asked.mailbox, "FILE",
             "append the conversation to this file (JSONL) if there is no answer");
  ask.option("--webhook", asked.webhook, "URL",
             "post the conversation to this address if there is no answer");
  ask.flag("--json", asked.json, "print one JSON object");
  add_model_options(ask, asked.model);

  auto [set, calibrated] =
      group.add("calibrate", "set from where on questions are refused", knowledge_calibrate);
  set.argument("NAME", calibrated.name, kNameHelp).required();
  set.argument("QUESTIONS", calibrated.questions,
               "JSONL of {\"question\": ..., \"answer\": ...}; no answer or null: the documents "
               "have none")
      .required();
  set.value("--error-rate", calibrated.error_rate, "R",
            "share of questions without an answer that may pass")
      .real_number(0.01, 0.5);
  set.option("--model", calibrated.model_path, "MODEL",
             "let this model judge each question too; ask then does so as well");
  set.flag("--words", calibrated.words_alone, kWordsHelp);
  add_model_options(set, calibrated.model);

  auto [faq, drafted] =
      group.add("faq", "unanswered questions as a draft for a person", knowledge_faq);
  faq.argument("NAME", drafted.name, kNameHelp).required();
  faq.option("--out", drafted.out, "FILE.md", "write the draft here [standard output]");
}

}  // namespace weir
