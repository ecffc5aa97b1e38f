#include "serve/knowledge_shelf.h"

#include <fmt/format.h>

#include <ctime>

#include "base/file.h"
#include "knowledge/hand_off.h"
#include "knowledge/unanswered.h"

namespace weir {
namespace {

constexpr uint64_t kVerdictBytesMax = uint64_t(64) << 20;

}  // namespace

Result<std::unique_ptr<ServedBase>> ServedBase::open(KnowledgeShelfEntry entry,
                                                     const std::vector<std::string>& labels,
                                                     QuestionVector vector) {
  TRY(labels_text(labels));
  auto pool = std::make_unique<ThreadPool>(1);
  KnowledgeSearch search = TRY(KnowledgeSearch::open(entry.path, *pool));
  AskOptions options;
  options.search.count = entry.sources;
  options.search.labels = labels;
  options.searched = entry.searched;
  options.quotes = entry.quotes;
  const std::string fitted = TRY(search.base().fact("calibration"));
  options.calibration = TRY_IN(entry.path, read_calibration(fitted));
  if (!options.calibration.model.empty())
    return Error{entry.path +
                 ": was calibrated with a model that judges, which a server does not "
                 "ask; calibrate it without --model"};
  return std::unique_ptr<ServedBase>(new ServedBase(
      std::move(entry), std::move(options), std::move(pool), std::move(search), std::move(vector)));
}

Result<SearchOptions> ServedBase::search_options(const std::string& question, int count,
                                                 const std::vector<std::string>& labels) const {
  SearchOptions wanted = options_.search;
  wanted.labels->insert(wanted.labels->end(), labels.begin(), labels.end());
  wanted.count = count;
  if (vector_) wanted.vector = TRY(vector_(question));
  return wanted;
}

Result<std::vector<FoundChunk>> ServedBase::search(const std::string& question, int count,
                                                   const std::vector<std::string>& labels) {
  std::lock_guard lock(mutex_);
  const SearchOptions wanted = TRY(search_options(question, count, labels));
  std::vector<FoundChunk> found = TRY(search_.search(question, wanted));
  for (FoundChunk& chunk : found) chunk.document = base_name(chunk.document);
  return found;
}

Result<Answer> ServedBase::begin(const std::string& question,
                                 const std::vector<std::string>& labels) {
  std::lock_guard lock(mutex_);
  AskOptions options = options_;
  options.search = TRY(search_options(question, options_.search.count, labels));
  Answer answer = TRY(find_sources(search_, question, options, {}));
  for (FoundChunk& source : answer.sources) source.document = base_name(source.document);
  return answer;
}

void ServedBase::note_refusal(const std::string& question, const Answer& answer) {
  if (answer.refusal == Refusal::no_question) return;
  const UnansweredQuestion asked{question, refusal_name(answer.refusal),
                                 int64_t(std::time(nullptr))};
  // A base that cannot be written still answers.
  (void)note_unanswered(entry_.path, asked,
                        hand_off_json(entry_.name, asked, one_turn(question)).dump());
}

Result<void> ServedBase::note_verdict(const std::string& line) {
  const std::string path = entry_.path + ".feedback.jsonl";
  std::lock_guard lock(mutex_);
  if (const auto size = file_size(path); size && *size > kVerdictBytesMax)
    return Error{path + " is full"};
  return append_to_mailbox(path, line, false);
}

ServedBase* KnowledgeShelf::find(const std::string& name) const {
  for (const auto& base : bases)
    if (base->entry().name == name) return base.get();
  return nullptr;
}

}  // namespace weir
