#include "chat/yes_no.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/ascii.h"

namespace weir {
namespace {

// Han words begin a text, words of letters are whole.
struct Spellings {
  std::string_view word;
  std::vector<std::string> spellings;
  std::vector<std::string_view> han;
};
const Spellings kYes = {"yes", {"Yes", " Yes", "yes", " yes", "YES", " YES"}, {"是", "有"}};
const Spellings kNo = {"no", {"No", " No", "no", " no", "NO", " NO"}, {"否", "不", "没"}};

bool says(std::string_view text, const Spellings& words) {
  if (std::ranges::any_of(words.han, [&](std::string_view han) { return text.starts_with(han); }))
    return true;
  size_t end = 0;
  while (end < text.size() && is_letter(text[end])) ++end;
  return lower_case(text.substr(0, end)) == words.word;
}

void add_id(int id, std::vector<int>& ids) {
  if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
}

std::vector<int> first_tokens(const Tokenizer& tokenizer, const Spellings& words) {
  std::vector<int> ids;
  for (const std::string& word : words.spellings)
    if (const auto tokens = tokenizer.encode(word); tokens && !tokens->empty())
      add_id(tokens->front(), ids);
  // A part of a Han character says nothing.
  for (const std::string_view word : words.han)
    if (const auto tokens = tokenizer.encode(word); tokens && tokens->size() == 1)
      add_id(tokens->front(), ids);
  return ids;
}

}  // namespace

std::optional<bool> yes_or_no(std::string_view text) {
  constexpr std::string_view kSkipped = " \t\r\n\"'*_`";
  text.remove_prefix(std::min(text.find_first_not_of(kSkipped), text.size()));
  if (says(text, kYes)) return true;
  if (says(text, kNo)) return false;
  return {};
}

void YesShare::add(std::string_view token, double log_probability) {
  const std::optional<bool> is_yes = yes_or_no(token);
  if (is_yes) (*is_yes ? yes_ : no_) += std::exp(log_probability);
}

std::optional<double> YesShare::yes() const {
  if (yes_ + no_ <= 0) return {};
  return yes_ / (yes_ + no_);
}

Result<YesNoFilter> YesNoFilter::create(const Tokenizer& tokenizer) {
  YesNoFilter filter;
  filter.yes_ids_ = first_tokens(tokenizer, kYes);
  filter.no_ids_ = first_tokens(tokenizer, kNo);
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
