// Whether texts say what a sentence claims, decided by words alone: its content words, and every
// number, date and name in it, must stand in a text, and a part of the text that says the same is
// quoted. No model is asked.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct EvidenceOptions {
  // The least share of a sentence's content words that the text has. Pairs of characters break at
  // every reordered word, so scripts without blanks need less.
  double share_min = 0.6, unspaced_share_min = 0.45;
};

// What must be found word for word.
struct Claims {
  std::vector<std::string> numbers;  // "8192", "15.20"; number words as digits
  std::vector<std::string> names;  // wal_level, FreeBSD, SELECT, Ghostscript in a Chinese sentence
};
Claims claims_of(std::string_view sentence);
// Which of the names stand in the text, whatever their case.
std::vector<bool> find_names(const std::vector<std::string>& names, std::string_view text);

// Whether the sentence says no: not, never, cannot; 不, 没 ...
bool has_denial(std::string_view sentence);

struct SentenceEvidence {
  bool is_supported = false;
  int text = -1;                          // the best of the texts; -1: none
  double share = 0;                       // of the content words there
  std::string quote = {};                 // a part of that text, as it stands there
  std::vector<std::string> missing = {};  // numbers and names that no text has
};

// `heads`: titles and headings, one for each text; their words count as the text's, but are not
// quoted.
SentenceEvidence find_evidence(std::string_view sentence, std::span<const std::string> texts,
                               std::span<const std::string> heads,
                               const EvidenceOptions& options = {});

}  // namespace weir
