// Split patterns of tokenizer.json files (split_syntax.h), matched by PCRE2 over classes of
// characters under match, heap and stack limits.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/split_alphabet.h"
#include "tokenizer/split_syntax.h"

struct pcre2_real_code_8;

namespace weir {

// What one thread needs to match: the text's classes, result, limits and the JIT's stack.
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
  // `tree` is parse_split_pattern(pattern); the pattern itself is for messages.
  static Result<SplitRegex> compile(const SplitNode& tree, std::string_view pattern);

  // Appends every match and every gap between matches. `text` is valid UTF-8.
  Result<void> split(std::string_view text, RegexEngine& engine,
                     std::vector<std::string_view>& pieces) const;
  const SplitAlphabet& alphabet() const { return alphabet_; }

 private:
  struct CodeFree {
    void operator()(pcre2_real_code_8* code) const;
  };
  using Code = std::unique_ptr<pcre2_real_code_8, CodeFree>;
  SplitRegex(SplitAlphabet alphabet, Code code, std::string pattern)
      : alphabet_(std::move(alphabet)), code_(std::move(code)), pattern_(std::move(pattern)) {}
  SplitAlphabet alphabet_;
  Code code_;
  std::string pattern_;
};

}  // namespace weir
