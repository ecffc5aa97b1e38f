#include "serve/knowledge_bases.h"

#include <fmt/format.h>

#include "knowledge/hand_off.h"
#include "knowledge/unanswered.h"

namespace weir {

Result<void> KnowledgeBases::add(const std::string& name, const std::string& path,
                                 const std::vector<std::string>& labels, QuestionVector vector) {
  auto base = std::make_unique<Base>();
  base->path = path;
  base->labels = labels;
  base->vector = std::move(vector);
  base->pool = std::make_unique<ThreadPool>(1);
  base->search = std::make_unique<KnowledgeSearch>(TRY(KnowledgeSearch::open(path, *base->pool)));
  const std::string calibration = TRY(base->search->base().fact("calibration"));
  base->calibration = TRY(read_calibration(calibration));
  if (!base->calibration.model.empty())
    return Error{
        fmt::format("{}: is calibrated with the judgement of a model; for a server run weir "
                    "knowledge calibrate without --model",
                    path)};
  if (!bases_.emplace(name, std::move(base)).second)
    return Error{fmt::format("two knowledge bases have the name '{}'", name)};
  return {};
}

Result<std::vector<FoundChunk>> KnowledgeBases::search_in(Base& base, const std::string& question,
                                                          int count) {
  SearchOptions options;
  options.count = count;
  options.labels = base.labels;
  if (base.vector) options.vector = TRY(base.vector(question));
  return base.search->search(question, options);
}

Result<std::vector<FoundChunk>> KnowledgeBases::search(const std::string& name,
                                                       const std::string& question, int count) {
  Base& base = *bases_.at(name);
  std::lock_guard lock(base.mutex);
  return search_in(base, question, count);
}

Result<Answer> KnowledgeBases::find_sources(const std::string& name, const std::string& question) {
  Base& base = *bases_.at(name);
  std::lock_guard lock(base.mutex);
  Answer answer;
  answer.sources = TRY(search_in(base, question, AskOptions{}.search.count));
  if (answer.sources.empty()) {
    answer.refusal = Refusal::nothing_found;
    return answer;
  }
  const AnswerSigns signs = signs_of(TRY(base.search->weigh(question)), answer.sources);
  answer.score = answer_score(base.calibration, signs);
  if (answer.score < base.calibration.threshold) answer.refusal = Refusal::not_answered;
  return answer;
}

void KnowledgeBases::note(const std::string& name, const std::string& question, Refusal refusal) {
  const std::string& path = bases_.at(name)->path;
  const UnansweredQuestion asked{question, refusal_name(refusal), int64_t(std::time(nullptr))};
  // A base that cannot be written still answers.
  (void)note_unanswered(path, asked, hand_off_json(name, asked, one_turn(question)).dump());
}

}  // namespace weir
