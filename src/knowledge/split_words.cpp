#include "knowledge/words.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <unordered_set>

#include "base/text.h"
#include "knowledge/stem.h"
#include "knowledge/stop_words.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr size_t kWordBytesMax = 64;
constexpr size_t kQueryWordsMax = 64;

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// NFKC with case folding; what utf8proc refuses stays as it is.
std::string fold(std::string_view text) {
  std::string folded(text);
  if (is_ascii(text)) {
    for (char& c : folded)
      if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
    return folded;
  }
  folded = replace_invalid_utf8(text);
  utf8proc_uint8_t* out = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(folded.data()),
                   utf8proc_ssize_t(folded.size()), &out,
                   utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE |
                                     UTF8PROC_CASEFOLD | UTF8PROC_IGNORE));
  if (size >= 0) folded.assign(reinterpret_cast<char*>(out), size_t(size));
  std::free(out);
  return folded;
}

bool is_word_code(char32_t code) {
  if (code < 0x80)
    return (code >= 'a' && code <= 'z') || (code >= '0' && code <= '9') ||
           (code >= 'A' && code <= 'Z');
  if (code == 0xFFFD) return false;
  const int category = utf8proc_category(utf8proc_int32_t(code));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
}

bool is_joint(char32_t code) { return code == '_' || code == '.' || code == '-'; }

// Takes the characters of a text and makes words of them.
class Splitter {
 public:
  explicit Splitter(std::vector<Word>& words) : words_(words) {}

  void push(char32_t code, std::string_view bytes) {
    if (is_unspaced(code) && is_word_code(code)) {
      end_word();
      add_unspaced(bytes);
      return;
    }
    end_run();
    if (is_word_code(code)) {
      part_ += bytes;
    } else if (is_joint(code) && !part_.empty()) {
      end_part();
      whole_ += bytes;
    } else {
      end_word();
    }
  }
  void finish() {
    end_word();
    end_run();
  }

 private:
  void end_part() {
    whole_ += part_;
    if (part_.size() > kWordBytesMax)
      part_.resize(valid_utf8_prefix(part_.substr(0, kWordBytesMax)));
    stem_english(part_);
    if (!part_.empty()) {
      words_.push_back({Word::Kind::plain, part_});
      ++parts_;
    }
    part_.clear();
  }
  void end_word() {
    if (!part_.empty()) end_part();
    while (!whole_.empty() && is_joint(char32_t(static_cast<unsigned char>(whole_.back()))))
      whole_.pop_back();
    if (parts_ > 1 && whole_.size() <= kWordBytesMax)
      words_.push_back({Word::Kind::joined, whole_});
    whole_.clear();
    parts_ = 0;
  }
  void add_unspaced(std::string_view bytes) {
    if (!last_.empty()) words_.push_back({Word::Kind::pair, last_ + std::string(bytes)});
    last_ = bytes;
  }
  void end_run() {
    if (!last_.empty()) words_.push_back({Word::Kind::single, last_});
    last_.clear();
  }

  std::vector<Word>& words_;
  std::string part_, whole_, last_;
  int parts_ = 0;
};

// The question with a blank in place of every stop phrase of a script without blanks.
std::string without_unspaced_stops(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t stop = unspaced_stop_at(text.substr(at));
    if (stop > 0) {
      out += ' ';
      at += stop;
      continue;
    }
    const size_t bytes = size_t(decode_utf8(text, at).bytes);
    out += text.substr(at, bytes);
    at += bytes;
  }
  return out;
}

std::vector<Word> chosen_words(std::string_view text, bool with_stops) {
  const std::string question = with_stops ? std::string(text) : without_unspaced_stops(text);
  std::vector<Word> words = split_words(question), chosen;
  std::unordered_set<std::string> seen;
  for (size_t i = 0; i < words.size(); ++i) {
    Word& word = words[i];
    const bool follows_pair = i > 0 && words[i - 1].kind == Word::Kind::pair;
    if (word.kind == Word::Kind::single && follows_pair) continue;
    if (!with_stops && word.kind == Word::Kind::plain && is_stop_word(word.text)) continue;
    if (!seen.insert(word.text).second) continue;
    chosen.push_back(std::move(word));
    if (chosen.size() == kQueryWordsMax) break;
  }
  return chosen;
}

}  // namespace

bool is_unspaced(char32_t code) {
  return (code >= 0x3400 && code <= 0x9FFF) || (code >= 0x3040 && code <= 0x30FF) ||
         (code >= 0xAC00 && code <= 0xD7A3) || (code >= 0x0E00 && code <= 0x0EFF) ||
         (code >= 0x1000 && code <= 0x109F) || (code >= 0x1780 && code <= 0x17FF) ||
         (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x20000 && code <= 0x323AF) ||
         code == 0x3005;
}

std::vector<Word> split_words(std::string_view text) {
  std::vector<Word> words;
  words.reserve(text.size() / 4);
  const std::string folded = fold(text);
  Splitter splitter(words);
  for (size_t at = 0; at < folded.size();) {
    const Utf8Character character = decode_utf8(folded, at);
    splitter.push(character.code, std::string_view(folded).substr(at, size_t(character.bytes)));
    at += size_t(character.bytes);
  }
  splitter.finish();
  return words;
}

std::string index_text(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  for (const Word& word : split_words(text)) {
    if (!out.empty()) out += ' ';
    out += word.text;
  }
  return out;
}

std::vector<Word> query_words(std::string_view question) {
  std::vector<Word> words = chosen_words(question, false);
  return words.empty() ? chosen_words(question, true) : words;
}

std::string match_expression(const std::vector<Word>& words) {
  std::string out;
  for (const Word& word : words) {
    if (!out.empty()) out += " OR ";
    out += '"' + word.text + '"';  // a word has no quotation mark
    // A lone character begins every pair in which it is the first, and stands alone at ends.
    if (word.kind == Word::Kind::single) out += '*';
  }
  return out;
}

std::vector<std::string> content_words(std::string_view text) {
  std::vector<std::string> words;
  for (Word& word : split_words(text)) {
    if (word.kind == Word::Kind::single) continue;
    if (word.kind == Word::Kind::plain && is_stop_word(word.text)) continue;
    words.push_back(std::move(word.text));
  }
  std::ranges::sort(words);
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

double word_likeness(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> both;
  std::ranges::set_intersection(a, b, std::back_inserter(both));
  const size_t either = a.size() + b.size() - both.size();
  return either == 0 ? 0 : double(both.size()) / double(either);
}

bool is_mostly_unspaced(std::string_view text) {
  size_t letters = 0, unspaced = 0;
  for (size_t at = 0; at < text.size();) {
    const Utf8Character character = decode_utf8(text, at);
    letters += is_word_code(character.code);
    unspaced += is_unspaced(character.code);
    at += size_t(character.bytes);
  }
  return unspaced > 0 && unspaced * 3 >= letters;
}

size_t estimate_tokens(std::string_view text) {
  size_t spaced = 0, unspaced = 0;
  for (size_t at = 0; at < text.size();) {
    const Utf8Character character = decode_utf8(text, at);
    (is_unspaced(character.code) ? unspaced : spaced) +=
        is_unspaced(character.code) ? 1 : size_t(character.bytes);
    at += size_t(character.bytes);
  }
  return (spaced + 3) / 4 + (2 * unspaced + 2) / 3;
}

}  // namespace weir
