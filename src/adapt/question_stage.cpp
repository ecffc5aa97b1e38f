// The stage of `weir adapt` that asks the model for questions, and what later stages read of them.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "adapt/adapt_stages.h"
#include "base/atomic_output.h"
#include "base/clock.h"
#include "base/progress.h"
#include "base/stop_signal.h"

namespace weir {
namespace {

constexpr size_t kChunksAtOnce = 8;
constexpr const char* kFile = "questions.jsonl";

Result<std::vector<ChunkQuestions>> read_questions(const AdaptFolder& folder) {
  std::vector<ChunkQuestions> all;
  for (const Json& line : TRY(lines_if_any(folder.file(kFile))))
    all.push_back(TRY_IN(folder.file(kFile), parse_chunk_questions(line)));
  return all;
}

// The whole file anew, so that a killed process leaves no line unfinished.
Result<void> write_questions(const AdaptFolder& folder, const std::vector<ChunkQuestions>& all) {
  std::string text;
  for (const ChunkQuestions& made : all) text += chunk_questions_json(made).dump() + "\n";
  return write_file_atomic(folder.file(kFile), text);
}

Json result_of(const std::vector<ChunkQuestions>& all, double seconds) {
  int64_t questions = 0;
  std::map<std::string, int64_t> dropped;
  for (const ChunkQuestions& made : all) {
    questions += int64_t(made.questions.size());
    for (const auto& [reason, count] : made.dropped) dropped[reason] += count;
  }
  Json json = Json::object(), reasons = Json::object();
  for (const auto& [reason, count] : dropped) reasons.set(reason, count);
  json.set("chunks", int64_t(all.size()));
  json.set("questions", questions);
  json.set("dropped", std::move(reasons));
  json.set("seconds", seconds);
  return json;
}

}  // namespace

StageResult make_adapt_questions(const AdaptContext& context) {
  const int64_t begin = monotonic_ns();
  const auto seconds = [&] { return double(monotonic_ns() - begin) * 1e-9; };
  KnowledgeSearch search =
      TRY(KnowledgeSearch::open(context.folder.file("knowledge.db"), context.pool));
  std::vector<ChunkWithUse> chunks =
      TRY(chunks_to_ask(search.base(), {}, uint64_t(context.options.seed)));
  if (chunks.empty()) return Error{"the documents hold no text to ask about"};
  std::vector<ChunkQuestions> all = TRY(read_questions(context.folder));
  std::set<int64_t> done;
  for (const ChunkQuestions& made : all) done.insert(made.chunk);

  AdaptModel model = TRY(AdaptModel::open(context, false));
  const AskModel ask = model.ask();
  const FindChunks find = [&](const std::string& question) -> Result<std::vector<int64_t>> {
    std::vector<int64_t> ids;
    for (const FoundChunk& chunk : TRY(search.search(question, {}))) ids.push_back(chunk.chunk);
    return ids;
  };
  const double budget = context.options.minutes * 60 * kQuestionShare;
  const size_t earlier = all.size();  // of other processes
  int64_t planned = int64_t(chunks.size());
  if (const Json* plan = context.folder.fact("chunks_planned")) planned = TRY(plan->as_int());
  Progress progress("questions", double(planned), "chunks");
  progress.start_at(double(all.size()));
  const SynthesisOptions synthesis{.sentences = context.options.sentences};
  for (size_t at = 0; at < size_t(planned); at += kChunksAtOnce) {
    std::vector<ChunkToAsk> batch;
    for (size_t i = at; i < std::min(at + kChunksAtOnce, size_t(planned)); ++i)
      if (!done.contains(chunks[i].chunk.id)) {
        batch.push_back(chunks[i].chunk);
        // Questions that figures come from are looked at twice; of those to tune on, more count.
        batch.back().looks_again = chunks[i].use != QuestionUse::tuning;
      }
    if (batch.empty()) continue;
    auto made = TRY(make_questions(batch, synthesis, ask, find));
    if (!made) return std::optional<Json>();
    std::ranges::move(*made, std::back_inserter(all));
    TRY(write_questions(context.folder, all));
    if (!context.folder.fact("chunks_planned") && all.size() >= 2 * kChunksAtOnce) {
      const double room = budget / seconds() * double(all.size() - earlier);
      planned = std::clamp(int64_t(room), int64_t(all.size()), int64_t(chunks.size()));
      TRY(context.folder.set_fact("chunks_planned", planned));
      TRY(context.folder.set_fact(
          "prompt_rate", model.model().generator->statistics().prefill_tokens_per_second()));
      progress.set_total(double(planned));
    }
    progress.update(double(all.size()));
  }
  progress.finish();
  // A process that only finished an earlier one's work has measured nothing.
  const double rate = model.model().generator->statistics().prefill_tokens_per_second();
  if (rate > 0) TRY(context.folder.set_fact("prompt_rate", rate));
  return std::optional(result_of(all, seconds()));
}

Result<std::vector<MadeQuestion>> questions_of(const AdaptContext& context, QuestionUse use) {
  const KnowledgeBase base =
      TRY(KnowledgeBase::open(context.folder.file("knowledge.db"), Database::Access::read));
  std::set<int64_t> wanted;
  for (const ChunkWithUse& chunk : TRY(chunks_to_ask(base, {}, uint64_t(context.options.seed))))
    if (chunk.use == use) wanted.insert(chunk.chunk.id);
  std::vector<MadeQuestion> questions;
  for (ChunkQuestions& made : TRY(read_questions(context.folder)))
    for (MadeQuestion& question : made.questions)
      if (wanted.contains(question.chunk)) questions.push_back(std::move(question));
  drop_near_questions(questions);
  return questions;
}

WeighWords weigh_of(KnowledgeSearch& search) {
  return [&search](const std::string& question) { return search.weigh(question); };
}

SearchChunks search_of(KnowledgeSearch& search) {
  return [&search](const std::string& question, int count) {
    return search.search(question, {.count = count});
  };
}

}  // namespace weir
