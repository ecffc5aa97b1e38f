#include "guard/pattern_matcher.h"

#include <fmt/format.h>
#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>

#include "base/text.h"
#include "guard/pattern_prefix.h"

namespace weir {
namespace {

constexpr size_t kPatternSizeMax = 4096;
constexpr int kPatternsMax = 1000;
constexpr int64_t kProgramBytes = int64_t(16) << 20;

re2::StringPiece piece_of(std::string_view text) { return {text.data(), text.size()}; }

re2::RE2::Options options(bool ignores_case) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kProgramBytes);
  options.set_case_sensitive(!ignores_case);
  return options;
}

// Sentences without anything to find: what matches all of them matches everything.
constexpr const char* kPlainTexts[] = {
    "The river rises in the hills and reaches the sea after a long way.",
    "a quick look at the map helps before you leave",
    "春天来了，花开了。",
    "12 + 30 = 42",
};

bool matches_everything(const re2::RE2& pattern) {
  return std::ranges::all_of(
      kPlainTexts, [&](const char* text) { return re2::RE2::PartialMatch(text, pattern); });
}

}  // namespace

struct PatternMatcher::Patterns {
  struct One {
    std::unique_ptr<re2::RE2> pattern;
    int rule;
  };
  std::vector<One> list;
  std::unique_ptr<re2::RE2::Set> any;  // which patterns match at all
  std::unique_ptr<re2::RE2> one;       // whether any does; faster
  std::unique_ptr<re2::RE2> begun;     // a beginning of a match at the end of a text
  std::string prefixes, all;
};

PatternMatcher::PatternMatcher() : patterns_(std::make_unique<Patterns>()) {
  patterns_->any = std::make_unique<re2::RE2::Set>(options(false), re2::RE2::UNANCHORED);
}
PatternMatcher::~PatternMatcher() = default;

Result<void> PatternMatcher::add(const std::string& pattern, bool ignores_case, int rule) {
  if (pattern.size() > kPatternSizeMax)
    return Error{"is a pattern longer than " + format_bytes(double(kPatternSizeMax))};
  if (++count_ > kPatternsMax) return Error{"is one of more than 1,000 patterns"};
  auto compiled = std::make_unique<re2::RE2>(piece_of(pattern), options(ignores_case));
  if (!compiled->ok()) return Error{"can not be compiled: " + printable(compiled->error(), 200)};
  const PatternShape shape = TRY(shape_of_pattern(pattern, ignores_case));
  if (matches_everything(*compiled)) return Error{"matches everything"};
  bytes_max_ = std::max(bytes_max_, shape.bytes_max);
  const std::string flags = ignores_case ? "(?i:" : "(?:";
  patterns_->any->Add(flags + pattern + ")", nullptr);
  patterns_->all += (patterns_->all.empty() ? "" : "|") + flags + pattern + ")";
  patterns_->prefixes += (patterns_->prefixes.empty() ? "" : "|") + flags + shape.prefixes + ")";
  patterns_->list.push_back({std::move(compiled), rule});
  return {};
}

Result<void> PatternMatcher::finish() {
  if (count_ == 0) return {};
  if (!patterns_->any->Compile()) return Error{"the patterns together are too large"};
  patterns_->one = std::make_unique<re2::RE2>(patterns_->all, options(false));
  if (!patterns_->one->ok())
    return Error{"the patterns together are too large: " + patterns_->one->error()};
  patterns_->begun =
      std::make_unique<re2::RE2>("(?:" + patterns_->prefixes + ")\\z", options(false));
  if (!patterns_->begun->ok())
    return Error{"the patterns together are too large: " + patterns_->begun->error()};
  return {};
}

size_t PatternMatcher::match(std::string_view text, size_t from, bool is_last,
                             std::vector<size_t>& next, std::vector<WordMatch>& matches) const {
  if (count_ == 0 || from >= text.size()) return text.size();
  size_t certain = text.size();
  re2::StringPiece begun;
  if (!is_last &&
      patterns_->begun->Match(piece_of(text), from, text.size(), re2::RE2::UNANCHORED, &begun, 1))
    certain = size_t(begun.data() - text.data());
  if (certain <= from && !is_last) return certain;
  if (!re2::RE2::PartialMatch(piece_of(text.substr(from > 0 ? from - 1 : 0)), *patterns_->one))
    return certain;
  std::vector<int> which;
  // Without memory for its automaton the set says so by an empty answer: then each is tried.
  re2::RE2::Set::ErrorInfo error{};
  if (!patterns_->any->Match(piece_of(text.substr(from > 0 ? from - 1 : 0)), &which, &error)) {
    if (error.kind == re2::RE2::Set::kNoError) return certain;
    which.resize(patterns_->list.size());
    for (size_t i = 0; i < which.size(); ++i) which[i] = int(i);
  }
  next.resize(patterns_->list.size(), 0);
  for (const int i : which) {
    const Patterns::One& one = patterns_->list[size_t(i)];
    size_t at = std::max(from, next[size_t(i)]);
    re2::StringPiece found;
    while (at < text.size() &&
           one.pattern->Match(piece_of(text), at, text.size(), re2::RE2::UNANCHORED, &found, 1)) {
      const auto begin = size_t(found.data() - text.data());
      if (begin >= certain) break;
      at = begin + found.size();
      matches.push_back({one.rule, begin, at});
      next[size_t(i)] = at;
    }
  }
  return certain;
}

}  // namespace weir
