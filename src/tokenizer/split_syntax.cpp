#include "tokenizer/split_syntax.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "text/unicode.h"
#include "tokenizer/split_set_parser.h"

namespace weir {
namespace {

constexpr int kDepthMax = 50;
constexpr int kRepeatMax = 65535;
using Kind = SplitNode::Kind;

SplitNode node(Kind kind, std::vector<SplitNode> parts, std::string text = "") {
  SplitNode made;
  made.kind = kind;
  made.parts = std::move(parts);
  made.text = std::move(text);
  return made;
}

SplitNode set_node(CodePointSet set) {
  SplitNode made;
  made.kind = Kind::set;
  made.set = std::move(set);
  return made;
}

// \b and \B by looking at both sides.
SplitNode word_border(bool negated) {
  const CodePointSet word = *named_code_points("Word");
  const auto look = [&](const char* how) { return node(Kind::group, {set_node(word)}, how); };
  SplitNode begins = node(Kind::sequence, {look("?<!"), look(negated ? "?!" : "?=")});
  SplitNode ends = node(Kind::sequence, {look("?<="), look(negated ? "?=" : "?!")});
  return node(Kind::choice, {std::move(begins), std::move(ends)});
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : pattern_(pattern), sets_(pattern) {}

  Result<SplitNode> whole() {
    SplitNode tree = TRY(alternatives(0));
    if (at_ < pattern_.size()) return error("')' without '('");
    return tree;
  }

 private:
  Error error(const std::string& why) const { return split_pattern_error(pattern_, why); }
  std::string_view rest() const { return pattern_.substr(at_); }
  bool take(std::string_view text) {
    if (!rest().starts_with(text)) return false;
    at_ += text.size();
    return true;
  }

  Result<SplitNode> alternatives(int depth) {
    if (depth > kDepthMax) return error("groups are nested more than 50 deep");
    const bool folds = folds_;  // options last until the group's end
    SplitNode choice = node(Kind::choice, {});
    do {
      SplitNode next = TRY(sequence(depth));
      // Characters that stand beside each other as alternatives are one set.
      if (next.kind == Kind::set && !choice.parts.empty() && choice.parts.back().kind == Kind::set)
        choice.parts.back().set = choice.parts.back().set.united(next.set);
      else
        choice.parts.push_back(std::move(next));
    } while (take("|"));
    folds_ = folds;
    if (choice.parts.size() > 1) return choice;
    return std::move(choice.parts[0]);
  }

  Result<SplitNode> sequence(int depth) {
    SplitNode made = node(Kind::sequence, {});
    while (at_ < pattern_.size() && rest()[0] != '|' && rest()[0] != ')') {
      std::optional<SplitNode> next = TRY(atom(depth));
      if (!next) continue;
      SplitNode repeated = TRY(repeats(*std::move(next)));
      if (repeated.kind == Kind::sequence) {
        for (SplitNode& part : repeated.parts) made.parts.push_back(std::move(part));
      } else {
        made.parts.push_back(std::move(repeated));
      }
    }
    if (made.parts.size() == 1) return std::move(made.parts[0]);
    return made;
  }

  // Nothing for a comment.
  Result<std::optional<SplitNode>> atom(int depth) {
    const char c = rest()[0];
    if (c == '(') return group(depth);
    if (c == '^' || c == '$') {
      ++at_;
      return std::optional(node(Kind::anchor, {}, std::string(1, c)));
    }
    if (c == '.') {
      ++at_;
      return std::optional(set_node(CodePointSet({{'\n', '\n'}}).complement()));
    }
    if (c == '*' || c == '+' || c == '?') return error("nothing to repeat");
    if (c == '\\' && rest().size() > 1) {
      const char kind = rest()[1];
      if (kind == 'b' || kind == 'B') {
        at_ += 2;
        return std::optional(word_border(kind == 'B'));
      }
      if (std::string_view("AzZG").find(kind) != std::string_view::npos) {
        at_ += 2;
        return std::optional(node(Kind::anchor, {}, std::string("\\") + kind));
      }
    }
    return std::optional(set_node(TRY(sets_.one(at_, folds_))));
  }

  Result<std::optional<SplitNode>> group(int depth) {
    if (take("(?#")) {
      const size_t end = pattern_.find(')', at_);
      if (end == pattern_.npos) return error("a comment has no end");
      at_ = end + 1;
      return std::optional<SplitNode>();
    }
    std::string opening;
    const bool folds = folds_;
    for (const char* look : {"?=", "?!", "?<=", "?<!", "?>"})
      if (opening.empty() && take(std::string("(") + look)) opening = look;
    bool is_rest = false;  // (?i): the rest of the group around it, alternatives included
    if (opening.empty() && !take("(?:")) {
      if (take("(?i") || take("(?-i")) {
        folds_ = pattern_[at_ - 2] != '-';
        is_rest = take(")");
        if (!is_rest && !take(":")) return error("of the options only i is supported");
      } else if (take("(?<")) {  // a name
        const size_t end = pattern_.find('>', at_);
        if (end == pattern_.npos) return error("a group's name has no end");
        at_ = end + 1;
      } else if (rest().starts_with("(?") || rest().starts_with("(*")) {
        return error("'" + std::string(rest().substr(0, 3)) + "' is not supported");
      } else {
        ++at_;
      }
    }
    SplitNode inner = TRY(alternatives(depth + 1));
    folds_ = folds;
    if (!is_rest && !take(")")) return error("'(' without ')'");
    if (opening.empty()) return std::optional(std::move(inner));
    return std::optional(node(Kind::group, {std::move(inner)}, opening));
  }

  // "{2,5}"; nothing, and no step ahead, for braces that are text.
  std::optional<std::pair<int, int>> bounds() {
    size_t at = at_ + 1;
    const auto number = [&]() -> int {
      int value = -1;
      for (; at < pattern_.size() && pattern_[at] >= '0' && pattern_[at] <= '9'; ++at)
        value = std::min(std::max(value, 0) * 10 + (pattern_[at] - '0'), kRepeatMax + 1);
      return value;
    };
    int low = number(), high = low;
    if (at < pattern_.size() && pattern_[at] == ',') {
      ++at;
      high = number();
      if (low < 0 && high < 0) return std::nullopt;
      low = std::max(low, 0);
    } else if (low < 0) {
      return std::nullopt;
    }
    if (at >= pattern_.size() || pattern_[at] != '}') return std::nullopt;
    at_ = at + 1;
    return std::pair(low, high);
  }

  static SplitNode repeat(SplitNode of, int min, int max, std::string how) {
    SplitNode made = node(Kind::repeat, {}, std::move(how));
    made.parts.push_back(std::move(of));
    made.min = min;
    made.max = max;
    return made;
  }

  Result<SplitNode> repeats(SplitNode of) {
    int levels = 0;
    while (at_ < pattern_.size()) {
      const char c = rest()[0];
      std::pair<int, int> times;
      bool braces = false;
      if (c == '*' || c == '+' || c == '?') {
        times = {c == '+' ? 1 : 0, c == '?' ? 1 : SplitNode::kUnlimited};
        ++at_;
      } else if (c == '{') {
        const auto read = bounds();
        if (!read) break;
        times = *read;
        braces = true;
      } else {
        break;
      }
      if (++levels > kDepthMax) return error("too many repetitions of repetitions");
      if (times.first > kRepeatMax || times.second > kRepeatMax)
        return error("a repetition of more than 65535 times");
      if (times.second >= 0 && times.first > times.second)
        return error("a repetition with its bounds out of order");
      if (of.kind == Kind::anchor || (of.kind == Kind::group && of.text != "?>"))
        return error("a repeated assertion is not supported");
      std::string how;
      if (rest().starts_with("?")) how = "?";
      if (rest().starts_with("+")) how = "+";
      if (braces && how == "+") return error("'{...}+' differs between engines; use (?:...)+");
      at_ += how.size();
      if (braces && how == "?" && times.first == times.second) {
        // {n}? is an optional {n} in Ruby's syntax.
        of = repeat(std::move(of), times.first, times.second, "");
        times = {0, 1};
        how.clear();
      }
      if (times == std::pair(1, 1)) continue;
      of = repeat(std::move(of), times.first, times.second, how);
    }
    return of;
  }

  std::string_view pattern_;
  SplitSetParser sets_;
  size_t at_ = 0;
  bool folds_ = false;  // under (?i)
};

}  // namespace

Result<SplitNode> parse_split_pattern(std::string_view pattern) {
  if (valid_utf8_prefix(pattern) != pattern.size())
    return split_pattern_error(pattern, "it is not UTF-8");
  return Parser(pattern).whole();
}

Error split_pattern_error(std::string_view pattern, const std::string& why) {
  std::string shown(pattern.substr(0, 80));
  return {"split pattern '" + replace_invalid_utf8(shown) + (pattern.size() > 80 ? "..." : "") +
          "': " + why};
}

}  // namespace weir
