// The words by which texts are indexed and compared. Words between blanks are folded and stemmed;
// scripts without blanks (Han, kana, Hangul, Thai and its neighbours) count in pairs of characters,
// so that a Chinese word of two characters is found, which no tokenizer of SQLite does.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct Word {
  enum class Kind {
    plain,   // letters and digits, stemmed
    joined,  // an identifier whose parts are words too: wal_level, sources.list, apt-get
    pair,    // two neighbouring characters of a script without blanks
    single,  // the last character of such a run
  };
  Kind kind;
  std::string text;  // NFKC, case folded; at most 64 bytes
};

// Of valid or invalid UTF-8. "The wal_level 软件包" -> the, wal_level, wal, level, 软件, 件包, 包.
std::vector<Word> split_words(std::string_view text);

// The words with blanks between: what is stored in the index.
std::string index_text(std::string_view text);

// What a question is searched by: its words without stop words, each once, at most 64. A text of
// stop words alone keeps them. Singles are left out unless they are a run of their own.
std::vector<Word> query_words(std::string_view question);

// An expression for FTS5's MATCH: any of the words. Quoted, so that nothing of the user's text is
// syntax. "" for no words.
std::string match_expression(const std::vector<Word>& words);

// Sorted and each once, without stop words and singles: what texts are compared by.
std::vector<std::string> content_words(std::string_view text);
// Of two such lists: the words of both over those of either (Jaccard's index); 0 without any.
double word_likeness(const std::vector<std::string>& a, const std::vector<std::string>& b);

bool is_unspaced(char32_t code);                 // of a script without blanks
bool is_mostly_unspaced(std::string_view text);  // at least a third of the letters
// An estimate of the tokens that a model takes for the text: 4 bytes of spaced scripts, 1.5
// characters of others.
size_t estimate_tokens(std::string_view text);

}  // namespace weir
