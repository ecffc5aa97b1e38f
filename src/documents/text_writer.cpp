// Everything that may turn out to be unnecessary (blanks, newlines, markers, separators) is pending
// until a visible character follows; so nothing has to be trimmed afterwards.
#include "documents/text_writer.h"

#include <algorithm>

namespace weir {
namespace {

constexpr int kIndentMax = 32;  // columns: deeper nesting than this helps no reader

enum class Special { none, blank, nothing };

// Characters of more than one byte that are white space or invisible, at text[i].
Special special_character(std::string_view text, size_t i, size_t& length) {
  std::string_view rest = text.substr(i, 3);
  length = 2;
  if (rest.starts_with("\xC2\xA0")) return Special::blank;    // U+00A0 no-break space
  if (rest.starts_with("\xC2\xAD")) return Special::nothing;  // U+00AD soft hyphen
  length = 3;
  if (rest == "\xE2\x80\x8B" || rest == "\xEF\xBB\xBF") return Special::nothing;  // U+200B, U+FEFF
  if (rest == "\xE2\x80\xAF" || rest == "\xE2\x80\x89") return Special::blank;    // U+202F, U+2009
  return Special::none;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

// Bytes that need no look: visible ASCII and lead bytes no special character begins with.
bool is_ordinary(char c) {
  unsigned char u = static_cast<unsigned char>(c);
  return u > 0x20 && u != 0x7F && u != 0xC2 && u != 0xE2 && u != 0xEF;
}

}  // namespace

void TextWriter::open_text() {
  if (breaks_ > 0 || out_.empty()) {
    if (!out_.empty()) out_.append(size_t(breaks_), '\n');
    int columns = std::clamp(indent_, 0, kIndentMax) - int(marker_.size());
    out_.append(size_t(std::max(columns, 0)), ' ');
    out_ += marker_;
    if (separators_ > 0) out_ += "| ";
    for (int i = 1; i < separators_; ++i) out_ += "| ";
    out_ += blanks_;
  } else if (separators_ > 0) {
    for (int i = 0; i < separators_; ++i) out_ += " |";
    out_ += ' ';
  } else {
    out_ += blanks_;
  }
  breaks_ = separators_ = 0;
  marker_.clear();
  blanks_.clear();
  item_began_ = false;
}

void TextWriter::blank(char c, bool keep) {
  if (keep) {
    blanks_ += c;
  } else if (blanks_.empty() && breaks_ == 0 && separators_ == 0 && !out_.empty()) {
    blanks_ = " ";
  }
}

void TextWriter::text(std::string_view utf8) {
  for (size_t i = 0; i < utf8.size();) {
    if (is_ordinary(utf8[i])) {
      size_t end = i + 1;
      while (end < utf8.size() && is_ordinary(utf8[end])) ++end;
      open_text();
      out_.append(utf8.substr(i, end - i));
      i = end;
      continue;
    }
    size_t length = 0;
    Special special = special_character(utf8, i, length);
    if (special == Special::blank || is_blank(utf8[i])) {
      blank(' ', false);
      i += special == Special::blank ? length : 1;
    } else if (special == Special::nothing) {
      i += length;
    } else if (static_cast<unsigned char>(utf8[i]) < 0x20 || utf8[i] == 0x7F) {
      ++i;  // a control character
    } else {
      open_text();
      out_ += utf8[i++];
    }
  }
}

void TextWriter::begin_verbatim() {
  line_break(2);
  verbatim_began_ = false;
}

void TextWriter::verbatim(std::string_view utf8) {
  if (in_row_) return text(utf8);
  for (size_t i = 0; i < utf8.size();) {
    size_t length = 1;
    Special special = is_ordinary(utf8[i]) ? Special::none : special_character(utf8, i, length);
    if (special != Special::none) {
      if (special == Special::blank) blank(' ', true);
      i += length;
      continue;
    }
    char c = utf8[i++];
    if (c == '\n') {
      blanks_.clear();
      if (verbatim_began_) ++breaks_;
    } else if (c == ' ' || c == '\t') {
      blank(c, true);
    } else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) {
      open_text();
      verbatim_began_ = true;
      out_ += c;
    }
  }
}

void TextWriter::line_break(int newlines) {
  if (in_row_) return blank(' ', false);
  if (item_began_) return;
  blanks_.clear();
  // Empty lines at the end of code count, but two newlines are the most between blocks.
  breaks_ = std::min(std::max(breaks_, newlines), 2);
}

void TextWriter::begin_item(std::string_view marker) {
  end_item();
  if (in_row_) return;
  marker_ = marker;
  item_began_ = true;
}

void TextWriter::end_item() {
  marker_.clear();
  item_began_ = false;
  line_break(1);
}

void TextWriter::begin_row() {
  line_break(1);
  in_row_ = true;
}

void TextWriter::end_row() {
  in_row_ = false;
  separators_ = 0;
  line_break(1);
}

std::string TextWriter::finish() {
  if (!out_.empty()) out_ += '\n';
  return std::move(out_);
}

}  // namespace weir
