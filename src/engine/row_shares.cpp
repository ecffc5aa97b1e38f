#include "engine/row_shares.h"

#include <algorithm>
#include <numeric>

namespace weir {
namespace {

constexpr int kOldestPart = 4;  // the oldest prompt gets one in four rows, at least one

// Rows of each key. In a round each key that needs more gets an equal part of what is left.
std::vector<int> rows_of_keys(const std::vector<int>& needed, std::span<const int64_t> served,
                              int budget) {
  std::vector<int> rows(needed.size(), 0), order(needed.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return served[size_t(a)] < served[size_t(b)]; });
  const auto has_all = [&](int key) { return rows[size_t(key)] == needed[size_t(key)]; };
  for (std::erase_if(order, has_all); budget > 0 && !order.empty(); std::erase_if(order, has_all)) {
    const int part = std::max(1, budget / int(order.size()));
    for (int key : order) {
      const int more = std::min({part, needed[size_t(key)] - rows[size_t(key)], budget});
      rows[size_t(key)] += more;
      budget -= more;
    }
  }
  return rows;
}

// `prompts` of one key, the oldest first.
void share_within(std::vector<PromptRows*> prompts, int budget) {
  if (prompts.empty()) return;
  const auto give = [&](PromptRows& prompt, int most) {
    const int more = std::min({prompt.left - prompt.rows, most, budget});
    prompt.rows += more;
    budget -= more;
  };
  give(*prompts.front(), std::max(1, budget / kOldestPart));
  std::stable_sort(prompts.begin(), prompts.end(),
                   [](const PromptRows* a, const PromptRows* b) { return a->left < b->left; });
  for (PromptRows* prompt : prompts) give(*prompt, budget);
}

}  // namespace

void share_rows(std::span<PromptRows> prompts, std::span<int64_t> served, int budget) {
  std::vector<int> needed(served.size(), 0);
  std::vector<std::vector<PromptRows*>> of_key(served.size());
  for (PromptRows& prompt : prompts) {
    prompt.rows = 0;
    needed[size_t(prompt.key)] += prompt.left;
    of_key[size_t(prompt.key)].push_back(&prompt);
  }
  const std::vector<int> rows = rows_of_keys(needed, served, budget);
  for (size_t key = 0; key < of_key.size(); ++key) {
    share_within(of_key[key], rows[key]);
    served[key] += rows[key];
  }
}

}  // namespace weir
