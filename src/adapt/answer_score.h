// Whether an answer says what is expected of it, by its words: no model judges.
#pragma once
#include <string_view>

namespace weir {

struct AnswerScore {
  double coverage = 0;      // share of the expected key words that the answer has
  bool has_numbers = true;  // every expected number is in the answer
  bool is_right = false;    // coverage of at least kRightCoverage, and has_numbers
};
inline constexpr double kRightCoverage = 0.6;

// Key words: the words of `expected` (knowledge/words.h) that are no stop words, no numbers and not
// in the question; all of its words where nothing else, and no number, is left. Numbers are
// compared as their digits, "1,000" as "1000"; those of the question do not count.
AnswerScore score_answer(std::string_view answer, std::string_view expected,
                         std::string_view question);

// Whether the answer quotes the words by which a document answers: at least kQuotedShare of the
// content words of `evidence`, which is not empty.
bool states_evidence(std::string_view answer, std::string_view evidence);
inline constexpr double kQuotedShare = 0.8;

}  // namespace weir
