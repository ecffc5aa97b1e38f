// The stage of `weir adapt` that asks the model for questions, and what later stages read of them.
#include <fmt/format.h>

#include <algorithm>
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

// Whole lines only, so that a killed process leaves none unfinished.
Result<void> write_lines(const AdaptFolder& folder, const std::vector<Json>& lines) {
  std::string text;
  for (const Json& line : lines) text += line.dump() + "\n";
  return write_file_atomic(folder.file(kFile), text);
}

Json result_of(const std::vector<Json>& lines, double seconds) {
  int64_t questions = 0;
  std::map<std::string, int64_t> dropped;
  for (const Json& line : lines) {
    const auto made = parse_chunk_questions(line);
    if (!made) continue;
    questions += int64_t(made->questions.size());
    for (const auto& [reason, count] : made->dropped) dropped[reason] += count;
  }
  Json json = Json::object(), reasons = Json::object();
  for (const auto& [reason, count] : dropped) reasons.set(reason, count);
  json.set("chunks", int64_t(lines.size()));
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
  std::vector<Json> lines = TRY(read_json_lines(context.folder.file(kFile)));
  std::set<int64_t> done;
  for (const Json& line : lines) done.insert(TRY(line.int_at("chunk")));

  AdaptModel model = TRY(AdaptModel::open(context, false));
  const AskModel ask = model.ask();
  const FindChunks find = [&](const std::string& question) -> Result<std::vector<int64_t>> {
    std::vector<int64_t> ids;
    for (const FoundChunk& chunk : TRY(search.search(question, {}))) ids.push_back(chunk.chunk);
    return ids;
  };
  const double budget = context.options.minutes * 60 * kQuestionShare;
  int64_t planned = int64_t(chunks.size());
  if (const Json* plan = context.folder.fact("chunks_planned")) planned = TRY(plan->as_int());
  Progress progress("questions", double(planned), "chunks");
  progress.start_at(double(lines.size()));
  const SynthesisOptions synthesis{.sentences = context.options.sentences};
  for (size_t at = 0; at < size_t(planned); at += kChunksAtOnce) {
    std::vector<ChunkToAsk> batch;
    for (size_t i = at; i < std::min(at + kChunksAtOnce, size_t(planned)); ++i)
      if (!done.contains(chunks[i].chunk.id)) batch.push_back(chunks[i].chunk);
    if (batch.empty()) continue;
    const auto made = TRY(make_questions(batch, synthesis, ask, find));
    if (!made) return std::optional<Json>();
    for (const ChunkQuestions& one : *made) lines.push_back(chunk_questions_json(one));
    TRY(write_lines(context.folder, lines));
    if (!context.folder.fact("chunks_planned") && lines.size() >= 2 * kChunksAtOnce) {
      const double room = budget / seconds() * double(lines.size());
      planned = std::clamp(int64_t(room), int64_t(lines.size()), int64_t(chunks.size()));
      TRY(context.folder.set_fact("chunks_planned", planned));
      progress.set_total(double(planned));
    }
    progress.update(double(lines.size()));
  }
  progress.finish();
  TRY(context.folder.set_fact("prompt_rate",
                              model.model().generator->statistics().prefill_tokens_per_second()));
  return std::optional(result_of(lines, seconds()));
}

Result<std::vector<MadeQuestion>> questions_of(const AdaptContext& context, QuestionUse use) {
  const KnowledgeBase base =
      TRY(KnowledgeBase::open(context.folder.file("knowledge.db"), Database::Access::read));
  std::set<int64_t> wanted;
  for (const ChunkWithUse& chunk : TRY(chunks_to_ask(base, {}, uint64_t(context.options.seed))))
    if (chunk.use == use) wanted.insert(chunk.chunk.id);
  std::vector<MadeQuestion> questions;
  for (const Json& line : TRY(read_json_lines(context.folder.file(kFile))))
    for (MadeQuestion& question : TRY(parse_chunk_questions(line)).questions)
      if (wanted.contains(question.chunk)) questions.push_back(std::move(question));
  drop_near_questions(questions);
  return questions;
}

SearchChunks search_of(KnowledgeSearch& search) {
  return [&search](const std::string& question, int count) {
    return search.search(question, {.count = count});
  };
}

}  // namespace weir
