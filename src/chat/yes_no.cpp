#include "chat/yes_no.h"

#include <algorithm>
#include <cmath>

namespace weir {
namespace {

void add_first(const Tokenizer& tokenizer, const char* word, std::vector<int>& ids) {
  const auto tokens = tokenizer.encode(word);
  if (!tokens || tokens->empty()) return;
  if (std::ranges::find(ids, tokens->front()) == ids.end()) ids.push_back(tokens->front());
}

}  // namespace

Result<YesNoFilter> YesNoFilter::create(const Tokenizer& tokenizer) {
  YesNoFilter filter;
  for (const char* word : {"Yes", " Yes", "yes", "YES"})
    add_first(tokenizer, word, filter.yes_ids_);
  for (const char* word : {"No", " No", "no", "NO"}) add_first(tokenizer, word, filter.no_ids_);
  // A token that begins both, such as a blank, says nothing.
  std::vector<int> both;
  for (const int id : filter.yes_ids_)
    if (std::ranges::find(filter.no_ids_, id) != filter.no_ids_.end()) both.push_back(id);
  for (const int id : both) {
    std::erase(filter.yes_ids_, id);
    std::erase(filter.no_ids_, id);
  }
  if (filter.yes_ids_.empty() || filter.no_ids_.empty())
    return Error{"no token of this model begins 'Yes' alone, so it can not judge"};
  return filter;
}

void YesNoFilter::forbid(std::span<const int>, std::span<const float> logits,
                         std::span<uint8_t> is_forbidden) {
  std::ranges::fill(is_forbidden, uint8_t(1));
  float high = -INFINITY;
  for (const std::vector<int>* ids : {&yes_ids_, &no_ids_})
    for (const int id : *ids) high = std::max(high, logits[size_t(id)]);
  double sums[2] = {0, 0};
  for (const int side : {0, 1})
    for (const int id : side == 0 ? yes_ids_ : no_ids_) {
      sums[side] += std::exp(double(logits[size_t(id)] - high));
      is_forbidden[size_t(id)] = 0;
    }
  yes_ = sums[0] / (sums[0] + sums[1]);
}

}  // namespace weir
