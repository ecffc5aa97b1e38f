// A question made of a document, with the sentence that answers it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace weir {

struct MadeQuestion {
  std::string question;
  std::string answer;    // a sentence of the chunk, as it stands there
  std::string document;  // the chunk's, in the knowledge base
  int64_t chunk = 0;
  int sentence = 0;      // of the chunk's text, from 0
  std::string language;  // "en", "zh"
};

Json question_json(const MadeQuestion& question);
// Errors name the member.
Result<MadeQuestion> parse_question(const Json& json);

// Why a question cannot be used; "": it can. Rules only, without a model:
// - its form: one line of 10 to 300 bytes that ends with a question mark;
// - it is understood without the text: it names at least one word of the answer or the heading that
//   is no stop word, and does not speak of "the text", "this sentence", "本文";
// - it does not hold its answer.
std::string question_fault(const MadeQuestion& question, std::string_view heading);

// Shares of common words of two questions, stop words left out: 0 to 1 (Jaccard's index).
double question_likeness(std::string_view a, std::string_view b);

// Keeps the first of questions that are nearly the same (likeness of at least `alike`), in order.
// Returns how many left.
int64_t drop_near_questions(std::vector<MadeQuestion>& questions, double alike = 0.8);

// Which questions are held out: whole documents, chosen by a hash of their names, so that a
// document is on the same side in every run and whatever other documents there are. `share`: of the
// documents. Where the base has fewer than 8 documents (a manual in one file), parts of
// `part_chunks` neighbouring chunks are split instead; `chunk_ordinal`: the place in its document.
bool is_held_out(std::string_view document, int chunk_ordinal, bool splits_parts, double share);
inline constexpr int kPartChunks = 16;

}  // namespace weir
