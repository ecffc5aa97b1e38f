// Holds a model to Yes or No as its first token, and reads how likely it finds the Yes.
#pragma once
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/token_filter.h"
#include "tokenizer/tokenizer.h"

namespace weir {

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
