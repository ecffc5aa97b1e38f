// Running text cut into sentences, in scripts with blanks between words and without.
#pragma once
#include <string_view>
#include <vector>

namespace weir {

// In their order, without the blanks around them; empty ones are left out. A line end always ends a
// sentence. Between lines one ends
// - after . ! ? with what closes it (quotes, brackets), if blanks and no lower-case letter follow;
//   not after an initial (J. Smith), a number that begins the sentence (1. Install) or an
//   abbreviation that something always follows (e.g. Dr. Fig. 3);
// - after the full-width marks, with what closes them, whatever follows.
// Views into `text`, which may be invalid UTF-8.
std::vector<std::string_view> split_sentences(std::string_view text);

}  // namespace weir
