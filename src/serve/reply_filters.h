// Filters of a reply's tokens beside a form's own.
#pragma once
#include <memory>
#include <vector>

#include "grammar/token_grammar.h"

namespace weir {

// A form's filter for a reply whose first tokens are in the prompt. `prompt`: its length.
class BegunFilter : public TokenFilter {
 public:
  BegunFilter(std::shared_ptr<TokenGrammar> grammar, std::vector<int> begun, size_t prompt)
      : filter_(std::move(grammar), 0), begun_(std::move(begun)), prompt_(prompt) {}
  void forbid(std::span<const int> tokens, std::span<const float> logits,
              std::span<uint8_t> is_forbidden) override;

 private:
  GrammarFilter filter_;
  const std::vector<int> begun_;
  const size_t prompt_;
};

// Ends a thought after `tokens_max` tokens: then the end of thinking alone may be drawn.
class ThinkingLimit : public TokenFilter {
 public:
  struct Thought {
    int begin = -1, end = -1;  // tokens
    bool is_open = false;      // the prompt ended inside of it
  };
  // `then`: the filter of everything else; may be null.
  ThinkingLimit(std::unique_ptr<TokenFilter> then, Thought thought, size_t prompt,
                size_t tokens_max)
      : then_(std::move(then)), thought_(thought), prompt_(prompt), tokens_max_(tokens_max) {}
  void forbid(std::span<const int> tokens, std::span<const float> logits,
              std::span<uint8_t> is_forbidden) override;

 private:
  const std::unique_ptr<TokenFilter> then_;
  const Thought thought_;
  const size_t prompt_, tokens_max_;
};

}  // namespace weir
