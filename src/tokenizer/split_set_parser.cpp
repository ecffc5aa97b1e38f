#include "tokenizer/split_set_parser.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "text/unicode.h"
#include "tokenizer/split_syntax.h"

namespace weir {
namespace {

constexpr int kDepthMax = 20;
constexpr size_t kRangesMax = 100'000;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Letters with another case, beyond ASCII.
const CodePointSet& cased_beyond_ascii() {
  static const CodePointSet set = named_code_points("Lu")
                                      ->united(*named_code_points("Ll"))
                                      .united(*named_code_points("Lt"))
                                      .intersected(CodePointSet({{0x80, kCodePointMax}}));
  return set;
}

}  // namespace

Error SplitSetParser::error(const std::string& why) const {
  return split_pattern_error(pattern_, why);
}

Result<CodePointSet> SplitSetParser::one(size_t& at, bool folds) {
  if (pattern_[at] == '[') return brackets(at, folds, 0);
  if (pattern_[at] == '\\') return TRY(escape(at, folds)).set;
  const Utf8Character c = decode_utf8(pattern_, at);
  at += size_t(c.bytes);
  return folded(c.code, c.code, folds);
}

// Simple case folding: the long s and the Kelvin sign are cases of s and k.
Result<CodePointSet> SplitSetParser::folded(char32_t first, char32_t last, bool folds) const {
  std::vector<CodePointRange> ranges = {{first, last}};
  if (!folds) return CodePointSet(std::move(ranges));
  constexpr char32_t kLongS = 0x17F, kKelvin = 0x212A;
  const CodePointSet given(ranges);
  const CodePointSet others =
      given.intersected(CodePointSet({{kLongS, kLongS}, {kKelvin, kKelvin}}).complement());
  if (!others.intersected(cased_beyond_ascii()).empty())
    return error("letters beyond ASCII under (?i) are not supported");
  const auto has = [&](char32_t code) { return given.contains(code); };
  const bool has_s = has('s') || has('S') || has(kLongS),
             has_k = has('k') || has('K') || has(kKelvin);
  for (char32_t lower = 'a'; lower <= 'z'; ++lower) {
    const char32_t upper = lower - 32;
    const bool extra = (lower == 's' && has_s) || (lower == 'k' && has_k);
    if (!has(lower) && !has(upper) && !extra) continue;
    ranges.push_back({lower, lower});
    ranges.push_back({upper, upper});
  }
  if (has_s) ranges.push_back({kLongS, kLongS});
  if (has_k) ranges.push_back({kKelvin, kKelvin});
  return CodePointSet(std::move(ranges));
}

// \p{Name}, \P{Name}, \p{^Name}; `at` is at the brace.
Result<SplitSetParser::Escape> SplitSetParser::property(size_t& at, bool negated) {
  const size_t end = pattern_.find('}', at);
  if (at >= pattern_.size() || pattern_[at] != '{' || end == pattern_.npos)
    return error("\\p needs a name in braces");
  std::string_view name = pattern_.substr(at + 1, end - at - 1);
  if (name.starts_with("^")) {
    negated = !negated;
    name.remove_prefix(1);
  }
  std::optional<CodePointSet> set = named_code_points(name);
  if (!set) return error("unknown property '" + std::string(name.substr(0, 40)) + "'");
  at = end + 1;
  return Escape{negated ? set->complement() : *std::move(set)};
}

// \x{10FFFF}, \x7F, \u00A0; `at` is behind the letter.
Result<char32_t> SplitSetParser::numeric(size_t& at, char kind) {
  const bool braces = kind == 'x' && at < pattern_.size() && pattern_[at] == '{';
  const size_t digits_max = braces ? 8 : kind == 'x' ? 2 : 4;
  if (braces) ++at;
  char32_t code = 0;
  size_t digits = 0;
  for (; at < pattern_.size() && digits < digits_max && hex_digit(pattern_[at]) >= 0;
       ++at, ++digits)
    code = std::min<char32_t>(code * 16 + char32_t(hex_digit(pattern_[at])), 0x1000000);
  if (braces && (at >= pattern_.size() || pattern_[at++] != '}'))
    return error("\\x{ needs hexadecimal digits and a brace");
  if (digits == 0 || (kind == 'u' && digits < 4)) return error("an escape lacks its digits");
  if (kind == 'x' && !braces && code > 0x7F)
    return error("\\x80 to \\xFF are bytes; write \\x{...} for a character");
  if (code > kCodePointMax) return error("an escape names a character beyond 10FFFF");
  return code;
}

Result<SplitSetParser::Escape> SplitSetParser::escape(size_t& at, bool folds) {
  if (at + 1 >= pattern_.size()) return error("it ends in a backslash");
  const Utf8Character c = decode_utf8(pattern_, at + 1);
  const char kind = c.code < 0x80 ? char(c.code) : '\0';
  at += 1 + size_t(c.bytes);
  const auto single = [&](char32_t code) -> Result<Escape> {
    return Escape{TRY(folded(code, code, folds)), true};
  };
  switch (kind) {
    case 'p':
    case 'P':
      return property(at, kind == 'P');
    case 's':
      return Escape{*named_code_points("Space")};
    case 'S':
      return Escape{named_code_points("Space")->complement()};
    case 'd':
      return Escape{*named_code_points("Nd")};
    case 'D':
      return Escape{named_code_points("Nd")->complement()};
    case 'w':
      return Escape{*named_code_points("Word")};
    case 'W':
      return Escape{named_code_points("Word")->complement()};
    case 'h':
    case 'H':
      return error("\\h differs between engines; write a set instead");
    case 'x':
    case 'u':
      return single(TRY(numeric(at, kind)));
    case '0':
      return single(0);
    default:
      break;
  }
  constexpr std::string_view kNames = "tnrfvae", kCodes = "\t\n\r\f\v\a\x1B";
  if (const size_t found = kNames.find(kind); kind != '\0' && found != kNames.npos)
    return single(static_cast<unsigned char>(kCodes[found]));
  if (is_alphanumeric(kind))
    return error(std::string("the escape \\") + kind + " is not supported");
  return single(c.code);
}

// [:digit:]; `at` is at its bracket.
Result<CodePointSet> SplitSetParser::posix(size_t& at) {
  const size_t end = pattern_.find(":]", at);
  std::string_view name = pattern_.substr(at + 2, end - at - 2);
  const bool negated = name.starts_with("^");
  if (negated) name.remove_prefix(1);
  const char* property = name == "digit"   ? "Nd"
                         : name == "space" ? "Space"
                         : name == "word"  ? "Word"
                         : name == "cntrl" ? "Cc"
                         : name == "ascii" ? "ASCII"
                                           : nullptr;
  if (property == nullptr)
    return error("[:" + std::string(name.substr(0, 20)) +
                 ":] differs between engines; write \\p{...} instead");
  at = end + 2;
  return negated ? named_code_points(property)->complement() : *named_code_points(property);
}

Result<CodePointSet> SplitSetParser::brackets(size_t& at, bool folds, int depth) {
  if (depth > kDepthMax) return error("sets are nested more than 20 deep");
  const bool negated = pattern_.substr(at + 1).starts_with("^");
  at += negated ? 2 : 1;
  std::optional<CodePointSet> both;    // what stands before &&
  std::vector<CodePointRange> ranges;  // of the set, united once: a pattern can have very many
  const auto add = [&](const CodePointSet& part) {
    ranges.insert(ranges.end(), part.ranges().begin(), part.ranges().end());
    if (ranges.size() > kRangesMax) ranges = CodePointSet(std::move(ranges)).ranges();
  };
  for (bool is_first = true;; is_first = false) {
    const std::string_view rest = pattern_.substr(at);
    if (rest.empty()) return error("a set lacks its ']'");
    if (rest[0] == ']' && !is_first) break;
    if (rest.starts_with("&&")) {
      const CodePointSet set(std::exchange(ranges, {}));
      both = both ? both->intersected(set) : set;
      at += 2;
      continue;
    }
    if (rest.starts_with("[:") && rest.find(":]") != rest.npos) {
      add(TRY(posix(at)));
      continue;
    }
    if (rest[0] == '[') {
      add(TRY(brackets(at, folds, depth + 1)));
      continue;
    }
    char32_t first = 0;
    if (rest[0] == '\\') {
      const Escape read = TRY(escape(at, false));
      if (!read.is_single) {
        add(read.set);
        continue;
      }
      first = read.set.ranges()[0].first;
    } else {
      const Utf8Character c = decode_utf8(pattern_, at);
      first = c.code;
      at += size_t(c.bytes);
    }
    char32_t last = first;
    const std::string_view after = pattern_.substr(at);
    if (after.size() > 1 && after[0] == '-' && after[1] != ']' && !after.starts_with("-&&")) {
      ++at;
      if (after[1] == '[') return error("a range ends in a set");
      if (after[1] == '\\') {
        const Escape read = TRY(escape(at, false));
        if (!read.is_single) return error("a range ends in a class");
        last = read.set.ranges()[0].first;
      } else {
        const Utf8Character c = decode_utf8(pattern_, at);
        last = c.code;
        at += size_t(c.bytes);
      }
    }
    if (last < first) return error("a range with its ends out of order");
    add(TRY(folded(first, last, folds)));
  }
  ++at;
  CodePointSet set(std::move(ranges));
  if (both) set = both->intersected(set);
  return negated ? set.complement() : set;
}

}  // namespace weir
