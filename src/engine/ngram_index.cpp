#include "engine/ngram_index.h"

#include <algorithm>
#include <utility>

#include "base/random.h"

namespace weir {
namespace {

constexpr int kOccurrencesMax = 32;  // looked at in one search
constexpr int kLengthMax = 64;       // longer matches are all as good
constexpr size_t kSlotsMin = 64;

}  // namespace

size_t NgramIndex::slot_of(const Chains& chains, const int* end) {
  uint64_t hash = 0;
  for (const int* token = end - chains.order; token < end; ++token)
    hash = mix64(hash + 0x9e3779b97f4a7c15u + uint64_t(*token));
  return size_t(hash) & (chains.latest.size() - 1);
}

// The table grows to twice as many slots as there are positions.
void NgramIndex::append(Chains& chains, std::span<const int> tokens, int position) {
  if (2 * size_t(position) >= chains.latest.size()) {
    chains.latest.assign(std::max(kSlotsMin, 2 * chains.latest.size()), 0);
    for (int p = chains.order; p < position; ++p) {
      int& latest = chains.latest[slot_of(chains, tokens.data() + p)];
      chains.earlier[size_t(p)] = std::exchange(latest, p);
    }
  }
  chains.earlier.resize(size_t(position) + 1, 0);
  int& latest = chains.latest[slot_of(chains, tokens.data() + position)];
  chains.earlier[size_t(position)] = std::exchange(latest, position);
}

// Positions at which a token stands: the n-gram at the very end has nothing after it yet.
void NgramIndex::add(std::span<const int> tokens) {
  for (Chains* chains : {&long_, &short_}) {
    const int begin = std::max(chains->order, int(chains->earlier.size()));
    for (int position = begin; position < int(tokens.size()); ++position)
      append(*chains, tokens, position);
  }
}

NgramIndex::Match NgramIndex::find(std::span<const int> tokens) const {
  const Match match = find(long_, tokens);
  return match.length > 0 ? match : find(short_, tokens);
}

NgramIndex::Match NgramIndex::find(const Chains& chains, std::span<const int> tokens) {
  const int n = int(tokens.size());
  Match best;
  if (n < chains.order || chains.latest.empty()) return best;
  int position = chains.latest[slot_of(chains, tokens.data() + n)];
  for (int i = 0; i < kOccurrencesMax && position > 0; ++i) {
    const int most = std::min(position, kLengthMax);
    int length = 0;
    while (length < most && tokens[size_t(position - 1 - length)] == tokens[size_t(n - 1 - length)])
      ++length;
    if (length >= chains.order && length > best.length) best = {position, length};
    position = chains.earlier[size_t(position)];
  }
  return best;
}

std::vector<int> NgramIndex::follow(std::span<const int> tokens, Match match, int count) {
  std::vector<int> draft;
  if (match.length == 0) return draft;
  for (size_t i = 0; i < size_t(count); ++i) {
    const size_t from = size_t(match.next) + i;
    draft.push_back(from < tokens.size() ? tokens[from] : draft[from - tokens.size()]);
  }
  return draft;
}

}  // namespace weir
