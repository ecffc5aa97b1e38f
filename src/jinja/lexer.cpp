#include "jinja/lexer.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "jinja/characters.h"
#include "text/unicode.h"

namespace weir::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// jinja2 knows one kind of line end, and drops one at the end of the template.
std::string with_plain_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    bool is_pair = source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n';
    if (is_pair) ++i;
    out += source[i] == '\r' ? '\n' : source[i];
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

constexpr std::array<std::string_view, 26> kSymbols = {
    "**", "//", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "[",
    "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};

constexpr size_t kNameMax = 1024;  // names are copied into functions and messages

class Lexer {
 public:
  explicit Lexer(std::string_view source) : text_(source) {}

  Result<std::vector<Token>> run() {
    while (at_ < text_.size()) TRY(outside());
    push(Token::Kind::end, "");
    return std::move(tokens_);
  }

 private:
  enum class Tag { variable, block, comment };

  // Text up to and with the opening of the next tag, and what the tag holds.
  Result<void> outside() {
    size_t tag = find_tag(at_);
    if (tag == text_.npos) {
      push_text(text_.substr(at_));
      at_ = text_.size();
      return {};
    }
    const char mark = text_[tag + 1];
    const Tag kind = mark == '{' ? Tag::variable : mark == '%' ? Tag::block : Tag::comment;
    size_t inside = tag + 2;
    char sign = inside < text_.size() ? text_[inside] : ' ';
    if (sign == '-' || sign == '+') {
      ++inside;
    } else {
      sign = ' ';
    }
    push_text(stripped_before_tag(text_.substr(at_, tag - at_), kind, sign));
    line_ = line_of(tag);
    at_ = inside;
    if (kind == Tag::comment) return comment();
    if (kind == Tag::block && begins_raw(inside)) return raw();
    push(kind == Tag::variable ? Token::Kind::variable_begin : Token::Kind::block_begin, "");
    return inside_tag(kind);
  }

  size_t find_tag(size_t from) const {
    for (size_t i = from; i + 1 < text_.size(); ++i) {
      if (text_[i] == '{' && (text_[i + 1] == '{' || text_[i + 1] == '%' || text_[i + 1] == '#'))
        return i;
    }
    return text_.npos;
  }

  std::string_view stripped_before_tag(std::string_view text, Tag kind, char sign) const {
    if (sign == '-') return strip_end(text);
    if (sign == '+' || kind == Tag::variable) return text;
    size_t line_begin = text.rfind('\n') + 1;  // 0 when there is none
    if (line_begin == 0 && !is_line_start_) return text;
    return strip_end(text.substr(line_begin)).empty() ? text.substr(0, line_begin) : text;
  }

  // After the closing of a tag: '-' strips all blanks, otherwise blocks and comments lose one line
  // end.
  void close(size_t after, char sign, bool trims_newline) {
    at_ = after;
    if (sign == '-') {
      at_ = text_.size() - strip_begin(text_.substr(after)).size();
    } else if (sign != '+' && trims_newline && at_ < text_.size() && text_[at_] == '\n') {
      ++at_;
    }
    is_line_start_ = at_ > 0 && text_[at_ - 1] == '\n';
  }

  Result<void> comment() {
    size_t end = text_.find("#}", at_);
    if (end == text_.npos) return fail("the comment is not closed; end it with '#}'");
    char sign = end > at_ ? text_[end - 1] : ' ';
    close(end + 2, sign, true);
    return {};
  }

  size_t skip_blanks(size_t from) const {
    return text_.size() - strip_begin(text_.substr(from)).size();
  }

  // "raw %}" and nothing else stands at `from`.
  bool begins_raw(size_t from) const {
    std::string_view rest = text_.substr(skip_blanks(from));
    if (!rest.starts_with("raw")) return false;
    rest = strip_begin(rest.substr(3));
    return rest.starts_with("%}") || rest.starts_with("-%}");
  }

  Result<void> raw() {
    size_t content = skip_blanks(skip_blanks(at_) + 3);
    char begin_sign = text_[content] == '-' ? '-' : '+';  // raw does not trim a line end
    close(text_.find("%}", content) + 2, begin_sign, false);
    for (size_t tag = text_.find("{%", at_); tag != text_.npos; tag = text_.find("{%", tag + 2)) {
      size_t inside = tag + 2;
      char sign = inside < text_.size() ? text_[inside] : ' ';
      if (sign == '-' || sign == '+') ++inside;
      size_t name = skip_blanks(inside);
      if (!text_.substr(name).starts_with("endraw")) continue;
      size_t end = skip_blanks(name + 6);
      char end_sign = end < text_.size() ? text_[end] : ' ';
      if (end_sign == '-' || end_sign == '+') ++end;
      if (!text_.substr(end).starts_with("%}")) continue;
      push_text(stripped_before_tag(text_.substr(at_, tag - at_), Tag::block, sign));
      close(end + 2, end_sign, true);
      return {};
    }
    return fail("'raw' is not closed; end it with '{% endraw %}'");
  }

  Result<void> inside_tag(Tag kind) {
    std::string open;  // brackets that are to be closed
    for (;;) {
      at_ = skip_blanks(at_);
      line_ = line_of(at_);
      std::string_view rest = text_.substr(at_);
      if (rest.empty()) return fail("a tag is not closed; end it with '%}' or '}}'");
      if (open.empty() && closes(kind, rest)) return {};
      if (is_digit(rest[0])) {
        TRY(number(rest));
      } else if (is_name_start(rest[0])) {
        size_t n = 1;
        while (n < rest.size() && is_name_part(rest[n])) ++n;
        if (n > kNameMax) return fail("a name is longer than 1024 bytes; shorten it");
        push(Token::Kind::name, rest.substr(0, n));
        at_ += n;
      } else if (rest[0] == '"' || rest[0] == '\'') {
        TRY(string(rest));
      } else {
        TRY(symbol(rest, open));
      }
      if (tokens_.size() > kTokensMax)
        return fail("the template has more than 500000 tokens; shorten it");
    }
  }

  bool closes(Tag kind, std::string_view rest) {
    const std::string_view end = kind == Tag::variable ? "}}" : "%}";
    char sign = ' ';
    if (rest[0] == '-' || (rest[0] == '+' && kind == Tag::block)) {
      sign = rest[0];
      rest.remove_prefix(1);
    }
    if (!rest.starts_with(end)) return false;
    push(kind == Tag::variable ? Token::Kind::variable_end : Token::Kind::block_end, "");
    close(text_.size() - rest.size() + 2, sign, kind == Tag::block);
    return true;
  }

  Result<void> symbol(std::string_view rest, std::string& open) {
    auto found = std::find_if(kSymbols.begin(), kSymbols.end(),
                              [&](std::string_view s) { return rest.starts_with(s); });
    if (found == kSymbols.end()) {
      size_t bytes = size_t(decode_utf8(rest, 0).bytes);
      return fail(fmt::format("the character '{}' has no meaning in a tag",
                              printable(rest.substr(0, bytes))));
    }
    const char c = (*found)[0];
    if (c == '(') open += ')';
    if (c == '[') open += ']';
    if (c == '{') open += '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c)
        return fail(fmt::format("'{}' closes nothing that is open", c));
      open.pop_back();
    }
    push(Token::Kind::symbol, *found);
    at_ += found->size();
    return {};
  }

  Result<void> number(std::string_view rest) {
    size_t n = 0;
    auto skip_digits = [&](auto is_wanted) {
      while (n < rest.size() && (is_wanted(rest[n]) || rest[n] == '_')) ++n;
    };
    auto has_digit = [&](size_t at) { return at < rest.size() && is_digit(rest[at]); };
    bool is_real = false;
    if (rest.size() > 1 && rest[0] == '0' &&
        std::string_view("xXoObB").find(rest[1]) != rest.npos) {
      n = 2;
      skip_digits([](char c) { return hex_value(c) >= 0; });
    } else {
      skip_digits(is_digit);
      if (n < rest.size() && rest[n] == '.' && has_digit(n + 1)) {
        ++n;
        skip_digits(is_digit);
        is_real = true;
      }
      if (n < rest.size() && (rest[n] | 32) == 'e') {
        const bool has_sign = n + 1 < rest.size() && (rest[n + 1] == '+' || rest[n + 1] == '-');
        if (has_digit(n + 1 + has_sign)) {
          n += 1 + has_sign;
          skip_digits(is_digit);
          is_real = true;
        }
      }
    }
    std::string value(rest.substr(0, n));
    value.erase(std::remove(value.begin(), value.end(), '_'), value.end());
    if (value.size() > 40) return fail("a number has more than 40 digits");
    push(is_real ? Token::Kind::real : Token::Kind::integer, value);
    at_ += n;
    return {};
  }

  Result<void> string(std::string_view rest) {
    std::string value;
    size_t i = 1;
    while (i < rest.size() && rest[i] != rest[0]) {
      if (rest[i] != '\\') {
        value += rest[i++];
      } else {
        TRY(escape(rest, i, value));
      }
    }
    if (i >= rest.size()) return fail("a string is not closed");
    push(Token::Kind::string, value);
    at_ += i + 1;
    return {};
  }

  // Python's escapes; `i` is at the backslash and ends after the escape.
  Result<void> escape(std::string_view rest, size_t& i, std::string& value) {
    if (i + 1 >= rest.size()) return fail("a string is not closed");
    const char c = rest[i + 1];
    constexpr std::string_view kNames = "abfnrtv\\'\"", kMeanings = "\a\b\f\n\r\t\v\\'\"";
    if (size_t known = kNames.find(c); known != kNames.npos) {
      value += kMeanings[known];
      i += 2;
      return {};
    }
    if (c == '\n') {
      i += 2;
      return {};
    }
    const size_t wanted = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    char32_t code = 0;
    size_t n = 0;
    if (wanted > 0) {
      i += 2;
      for (; n < wanted && i + n < rest.size() && hex_value(rest[i + n]) >= 0; ++n)
        code = code * 16 + char32_t(hex_value(rest[i + n]));
      bool is_character = code <= 0x10FFFF && !(code >= 0xD800 && code < 0xE000);
      if (n < wanted || !is_character)
        return fail(
            fmt::format("'\\{}' in a string needs {} hexadecimal digits that name a "
                        "character",
                        c, wanted));
    } else if (c >= '0' && c <= '7') {
      i += 1;
      for (; n < 3 && i + n < rest.size() && rest[i + n] >= '0' && rest[i + n] <= '7'; ++n)
        code = code * 8 + char32_t(rest[i + n] - '0');
    } else if (c == 'N') {
      return fail("'\\N' names in strings are not supported; write the character itself");
    } else {
      value += '\\';  // any other backslash stands for itself
      i += 1;
      return {};
    }
    append_utf8(value, code);
    i += n;
    return {};
  }

  void push(Token::Kind kind, std::string_view text) {
    tokens_.push_back({kind, line_, std::string(text)});
  }
  void push_text(std::string_view text) {
    line_ = line_of(at_);
    if (!text.empty()) push(Token::Kind::text, text);
  }
  int line_of(size_t at) {
    for (; counted_ < at; ++counted_) lines_ += text_[counted_] == '\n';
    return lines_;
  }
  Error fail(const std::string& what) const {
    return {"line " + std::to_string(line_) + ": " + what};
  }

  std::string_view text_;
  size_t at_ = 0;
  bool is_line_start_ = true;
  size_t counted_ = 0;  // line ends before this place are in lines_
  int lines_ = 1;
  int line_ = 1;  // of the token that is read
  std::vector<Token> tokens_;
};

}  // namespace

std::string describe(const Token& token) {
  switch (token.kind) {
    case Token::Kind::end:
      return "the end of the template";
    case Token::Kind::variable_end:
      return "'}}'";
    case Token::Kind::block_end:
      return "'%}'";
    case Token::Kind::variable_begin:
      return "'{{'";
    case Token::Kind::block_begin:
      return "'{%'";
    case Token::Kind::text:
      return "text";
    default:
      return "'" + printable(token.text) + "'";
  }
}

Result<std::vector<Token>> tokenize(std::string_view source) {
  std::string plain = with_plain_newlines(source);
  return Lexer(plain).run();
}

Token TokenReader::take() {
  Token token = current();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenReader::skip(std::string_view symbol) {
  const bool is_here = current().is(symbol);
  at_ += is_here;
  return is_here;
}

bool TokenReader::skip_name(std::string_view name) {
  const bool is_here = current().is_name(name);
  at_ += is_here;
  return is_here;
}

Result<void> TokenReader::expect(std::string_view symbol) {
  if (skip(symbol)) return {};
  return expected(fmt::format("'{}'", symbol));
}

Result<std::string> TokenReader::expect_name(const char* what) {
  if (current().kind == Token::Kind::name) return take().text;
  return expected(what);
}

Error TokenReader::expected(const std::string& what) const {
  return fail(what + " is expected here, not " + describe(current()));
}

Error TokenReader::fail(const std::string& what) const {
  return {"line " + std::to_string(current().line) + ": " + what};
}

Result<TokenReader::Nesting> TokenReader::nest() {
  if (++depth_ <= kNestingMax) return Nesting(&depth_);
  return fail(fmt::format(
      "brackets and blocks are nested deeper than {} levels; simplify the template", kNestingMax));
}

}  // namespace weir::jinja
