// Regular expressions of tokenizer.json files, run by PCRE2 under match, heap and stack limits. The
// files write for Oniguruma; what the two engines read differently is rewritten or refused.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct pcre2_real_code_8;

namespace weir {

// What one thread needs to match: result, limits and the JIT's stack.
class RegexEngine {
 public:
  RegexEngine();
  ~RegexEngine();
  RegexEngine(const RegexEngine&) = delete;
  RegexEngine& operator=(const RegexEngine&) = delete;

 private:
  friend class SplitRegex;
  struct State;
  std::unique_ptr<State> state_;
};

// May be used by many threads, each with its own engine.
class SplitRegex {
 public:
  static Result<SplitRegex> compile(std::string_view pattern);

  // Appends every match and every gap between matches. `text` is valid UTF-8.
  Result<void> split(std::string_view text, RegexEngine& engine,
                     std::vector<std::string_view>& pieces) const;

 private:
  struct CodeFree {
    void operator()(pcre2_real_code_8* code) const;
  };
  using Code = std::unique_ptr<pcre2_real_code_8, CodeFree>;
  SplitRegex(Code code, std::string pattern)
      : code_(std::move(code)), pattern_(std::move(pattern)) {}
  Code code_;
  std::string pattern_;  // for messages
};

// "split pattern '...': why"
Error split_pattern_error(std::string_view pattern, const std::string& why);

}  // namespace weir
