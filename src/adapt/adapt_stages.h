// The stages of `weir adapt`, each from files of the folder to files of the folder. A stage that
// returns nothing was stopped; the next process goes on with it.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapt/adapt_folder.h"
#include "adapt/adapt_run.h"
#include "adapt/asker.h"
#include "adapt/chunks_to_ask.h"
#include "adapt/training_rows.h"
#include "base/json.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "knowledge/knowledge_search.h"

namespace weir {

// What a stage came to, for adapt.json.
using StageResult = Result<std::optional<Json>>;

struct AdaptContext {
  const AdaptOptions& options;
  AdaptFolder& folder;
  ThreadPool& pool;
};

// Shares of the minutes.
inline constexpr double kQuestionShare = 0.22, kTuningShare = 0.5, kEvaluationShare = 0.2;

// Documents to knowledge.db.
StageResult read_adapt_documents(const AdaptContext& context);
// Chunks to questions.jsonl, for their share of the time: how many is planned when the first ones
// are done, and kept.
StageResult make_adapt_questions(const AdaptContext& context);
// questions.jsonl to rows.jsonl.
StageResult write_tuning_rows(const AdaptContext& context);
// rows.jsonl to the adapter in tuning/.
StageResult tune_adapter(const AdaptContext& context);
// Questions of the calibration split decide from which score on the bot answers: a fact of
// knowledge.db, as `weir knowledge calibrate` writes it.
StageResult calibrate_bot(const AdaptContext& context);
// Every arm's answers to the evaluation split, and to the hand-written questions.
StageResult evaluate_bot(const AdaptContext& context);
// report.html and bot.json.
StageResult package_bot(const AdaptContext& context);

// A model with the replies to what is asked of it, and its base with the adapter, if there is one.
class AdaptModel {
 public:
  static Result<AdaptModel> open(const AdaptContext& context, bool with_adapter);
  AskModel ask() const;
  ChunkScorer fit() const;
  const OpenModel& model() const { return *open_; }

 private:
  std::unique_ptr<OpenModel> open_;
  std::unique_ptr<Asker> asker_;
};

// Questions of one split, near copies left out, with their places. In the order of questions.jsonl.
Result<std::vector<MadeQuestion>> questions_of(const AdaptContext& context, QuestionUse use);
// A search by words of knowledge.db.
SearchChunks search_of(KnowledgeSearch& search);
WeighWords weigh_of(KnowledgeSearch& search);

}  // namespace weir
