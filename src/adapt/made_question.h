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

// Keeps the first of questions that are nearly the same (word_likeness() of at least `alike`), in
// order. Returns how many left.
int64_t drop_near_questions(std::vector<MadeQuestion>& questions, double alike = 0.8);

// What questions are for: tuning, choosing when to refuse, or the figures at the end.
enum class QuestionUse { tuning, calibration, evaluation };
struct UseShares {
  double calibration = 0.15, evaluation = 0.15;  // of the documents
};
// Whole documents, chosen by a hash of their names, so that a document is on the same side in every
// run and whatever other documents there are. `splits_parts`: parts of kPartChunks neighbouring
// chunks instead, for bases of few documents (a manual in one file); `ordinal`: of the chunk in its
// document.
QuestionUse use_of(std::string_view document, int ordinal, bool splits_parts,
                   const UseShares& shares);
inline constexpr int kPartChunks = 16;
inline constexpr int kDocumentsMin = 20;  // a base of fewer is split in parts

}  // namespace weir
