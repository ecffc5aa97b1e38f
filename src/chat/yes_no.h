// A model's Yes or No: which words say which, in English and Chinese; how likely a Yes is among the
// probable first tokens of a reply; and a filter that holds a model to one of the two.
#pragma once
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/token_filter.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// What the first word of a text says: true is Yes. Letters may be in any case; quotes, stars and
// blanks before the word are skipped. "Nothing", "Note" and "Yesterday" say neither; what begins
// with 是 or 有 is a Yes, with 否, 不 or 没 a No.
std::optional<bool> yes_or_no(std::string_view text);

// The share of Yes in the probabilities of first tokens that say Yes or No.
class YesShare {
 public:
  void add(std::string_view token, double log_probability);
  // Nothing: no token said either.
  std::optional<double> yes() const;

 private:
  double yes_ = 0, no_ = 0;
};

class YesNoFilter : public TokenFilter {
 public:
  // Fails for a tokenizer in which no token begins the one word and not the other.
  static Result<YesNoFilter> create(const Tokenizer& tokenizer);

  void forbid(std::span<const int> tokens, std::span<const float> logits,
              std::span<uint8_t> is_forbidden) override;
  // exp of the logits of all spellings of Yes, as a share of those of Yes and No; after the draw.
  double yes() const { return yes_; }

 private:
  std::vector<int> yes_ids_, no_ids_;
  double yes_ = 0;
};

}  // namespace weir
