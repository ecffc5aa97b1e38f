// What an adapter is tuned on: questions with the chunks that a search shows for them, so that the
// model learns to answer from sources with distracting ones beside them, and to refuse where none
// of them answers (RAFT: Zhang et al. 2024, "Adapting Language Model to Domain Specific RAG").
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "adapt/made_question.h"
#include "base/result.h"
#include "knowledge/knowledge_search.h"
#include "knowledge/passages.h"

namespace weir {

struct SourcesOptions {
  int shown = 3;                     // chunks of a question
  int searched = 10;                 // whose passages compete (knowledge/passages.h)
  double unanswerable_share = 0.25;  // of the questions: shown without a chunk that answers
  bool is_shuffled = true;           // else in the order of the search
  uint64_t seed = 1;
};

// A question as the bot meets it.
struct QuestionWithSources {
  MadeQuestion question;
  std::vector<FoundChunk> sources;     // in the order in which they are shown
  int right = -1;                      // the one that holds the answer; -1: none does
  std::vector<FoundChunk> found = {};  // whole, best first, that the sources are of
  std::vector<Passage> passages = {};  // of them
};

// Chunks found for a question, best first, up to the given count.
using SearchChunks =
    std::function<Result<std::vector<FoundChunk>>(const std::string& question, int count)>;
// KnowledgeSearch::weigh(); empty: chunks are shown whole.
using WeighWords = std::function<Result<std::vector<WeighedWord>>(const std::string& question)>;

// The sources of one question: what a search finds, its own chunk among them if `is_answerable`,
// in an order drawn by seed and question. Else the chunks around its own one (kPartChunks to
// either side) are hidden, as if nobody had written about it. Chunks that hold the answer too leave
// (answer_score.h). With `weigh` the sources are cut down to their passages; where is_shuffled, the
// sentence that answers is one of them. An error where its chunk is not in the base any more.
Result<QuestionWithSources> choose_sources(const MadeQuestion& question, bool is_answerable,
                                           const SourcesOptions& options,
                                           const SearchChunks& search,
                                           const WeighWords& weigh = {});

// Which of the questions are shown without an answer: a share of them, by seed and question.
bool is_shown_without_answer(const MadeQuestion& question, const SourcesOptions& options);

}  // namespace weir
