#include "adapt/chunks_to_ask.h"

#include <algorithm>
#include <array>

#include "base/random.h"

namespace weir {
namespace {

constexpr std::array<Split, 3> kSplits = {Split::tuning, Split::calibration, Split::evaluation};

void shuffle(std::vector<SplitChunk>& chunks, uint64_t seed, uint64_t stream) {
  Random random(seed, stream);
  for (size_t i = chunks.size(); i > 1; --i) std::swap(chunks[i - 1], chunks[random.below(i)]);
}

// Each list spread evenly over the result.
std::vector<SplitChunk> interleave(std::array<std::vector<SplitChunk>, 3> lists) {
  struct Place {
    double at;
    SplitChunk* chunk;
  };
  std::vector<Place> places;
  for (std::vector<SplitChunk>& list : lists)
    for (size_t i = 0; i < list.size(); ++i)
      places.push_back({(double(i) + 0.5) / double(list.size()), &list[i]});
  std::stable_sort(places.begin(), places.end(),
                   [](const Place& a, const Place& b) { return a.at < b.at; });
  std::vector<SplitChunk> out;
  for (const Place& place : places) out.push_back(std::move(*place.chunk));
  return out;
}

}  // namespace

Result<std::vector<SplitChunk>> chunks_to_ask(const KnowledgeBase& base, const SplitShares& shares,
                                              uint64_t seed) {
  const bool splits_parts = TRY(base.counts()).documents < kDocumentsMin;
  std::array<std::vector<SplitChunk>, 3> lists;
  Statement find = TRY(base.database().prepare(
      "SELECT c.id, d.name, c.heading, c.text, c.ordinal FROM chunks c JOIN documents d ON d.id = "
      "c.document WHERE c.copy_of IS NULL ORDER BY d.name, c.ordinal"));
  while (TRY(find.step())) {
    SplitChunk chunk;
    chunk.chunk = {find.integer(0), find.text(1), find.text(2), find.text(3), int(find.integer(4))};
    chunk.split = split_of(chunk.chunk.document, chunk.chunk.ordinal, splits_parts, shares);
    lists[size_t(chunk.split)].push_back(std::move(chunk));
  }
  for (Split split : kSplits) shuffle(lists[size_t(split)], seed, uint64_t(split));
  return interleave(std::move(lists));
}

}  // namespace weir
