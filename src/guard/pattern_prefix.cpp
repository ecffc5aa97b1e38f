#include "guard/pattern_prefix.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

constexpr int kPatternDepthMax = 50, kRepeatMax = 1000;
constexpr size_t kPrefixesMax = size_t(64) << 10;

// A part of a pattern. `prefixes` is "" for what has no width.
struct Part {
  std::string full = {}, prefixes = {};
  int min = 0, max = 0;
  bool is_atom = true;  // a quantifier may follow without a group
};

std::string grouped(const Part& part) { return part.is_atom ? part.full : "(?:" + part.full + ")"; }

class Parser {
 public:
  Parser(std::string_view text, bool ignores_case) : text_(text), ignores_case_(ignores_case) {}

  Result<Part> parse() {
    Part part = TRY(alternatives(0));
    if (at_ < text_.size()) return Error{"has a ) without its ("};
    return part;
  }

 private:
  bool has(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool has(std::string_view s) const { return text_.substr(at_).starts_with(s); }

  Result<Part> alternatives(int depth) {
    if (depth > kPatternDepthMax) return Error{"is nested too deeply"};
    Part all = TRY(sequence(depth));
    bool is_several = false;
    while (has('|')) {
      ++at_;
      const Part next = TRY(sequence(depth));
      all.full += "|" + next.full;
      if (!next.prefixes.empty()) all.prefixes += (all.prefixes.empty() ? "" : "|") + next.prefixes;
      all.min = std::min(all.min, next.min);
      all.max = std::max(all.max, next.max);
      is_several = true;
    }
    if (is_several) all.is_atom = false;
    if (all.prefixes.size() > kPrefixesMax) return Error{"is too large"};
    return all;
  }

  Result<Part> sequence(int depth) {
    std::vector<Part> parts;
    while (at_ < text_.size() && !has('|') && !has(')')) parts.push_back(TRY(repeated(depth)));
    Part all{.is_atom = parts.size() == 1};
    if (parts.size() == 1) return parts[0];
    // P(ab) = P(a) | a P(b)
    for (size_t i = parts.size(); i-- > 0;) {
      const Part& part = parts[i];
      const std::string rest = std::move(all.prefixes);
      all.prefixes = part.prefixes;
      if (!rest.empty()) {
        const std::string longer = grouped(part) + "(?:" + rest + ")";
        if (part.prefixes == part.full && part.is_atom)
          all.prefixes = part.full + "(?:" + rest + ")?";
        else
          all.prefixes += (part.prefixes.empty() ? "" : "|") + longer;
      }
      if (all.prefixes.size() > kPrefixesMax) return Error{"is too large"};
      all.min += part.min;
      all.max += part.max;
    }
    for (const Part& part : parts)
      all.full += part.full.find('|') != part.full.npos ? grouped(part) : part.full;
    return all;
  }

  Result<Part> repeated(int depth) {
    Part part = TRY(atom(depth));
    if (at_ >= text_.size()) return part;
    int low = 1, high = 1;
    if (has('*') || has('+'))
      return Error{fmt::format("has '{}', which matches without a limit; write {{{},64}} or so",
                               text_[at_], has('*') ? 0 : 1)};
    if (has('?')) {
      ++at_;
      low = 0;
    } else if (has('{')) {
      if (!TRY(counts(low, high))) return part;
    } else {
      return part;
    }
    const bool is_lazy = has('?');
    if (is_lazy) ++at_;
    if (at_ < text_.size() && (has('*') || has('+') || has('?') || has('{')))
      return Error{"repeats a repetition; put the first in a group"};
    const std::string one = grouped(part);
    Part all{.full = fmt::format("{}{{{},{}}}{}", one, low, high, is_lazy ? "?" : ""),
             .min = part.min * low,
             .max = part.max * high};
    all.is_atom = false;
    if (part.max > 0 && high > 0)
      all.prefixes =
          high == 1 ? part.prefixes : fmt::format("{}{{0,{}}}(?:{})", one, high - 1, part.prefixes);
    if (all.max > kPatternBytesMax || high > kRepeatMax)
      return Error{fmt::format("can match more than {} bytes", kPatternBytesMax)};
    return all;
  }

  // {3}, {1,3}; false: a brace that is a character.
  Result<bool> counts(int& low, int& high) {
    const size_t end = text_.find('}', at_);
    if (end == text_.npos) return Error{"has a { without its }"};
    const std::string_view inner = text_.substr(at_ + 1, end - at_ - 1);
    const size_t comma = inner.find(',');
    const auto first = parse_int(inner.substr(0, std::min(comma, inner.size())));
    if (!first || *first < 0 || *first > kRepeatMax)
      return Error{
          fmt::format("has '{{{}}}', which is no count of repetitions", printable(inner, 20))};
    low = high = int(*first);
    if (comma != inner.npos) {
      if (comma + 1 == inner.size())
        return Error{
            fmt::format("has '{{{},}}', which matches without a limit; name the most", low)};
      const auto last = parse_int(inner.substr(comma + 1));
      if (!last || *last < low || *last > kRepeatMax)
        return Error{
            fmt::format("has '{{{}}}', which is no count of repetitions", printable(inner, 20))};
      high = int(*last);
    }
    at_ = end + 1;
    return true;
  }

  Part character(std::string_view source, int bytes) const {
    Part part{.full = std::string(source), .prefixes = std::string(source)};
    part.min = 1;
    part.max = bytes;
    return part;
  }
  // With ignored case k and s match the Kelvin sign and the long s.
  int letter_bytes() const { return ignores_case_ ? 3 : 1; }

  Result<Part> atom(int depth) {
    const char c = text_[at_];
    if (c == '(') return group(depth);
    if (c == '[') return set();
    if (c == '\\') return escape();
    if (c == '^' || c == '$')
      return Error{fmt::format("has '{}'; a rule sees texts that come in parts, so use \\b", c)};
    if (c == '*' || c == '+' || c == '?') return Error{fmt::format("has '{}' after nothing", c)};
    if (c == '.') {
      ++at_;
      return character(".", 4);
    }
    const ShownCharacter shown = first_character(text_.substr(at_));
    const size_t bytes = std::max<size_t>(1, shown.bytes.size());
    const std::string_view source = text_.substr(at_, bytes);
    at_ += bytes;
    const bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    Part part = character(source, bytes > 1 ? 4 : is_letter ? letter_bytes() : 1);
    if (c == '{' || c == '}' || c == ']') part.full = part.prefixes = "\\" + std::string(source);
    return part;
  }

  Result<Part> group(int depth) {
    ++at_;
    std::string flags = "?:";
    const bool ignored = ignores_case_;
    if (has('?')) {
      const size_t end = text_.find_first_of(":)", at_);
      flags = text_.substr(at_, end == text_.npos ? 0 : end - at_ + 1);
      if (flags.starts_with("?P<") || flags.starts_with("?<"))
        return Error{"has a group with a name; write (?:...)"};
      if (flags.find_first_not_of("?ims:-") != flags.npos || !flags.ends_with(':'))
        return Error{"has a group that is not supported; write (?:...) or (?i:...)"};
      ignores_case_ = ignores_case_ || flags.find('i') != flags.npos;
      at_ += flags.size();
    }
    Part inner = TRY(alternatives(depth + 1));
    if (!has(')')) return Error{"has a ( without its )"};
    ++at_;
    ignores_case_ = ignored;
    inner.full = "(" + flags + inner.full + ")";
    if (!inner.prefixes.empty()) inner.prefixes = "(" + flags + inner.prefixes + ")";
    inner.is_atom = true;
    return inner;
  }

  Result<Part> set() {
    size_t end = at_ + 1;
    if (end < text_.size() && text_[end] == '^') ++end;
    if (end < text_.size() && text_[end] == ']') ++end;
    while (end < text_.size() && text_[end] != ']') {
      if (text_[end] == '\\') ++end;
      if (text_.substr(end).starts_with("[:")) end = std::min(text_.find(":]", end), text_.size());
      ++end;
    }
    if (end >= text_.size()) return Error{"has a [ without its ]"};
    const std::string_view source = text_.substr(at_, end + 1 - at_);
    at_ = end + 1;
    bool is_wide = source[1] == '^' || source.find("[:^") != source.npos;
    for (size_t i = 0; i < source.size(); ++i) {
      is_wide = is_wide || uint8_t(source[i]) >= 0x80;
      if (source[i] != '\\' || i + 1 >= source.size()) continue;
      const char next = source[++i];
      is_wide = is_wide || std::string_view("DWSpPx").find(next) != std::string_view::npos;
    }
    return character(source, is_wide ? 4 : letter_bytes());
  }

  Result<Part> escape() {
    if (at_ + 1 >= text_.size()) return Error{"ends with a \\"};
    const char c = text_[at_ + 1];
    size_t bytes = 2;
    if (c == 'b' || c == 'B') {
      at_ += 2;
      Part part{.full = std::string("\\") + c};
      return part;
    }
    if (c == 'A' || c == 'z' || c == 'Q' || c == 'E' || c == 'C')
      return Error{fmt::format("has \\{}, which a rule can not have", c)};
    if (c == 'p' || c == 'P' || c == 'x') {
      if (at_ + 2 < text_.size() && text_[at_ + 2] == '{') {
        const size_t end = text_.find('}', at_);
        if (end == text_.npos) return Error{"has a { without its }"};
        bytes = end + 1 - at_;
      } else {
        bytes = c == 'x' ? 4 : 3;
      }
    } else if (c >= '0' && c <= '9') {
      return Error{fmt::format("has \\{}, which RE2 does not know", c)};
    }
    const std::string_view source = text_.substr(at_, bytes);
    at_ += source.size();
    const bool is_wide = std::string_view("DWSpPx").find(c) != std::string_view::npos;
    return character(source, is_wide ? 4 : letter_bytes());
  }

  std::string_view text_;
  bool ignores_case_;
  size_t at_ = 0;
};

}  // namespace

Result<PatternShape> shape_of_pattern(std::string_view pattern, bool ignores_case) {
  const Part part = TRY(Parser(pattern, ignores_case).parse());
  if (part.min == 0) return Error{"can match the empty text"};
  if (part.max > kPatternBytesMax)
    return Error{fmt::format("can match {} bytes; at most {} may be", part.max, kPatternBytesMax)};
  return PatternShape{part.min, part.max, part.prefixes};
}

}  // namespace weir
