// Answers from a knowledge base: the best chunks become numbered sources, a model writes from them,
// and what it wrote is checked sentence by sentence (evidence.h). What no source supports leaves
// the answer; when nothing is left, or the base seems to lack the answer, the question is refused.
#pragma once
#include <array>
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
#include "knowledge/passages.h"

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

enum class Refusal { none, no_question, nothing_found, not_answered, declined, unsupported };
const char* refusal_name(Refusal refusal);

struct Answer {
  Refusal refusal = Refusal::none;
  double score = 0;                       // answer_score()
  std::vector<AnswerSentence> sentences;  // of the answer; supported unless asked for all
  std::vector<AnswerSentence> removed;    // what no source supports
  std::vector<FoundChunk> sources;        // that the model was shown
  std::vector<Passage> passages;          // of the sources, that fit the question best
  bool is_quoted = false;                 // some sentences are the sources' own (Quotes)
  std::string reply;                      // as the model wrote it
};

// Whether passages of the sources that fit the question best (passages.h) are part of the answer:
// where no sentence of the reply is supported, or always, after the reply's sentences unless these
// rest on the same place. With quotes the score alone decides whether a question is answered.
enum class Quotes { none, fallback, beside };
inline constexpr std::array<Quotes, 3> kQuotes = {Quotes::none, Quotes::fallback, Quotes::beside};
const char* quotes_name(Quotes quotes);

struct AskOptions {
  SearchOptions search = {.count = 4};  // count: sources shown
  // So many found chunks compete with their passages (passages.h), and those of the best ones are
  // shown, cut down to them; 0: what is found is shown whole.
  int searched = 0;
  Quotes quotes = Quotes::none;
  // Of the passages to quote, of questions that are not refused before; may be empty: then their
  // words alone decide.
  ChunkScorer fit = {};
  Calibration calibration = {};
  EvidenceOptions evidence = {};
  bool keeps_unsupported = false;  // in their place, with is_supported false
};

// `judge` may be empty.
Result<Answer> answer_question(KnowledgeSearch& search, std::string_view question,
                               const AskOptions& options, const AnswerWriter& write,
                               const AnswerJudge& judge);

// The sources, passages and score of a question, and its refusal where they do not suffice.
Result<Answer> find_sources(KnowledgeSearch& search, std::string_view question,
                            const AskOptions& options, const AnswerJudge& judge);

// Checks a reply against sources: fills sentences, removed and refusal of `answer`. NO ANSWER and
// the names of sources ("source 2") are no sentences.
void check_reply(std::string_view reply, const AskOptions& options, Answer& answer);

// Whether the answer that this reply becomes quotes passages.
bool needs_quotes(std::string_view reply, const AskOptions& options, const Answer& answer);

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
