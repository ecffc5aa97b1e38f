// Questions made from the chunks of a knowledge base: of each chunk the sentences that state most,
// for each a question by the model, kept only if rules, the model's own second look and a search of
// the base agree that this sentence answers it.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "adapt/asker.h"
#include "adapt/made_question.h"
#include "base/result.h"

namespace weir {

struct ChunkToAsk {
  int64_t id = 0;
  std::string document, heading, text;
  int ordinal = 0;          // in its document
  bool looks_again = true;  // its questions get the second look
};

struct SynthesisOptions {
  int sentences = 3;  // of a chunk, at most
  int found_in = 5;   // the chunk is among so many of a search for the question
};

// What came of one chunk: a line of questions.jsonl.
struct ChunkQuestions {
  int64_t chunk = 0;
  std::vector<MadeQuestion> questions;
  std::map<std::string, int64_t> dropped;  // reason -> count
};
Json chunk_questions_json(const ChunkQuestions& made);
Result<ChunkQuestions> parse_chunk_questions(const Json& json);

// Chunks found for a question, best first.
using FindChunks = std::function<Result<std::vector<int64_t>>(const std::string& question)>;

// For some chunks at once, in their order; nothing: stopped meanwhile. `ask` is called twice: for
// the questions, and for the second look, in which the model gets the sentence, the three longest
// others of the chunk and the question, and says which one answers it.
Result<std::optional<std::vector<ChunkQuestions>>> make_questions(
    std::span<const ChunkToAsk> chunks, const SynthesisOptions& options, const AskModel& ask,
    const FindChunks& find);

// The prompts, in the chunk's language.
// `style`: 0 plain, 1 in everyday words, 2 about a goal or a situation, and so on around.
Ask question_prompt(const ChunkToAsk& chunk, std::string_view sentence, size_t style = 0);
// `sentences`: at least one. The reply is a number from 1.
Ask second_look_prompt(const ChunkToAsk& chunk, std::span<const std::string_view> sentences,
                       const std::string& question);

}  // namespace weir
