// Cuts a text that comes in parts into the symbols that words are compared by, with their places in
// the text as it came. What it undoes:
//   - forms of a character (fold.h), and characters without a width inside of words;
//   - blanks and punctuation between Han characters, up to kGapMax, but not the end of a sentence;
//   - one of * ~ ^ | and the like between two letters ("b*omb"), and single letters that stand
//     apart ("b o m b").
// Words of letters stand between boundaries, so that a boundary in an entry asks for whole words.
// Symbols do not depend on how the text is cut.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "guard/fold.h"
#include "text/unicode.h"

namespace weir {

// Lookup: FoldedCharacter-like of a code point: {code, kind}.
// Sink: symbol(code, begin, end); boundary(at); skips_letters(): the rest of a word changes
// nothing.
template <class Lookup, class Sink>
class Normaliser {
 public:
  static constexpr int kGapMax = 8, kIgnoredMax = 64;

  Normaliser(const Lookup& lookup, Sink& sink) : lookup_(lookup), sink_(sink) {}

  // `text` begins at byte `offset` of the whole text. Returns how many bytes were taken: all but a
  // character whose rest may still come, unless the text `is_last`.
  size_t push(std::string_view text, size_t offset, bool is_last) {
    const size_t end = is_last ? text.size() : text.size() - unfinished_utf8_tail(text);
    size_t i = 0;
    while (i < end) {
      const auto byte = uint8_t(text[i]);
      if (byte < 0x80) {
        if (in_word_ && gap_ == 0 && !has_pending_ && sink_.skips_letters() &&
            is_ascii_letter(byte)) {
          do ++i;
          while (i < end && is_ascii_letter(uint8_t(text[i])));
          ignored_ = 0;
          continue;
        }
        if (!in_word_ && i + 1 < end && is_ascii_letter(byte) &&
            is_ascii_letter(uint8_t(text[i + 1])) && sink_.skips_word(byte, uint8_t(text[i + 1]))) {
          i = skip_word(text, i, end);
          continue;
        }
        if (in_word_ && kIsPlain[byte] && gap_ == 0 && !has_pending_ && !is_single_) {
          in_word_ = is_joined_ = false;
          gap_ = 1;
          ignored_ = 0;
          boundary(offset + i);
          ++i;
          continue;
        }
        take(byte, lookup_(byte), offset + i, offset + i + 1);
        ++i;
        continue;
      }
      if (after_han_ && i + 2 < end && byte >= 0xE3 && byte <= 0xE9) {
        const auto second = uint8_t(text[i + 1]), third = uint8_t(text[i + 2]);
        const auto code = char32_t((byte & 0x0F) << 12 | (second & 0x3F) << 6 | (third & 0x3F));
        if ((second & 0xC0) == 0x80 && (third & 0xC0) == 0x80) {
          const auto folded = lookup_(code);
          if (folded.kind == CharacterKind::han && sink_.skips_symbol(uint32_t(folded.code))) {
            gap_ = ignored_ = 0;
            is_joined_ = is_hard_ = is_single_ = at_boundary_ = false;
            i += 3;
            continue;
          }
        }
      }
      const Utf8Character character = decode_utf8(text, i);
      const size_t next = i + size_t(character.bytes);
      take(character.code, lookup_(character.code), offset + i, offset + next);
      i = next;
    }
    if (is_last) finish(offset + text.size());
    return end;
  }

  // The begin of a letter that waits for what follows it; or_else: none does.
  size_t pending(size_t or_else) const { return has_pending_ ? pending_begin_ : or_else; }

 private:
  static constexpr std::array<bool, 256> kIsLetter = [] {
    std::array<bool, 256> is{};
    for (int c = 0; c < 128; ++c)
      is[size_t(c)] = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    return is;
  }();
  // Separators that neither join nor end a sentence.
  static constexpr std::array<bool, 256> kIsPlain = [] {
    std::array<bool, 256> is{};
    for (const char c : {' ', '\n', ',', '.', ':', '-', '/', '(', ')', '"', '='})
      is[size_t(c)] = true;
    return is;
  }();
  static bool is_ascii_letter(uint8_t c) { return kIsLetter[c]; }
  static bool is_joiner(char32_t c) {
    switch (c) {
      case '*':
      case '~':
      case '^':
      case '|':
      case '\'':
      case U'\u00B7':
      case U'\u2022':
      case U'\u2019':
        return true;
    }
    return false;
  }
  static bool ends_sentence(char32_t c) {
    switch (c) {
      case '!':
      case '?':
      case ';':
      case U'\u3002':
      case U'\uFF01':
      case U'\uFF1F':
      case U'\uFF1B':
        return true;
    }
    return false;
  }

  // Past a word of ASCII with which no entry begins or goes on.
  size_t skip_word(std::string_view text, size_t i, size_t end) {
    do ++i;
    while (i < end && is_ascii_letter(uint8_t(text[i])));
    sink_.skip();
    in_word_ = has_begun_ = true;
    gap_ = ignored_ = 0;
    is_joined_ = is_hard_ = is_single_ = at_boundary_ = after_han_ = false;
    return i;
  }

  template <class Folded>
  void take(char32_t code, Folded folded, size_t begin, size_t end) {
    CharacterKind kind = folded.kind;
    if (kind == CharacterKind::ignored) {
      if (++ignored_ <= kIgnoredMax) return;
      is_hard_ = true;
      kind = CharacterKind::separator;
    } else {
      ignored_ = 0;
    }
    if (kind == CharacterKind::separator)
      take_separator(code, begin);
    else if (kind == CharacterKind::letter)
      take_letter(folded.code, begin, end);
    else
      take_han(folded.code, begin, end);
  }

  void take_separator(char32_t code, size_t begin) {
    ++gap_;
    is_hard_ = is_hard_ || gap_ > kGapMax || ends_sentence(code);
    if (in_word_) {
      is_joined_ = gap_ == 1 && is_joiner(code);
      if (!is_joined_) end_word(begin);
    }
    if (is_hard_) boundary(begin);
  }

  // After a word of several letters a boundary is certain.
  void end_word(size_t at) {
    if (has_pending_) {
      release_single();
    } else if (in_word_) {
      if (!is_single_) boundary(at);
    }
    in_word_ = false;
  }

  void release_single() {
    if (!joins_) boundary(pending_begin_);
    emit(pending_code_, pending_begin_, pending_end_);
    has_pending_ = false;
    is_single_ = true;
  }

  template <class Code>
  void take_letter(Code code, size_t begin, size_t end) {
    if (in_word_ && (gap_ == 0 || is_joined_)) {
      if (has_pending_) {
        boundary(pending_begin_);
        emit(pending_code_, pending_begin_, pending_end_);
        has_pending_ = false;
      }
      is_single_ = false;
      emit(code, begin, end);
    } else {
      // A lone letter after lone letters, or the begin of a word.
      joins_ = is_single_ && gap_ > 0 && gap_ <= 3 && !is_hard_;
      has_pending_ = true;
      pending_code_ = uint32_t(code);
      pending_begin_ = begin;
      pending_end_ = end;
      in_word_ = true;
    }
    gap_ = 0;
    is_joined_ = is_hard_ = false;
    after_han_ = false;
  }

  template <class Code>
  void take_han(Code code, size_t begin, size_t end) {
    if (in_word_) end_word(begin);
    if (!after_han_ && has_begun_) boundary(begin);
    is_single_ = false;
    emit(code, begin, end);
    gap_ = 0;
    is_joined_ = is_hard_ = false;
    after_han_ = true;
  }

  template <class Code>
  void emit(Code code, size_t begin, size_t end) {
    has_begun_ = true;
    at_boundary_ = false;
    sink_.symbol(uint32_t(code), begin, end);
  }
  void boundary(size_t at) {
    if (at_boundary_) return;
    at_boundary_ = true;
    sink_.boundary(at);
  }

  void finish(size_t at) {
    if (in_word_) end_word(at);
    if (!after_han_ && has_begun_) boundary(at);
  }

  const Lookup& lookup_;
  Sink& sink_;
  int gap_ = 0, ignored_ = 0;  // characters since the last symbol
  bool is_hard_ = false;       // the gap ends any entry
  bool is_joined_ = false;     // the gap is one joiner inside of a word
  bool in_word_ = false;       // no gap but a joiner since a letter
  bool is_single_ = false;     // the last word is one letter that was emitted
  bool after_han_ = false;     // the last symbol is a Han character
  bool has_begun_ = false, at_boundary_ = false;
  bool has_pending_ = false, joins_ = false;
  uint32_t pending_code_ = 0;
  size_t pending_begin_ = 0, pending_end_ = 0;
};

}  // namespace weir
