#include "grammar/gbnf.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "grammar/repetition.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr size_t kTextMax = size_t(1) << 20;
constexpr int kDepthMax = 100;
constexpr size_t kRulesMax = 20'000;
constexpr RepetitionRules kRepetition = {"repetition", 1'000'000, true};

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

class GbnfParser {
 public:
  GbnfParser(std::string_view text, Grammar& grammar) : text_(text), grammar_(grammar) {}

  Result<Grammar::Rule> run() {
    if (text_.size() > kTextMax) return Error{"a grammar has at most 1 MiB of text"};
    if (valid_utf8_prefix(text_) != text_.size()) {
      at_ = valid_utf8_prefix(text_);
      return error("the text is not UTF-8");
    }
    skip(true);
    while (at_ < text_.size()) {
      TRY(rule());
      skip(true);
    }
    for (const auto& [name, use] : rules_) {
      if (grammar_.is_defined(use.rule)) continue;
      at_ = use.first;
      return error("rule '" + name + "' is used and not defined");
    }
    const auto root = rules_.find("root");
    if (root == rules_.end())
      return Error{"the grammar has no rule 'root'; the text to match is that of root ::= ..."};
    return root->second.rule;
  }

 private:
  struct Use {
    Grammar::Rule rule;
    size_t first;  // where it appears first
  };

  Error error(const std::string& what) const {
    const auto lines = std::count(text_.begin(), text_.begin() + ptrdiff_t(at_), '\n');
    return Error{"line " + std::to_string(lines + 1) + ": " + what};
  }
  bool has(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool take(char c) {
    if (!has(c)) return false;
    ++at_;
    return true;
  }

  // Blanks and comments; line ends only if `lines`.
  void skip(bool lines) {
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '#')
        while (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
      if (at_ == text_.size()) return;
      const char c = text_[at_];
      if (c != ' ' && c != '\t' && !(lines && (c == '\n' || c == '\r'))) return;
    }
  }

  Result<std::string> name() {
    const size_t from = at_;
    while (at_ < text_.size() && is_name_character(text_[at_])) ++at_;
    if (at_ == from)
      return error(at_ < text_.size()
                       ? "a rule's name is expected at '" + printable(text_.substr(at_, 12)) + "'"
                       : "a rule's name is expected at the end of the text");
    return std::string(text_.substr(from, at_ - from));
  }

  Result<Grammar::Rule> rule_named(const std::string& name, size_t where) {
    const auto [at, is_new] = rules_.try_emplace(name, Use{0, where});
    if (is_new) {
      if (rules_.size() > kRulesMax) return error("a grammar has at most 20000 rules");
      at->second.rule = grammar_.add_rule(name);
    }
    return at->second.rule;
  }

  Result<void> rule() {
    const size_t where = at_;
    const std::string called = TRY(name());
    skip(false);
    if (text_.substr(at_, 3) != "::=") return error("'::=' is expected after '" + called + "'");
    at_ += 3;
    skip(true);
    const Grammar::Rule number = TRY(rule_named(called, where));
    if (grammar_.is_defined(number)) return error("rule '" + called + "' is defined twice");
    grammar_.define(number, TRY(alternatives(0)));
    if (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r')
      return error("unexpected '" + printable(text_.substr(at_, 12)) + "' in rule '" + called +
                   "'");
    return {};
  }

  Result<Grammar::Expression> alternatives(int depth) {
    if (depth > kDepthMax) return error("groups are nested more than 100 deep");
    std::vector<Grammar::Expression> all = {TRY(sequence(depth))};
    while (another_alternative()) {
      skip(true);
      all.push_back(TRY(sequence(depth)));
    }
    return grammar_.choice(std::move(all));
  }

  // '|' may begin a line.
  bool another_alternative() {
    const size_t before = at_;
    skip(true);
    if (take('|')) return true;
    at_ = before;
    return false;
  }

  Result<Grammar::Expression> sequence(int depth) {
    std::vector<Grammar::Expression> parts;
    for (;;) {
      skip(depth > 0);
      if (at_ == text_.size()) break;
      const char c = text_[at_];
      if (c == '"') {
        parts.push_back(TRY(literal()));
      } else if (c == '[') {
        parts.push_back(TRY(character_class()));
      } else if (c == '.') {
        ++at_;
        parts.push_back(grammar_.character(CodePointSet({{0, kCodePointMax}})));
      } else if (c == '(') {
        ++at_;
        parts.push_back(TRY(alternatives(depth + 1)));
        if (!take(')')) return error("a group is not closed by ')'");
      } else if (is_name_character(c)) {
        const size_t where = at_;
        const std::string called = TRY(name());
        parts.push_back(grammar_.call(TRY(rule_named(called, where))));
      } else if (c == '<') {
        return error("tokens such as <[1]> or <name> are not supported; write their text");
      } else {
        break;
      }
      TRY(repetitions(parts.back()));
    }
    return grammar_.sequence(std::move(parts));
  }

  Result<void> repetitions(Grammar::Expression& last) {
    for (;;) {
      if (take('*')) {
        last = grammar_.repeat(last, 0, Grammar::kUnlimited);
      } else if (take('+')) {
        last = grammar_.repeat(last, 1, Grammar::kUnlimited);
      } else if (take('?')) {
        last = grammar_.optional(last);
      } else if (take('{')) {
        const Result<Repetition> times = read_repetition(text_, at_, kRepetition);
        if (!times) return error(times.error().message);
        last = grammar_.repeat(last, times->min, times->max);
      } else {
        return {};
      }
    }
  }

  Result<char32_t> hexadecimal(int digits) {
    char32_t code = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const int digit = at_ < text_.size() ? hex_digit(text_[at_]) : -1;
      if (digit < 0)
        return error("an escape \\x has two hexadecimal digits, \\u four and \\U eight");
      code = code * 16 + char32_t(digit);
    }
    if (code > kCodePointMax || (code >= 0xD800 && code <= 0xDFFF))
      return error("an escape names no character of Unicode");
    return code;
  }

  Result<char32_t> character() {
    if (!take('\\')) {
      const Utf8Character c = decode_utf8(text_, at_);
      at_ += size_t(c.bytes);
      return c.code;
    }
    if (at_ == text_.size()) return error("the text ends in an escape");
    const char c = text_[at_++];
    switch (c) {
      case 'n':
        return U'\n';
      case 'r':
        return U'\r';
      case 't':
        return U'\t';
      case 'x':
        return hexadecimal(2);
      case 'u':
        return hexadecimal(4);
      case 'U':
        return hexadecimal(8);
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^':
        return char32_t(c);
      default:
        return error("there is no escape '\\" + printable(std::string(1, c)) +
                     "'; escapes are \\n \\r \\t \\\\ \\\" \\[ \\] \\x \\u \\U");
    }
  }

  Result<Grammar::Expression> literal() {
    ++at_;
    std::string bytes;
    while (!has('"')) {
      if (at_ == text_.size() || has('\n')) return error("a literal is not closed by '\"'");
      append_utf8(bytes, TRY(character()));
    }
    ++at_;
    return grammar_.literal(bytes);
  }

  Result<Grammar::Expression> character_class() {
    ++at_;
    const bool is_negated = take('^');
    std::vector<CodePointRange> ranges;
    while (!has(']')) {
      if (at_ == text_.size() || has('\n')) return error("a class is not closed by ']'");
      const char32_t first = TRY(character());
      char32_t last = first;
      if (has('-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        last = TRY(character());
        if (last < first) return error("a range in a class runs backwards");
      }
      ranges.push_back({first, last});
    }
    ++at_;
    const CodePointSet set(std::move(ranges));
    return grammar_.character(is_negated ? set.complement() : set);
  }

  std::string_view text_;
  Grammar& grammar_;
  size_t at_ = 0;
  std::map<std::string, Use> rules_;
};

}  // namespace

Result<Grammar::Rule> parse_gbnf(std::string_view text, Grammar& grammar) {
  return GbnfParser(text, grammar).run();
}

}  // namespace weir
