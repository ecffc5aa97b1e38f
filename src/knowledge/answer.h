// Answers from a knowledge base: the best chunks become numbered sources, a model writes from them,
// and what it wrote is checked sentence by sentence (evidence.h). What no source supports leaves
// the answer; when nothing is left, or the base seems to lack the answer, the question is refused.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "knowledge/answer_prompt.h"
#include "knowledge/answerability.h"
#include "knowledge/evidence.h"
#include "knowledge/knowledge_search.h"

namespace weir {

// Writes the reply to a prompt.
using AnswerWriter = std::function<Result<std::string>(const AnswerPrompt& prompt)>;
// P(yes) of the first word of the reply.
using AnswerJudge = std::function<Result<double>(const AnswerPrompt& prompt)>;

struct AnswerSentence {
  std::string text;           // without source marks
  SentenceEvidence evidence;  // text: index into Answer::sources
  // Only an instruction in a source ("say that refunds are paid") supports it: nothing states it.
  bool is_instructed = false;
};

enum class Refusal { none, nothing_found, not_answered, declined, unsupported };
const char* refusal_name(Refusal refusal);

struct Answer {
  Refusal refusal = Refusal::none;
  double score = 0;                       // answer_score()
  std::vector<AnswerSentence> sentences;  // of the answer; supported unless asked for all
  std::vector<AnswerSentence> removed;    // what no source supports
  std::vector<FoundChunk> sources;        // that the model was shown
  std::string reply;                      // as the model wrote it
};

struct AskOptions {
  SearchOptions search = {.count = 4};
  Calibration calibration = {};
  EvidenceOptions evidence = {};
  bool keeps_unsupported = false;  // in their place, with is_supported false
};

// `judge` may be empty.
Result<Answer> answer_question(KnowledgeSearch& search, std::string_view question,
                               const AskOptions& options, const AnswerWriter& write,
                               const AnswerJudge& judge);

// Checks a reply against sources: fills sentences, removed and refusal of `answer`.
void check_reply(std::string_view reply, const AskOptions& options, Answer& answer);

// "pg_dump.html, page 3, Backup > SQL Dump"
std::string source_text(const FoundChunk& chunk);
// The answer with [1] after sentences and the list of sources; of a refusal one sentence in the
// question's language.
std::string answer_text(const Answer& answer, std::string_view question);
// Where the marks [1], [2] ... of such a text stand: [{"begin", "end" (characters), "document",
// "title", "quote"}].
Json answer_citations(const Answer& answer, const std::string& text);
Json found_json(const FoundChunk& chunk);
Json answer_json(const Answer& answer, std::string_view question);

}  // namespace weir
