// The sentences of a text that a question can be made of: those that state something of their own.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct FactSentence {
  size_t index = 0;  // in split_sentences() of the text
  std::string_view text;
  double weight = 0;  // how much it states: numbers, names, identifiers, length; higher is better
};

// The best `count` sentences, best first; ties in the text's order. Left out: what has no
// full stop (questions, headings, lines of code), fragments (under 25 bytes), sentences that need
// the one before them ("It
// ...", "This ...", "其 ...") or point elsewhere ("see below", "Figure 3", "the following"), and
// those over 400 bytes.
std::vector<FactSentence> fact_sentences(std::string_view text, size_t count);

// Whether the sentence is understood without the one before it.
bool stands_alone(std::string_view sentence);

}  // namespace weir
