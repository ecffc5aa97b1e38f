#include "grammar/regular_expression.h"

#include <optional>

#include "base/text.h"
#include "grammar/repetition.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr size_t kTextMax = size_t(64) << 10;
constexpr int kDepthMax = 100;
constexpr RepetitionRules kRepetition = {"quantifier", 100'000, false};

// ECMAScript 2024, 22.2.2: these classes know ASCII but for white space.
CodePointSet digits() { return CodePointSet({{'0', '9'}}); }
CodePointSet word() { return CodePointSet({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}); }
CodePointSet space() {
  return CodePointSet({{9, 13},
                       {' ', ' '},
                       {0xA0, 0xA0},
                       {0x1680, 0x1680},
                       {0x2000, 0x200A},
                       {0x2028, 0x2029},
                       {0x202F, 0x202F},
                       {0x205F, 0x205F},
                       {0x3000, 0x3000},
                       {0xFEFF, 0xFEFF}});
}
CodePointSet any_but_line_ends() {
  return CodePointSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}).complement();
}

class RegularExpressionParser {
 public:
  RegularExpressionParser(std::string_view text, Grammar& grammar, Matching matching,
                          const Spelling& spelling)
      : text_(text), grammar_(grammar), matching_(matching), spelling_(spelling) {}

  Result<Grammar::Expression> run() {
    if (text_.size() > kTextMax) return Error{"a regular expression has at most 64 KiB"};
    if (valid_utf8_prefix(text_) != text_.size())
      return Error{"the regular expression is not UTF-8"};
    const Grammar::Expression all = TRY(alternatives(0));
    if (at_ < text_.size()) return error("')' closes no group");
    return all;
  }

 private:
  Error error(const std::string& what) const {
    return Error{"regular expression '" + printable(text_, 60) + "', byte " +
                 std::to_string(at_ + 1) + ": " + what};
  }
  Error refused(const std::string& what) const { return error(what + " are not supported"); }
  bool has(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  bool take(std::string_view what) {
    if (!has(what)) return false;
    at_ += what.size();
    return true;
  }
  Grammar::Expression one(const CodePointSet& set) { return spelling_.character(grammar_, set); }

  Result<Grammar::Expression> alternatives(int depth) {
    if (depth > kDepthMax) return error("groups are nested more than 100 deep");
    std::vector<Grammar::Expression> all;
    do {
      all.push_back(TRY(sequence(depth)));
    } while (take("|"));
    return grammar_.choice(std::move(all));
  }

  Result<Grammar::Expression> sequence(int depth) {
    std::vector<Grammar::Expression> parts;
    bool begins = false, ends = false;
    while (depth == 0 && take("^")) begins = true;
    while (at_ < text_.size() && !has("|") && !has(")")) {
      if (depth == 0 && has("$")) {
        while (take("$")) ends = true;
        if (at_ < text_.size() && !has("|"))
          return error("'$' is supported at the end of an alternative only");
        break;
      }
      parts.push_back(TRY(quantified(depth)));
    }
    if (matching_ == Matching::whole || depth > 0) return grammar_.sequence(std::move(parts));
    const Grammar::Expression anything =
        grammar_.repeat(one(CodePointSet({{0, kCodePointMax}})), 0, Grammar::kUnlimited);
    if (!begins) parts.insert(parts.begin(), anything);
    if (!ends) parts.push_back(anything);
    return grammar_.sequence(std::move(parts));
  }

  Result<Grammar::Expression> quantified(int depth) {
    const Grammar::Expression body = TRY(atom(depth));
    int64_t min = 1, max = 1;
    if (take("*")) {
      min = 0, max = Grammar::kUnlimited;
    } else if (take("+")) {
      max = Grammar::kUnlimited;
    } else if (take("?")) {
      min = 0;
    } else if (take("{")) {
      const Result<Repetition> times = read_repetition(text_, at_, kRepetition);
      if (!times) return error(times.error().message + "; write \\{ for '{'");
      min = times->min, max = times->max;
    } else {
      return body;
    }
    if (!take("?") && has("+")) return refused("possessive quantifiers");
    if (has("*") || has("+") || has("?") || has("{"))
      return error("two quantifiers follow each other; put the first into a group");
    return grammar_.repeat(body, min, max);
  }

  Result<Grammar::Expression> atom(int depth) {
    if (take("(")) return group(depth);
    if (take("[")) return one(TRY(character_class()));
    if (take(".")) return one(any_but_line_ends());
    if (has("*") || has("+") || has("?") || has("{"))
      return error("a quantifier follows nothing; escape '" + std::string(1, text_[at_]) + "'");
    if (has("^") || has("$"))
      return error(std::string("'") + text_[at_] +
                   "' is supported at the ends of the outermost alternatives only");
    if (take("\\")) return one(TRY(escape(false)));
    return one(literal());
  }

  CodePointSet literal() {
    const Utf8Character c = decode_utf8(text_, at_);
    at_ += size_t(c.bytes);
    return CodePointSet({{c.code, c.code}});
  }

  Result<Grammar::Expression> group(int depth) {
    if (take("?")) {
      if (has("=") || has("!")) return refused("lookaheads (?= (?!");
      if (has("<=") || has("<!")) return refused("lookbehinds (?<= (?<!");
      if (has(">")) return refused("atomic groups (?>");
      if (has("P=")) return refused("backreferences (?P=");
      if (take("<") || take("P<")) {
        const size_t end = text_.find('>', at_);
        if (end == text_.npos) return error("the name of a group is not closed by '>'");
        at_ = end + 1;
      } else if (!take(":")) {
        return refused("flags and other groups (?");
      }
    }
    const Grammar::Expression inside = TRY(alternatives(depth + 1));
    if (!take(")")) return error("a group is not closed by ')'");
    return inside;
  }

  // After the backslash. The set has one character unless the escape is a class.
  Result<CodePointSet> escape(bool in_class) {
    if (at_ == text_.size()) return error("the expression ends in '\\'");
    const char c = text_[at_];
    const auto code = [](char32_t value) { return CodePointSet({{value, value}}); };
    if (c >= '1' && c <= '9') return refused("backreferences");
    if (c == 'k') return refused("backreferences");
    if (!in_class && (c == 'b' || c == 'B')) return refused("word boundaries");
    if (c == 'A' || c == 'Z' || c == 'z' || c == 'G')
      return refused(std::string("anchors \\") + c + " (write ^ and $)");
    ++at_;
    switch (c) {
      case 'd':
        return digits();
      case 'D':
        return digits().complement();
      case 'w':
        return word();
      case 'W':
        return word().complement();
      case 's':
        return space();
      case 'S':
        return space().complement();
      case 'n':
        return code('\n');
      case 'r':
        return code('\r');
      case 't':
        return code('\t');
      case 'f':
        return code('\f');
      case 'v':
        return code('\v');
      case 'b':
        return code('\b');
      case '0':
        return code(0);
      case 'x':
        return code(TRY(hexadecimal(2)));
      case 'u':
        return code(TRY(unicode()));
      case 'c':
        if (at_ < text_.size() && ((text_[at_] | 32) >= 'a' && (text_[at_] | 32) <= 'z'))
          return code(char32_t(text_[at_++] & 31));
        return error("\\c needs a letter");
      case 'p':
      case 'P':
        return property(c == 'P');
      default:
        break;
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
      return error(std::string("there is no escape '\\") + c + "'");
    --at_;
    return literal();
  }

  Result<char32_t> hexadecimal(int digits) {
    char32_t code = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const int digit = at_ < text_.size() ? hex_digit(text_[at_]) : -1;
      if (digit < 0) return error("\\x has two hexadecimal digits and \\u four");
      code = code * 16 + char32_t(digit);
    }
    return code;
  }

  Result<char32_t> unicode() {
    char32_t code = 0;
    if (take("{")) {
      const size_t from = at_;
      for (; at_ < text_.size() && hex_digit(text_[at_]) >= 0 && code <= kCodePointMax; ++at_)
        code = code * 16 + char32_t(hex_digit(text_[at_]));
      if (at_ == from || !take("}") || code > kCodePointMax)
        return error("\\u{...} names no character of Unicode");
    } else {
      code = TRY(hexadecimal(4));
      if (code >= 0xD800 && code < 0xDC00 && has("\\u")) {
        at_ += 2;
        const char32_t low = TRY(hexadecimal(4));
        if (low < 0xDC00 || low > 0xDFFF) return error("\\u names half a character");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      }
    }
    if (code >= 0xD800 && code <= 0xDFFF) return error("\\u names half a character");
    return code;
  }

  Result<CodePointSet> property(bool is_negated) {
    if (!take("{")) return error("\\p is written \\p{name}");
    const size_t end = text_.find('}', at_);
    if (end == text_.npos) return error("\\p{ is not closed by '}'");
    std::string_view name = text_.substr(at_, end - at_);
    for (std::string_view key : {"General_Category=", "gc=", "Script=", "sc="})
      if (name.starts_with(key)) name.remove_prefix(key.size());
    const std::optional<CodePointSet> set = named_code_points(name);
    if (!set) return error("'" + printable(name) + "' is no category or script of Unicode");
    at_ = end + 1;
    return is_negated ? set->complement() : *set;
  }

  Result<CodePointSet> character_class() {
    const bool is_negated = take("^");
    CodePointSet all;
    if (has("]")) return error("an empty class; write \\] for ']'");
    while (!take("]")) {
      if (at_ == text_.size()) return error("a class is not closed by ']'");
      if (has("[:")) return refused("POSIX classes [:name:]");
      const CodePointSet first = take("\\") ? TRY(escape(true)) : literal();
      const bool is_range = has("-") && at_ + 1 < text_.size() && text_[at_ + 1] != ']';
      if (!is_range) {
        all = all.united(first);
        continue;
      }
      ++at_;
      const CodePointSet last = take("\\") ? TRY(escape(true)) : literal();
      const auto single = [](const CodePointSet& set) {
        return set.ranges().size() == 1 && set.ranges()[0].first == set.ranges()[0].last;
      };
      if (!single(first) || !single(last) || last.ranges()[0].first < first.ranges()[0].first)
        return error("a range in a class needs two characters in order; write \\- for '-'");
      all = all.united(CodePointSet({{first.ranges()[0].first, last.ranges()[0].first}}));
    }
    return is_negated ? all.complement() : all;
  }

  std::string_view text_;
  Grammar& grammar_;
  const Matching matching_;
  const Spelling& spelling_;
  size_t at_ = 0;
};

}  // namespace

Result<Grammar::Expression> parse_regular_expression(std::string_view text, Grammar& grammar,
                                                     Matching matching, const Spelling& spelling) {
  return RegularExpressionParser(text, grammar, matching, spelling).run();
}

}  // namespace weir
