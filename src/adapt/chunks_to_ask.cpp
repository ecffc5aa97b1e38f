#include "adapt/chunks_to_ask.h"

#include <algorithm>
#include <array>

#include "base/random.h"

namespace weir {
namespace {

constexpr std::array<QuestionUse, 3> kUses = {QuestionUse::tuning, QuestionUse::calibration,
                                              QuestionUse::evaluation};

void shuffle(std::vector<ChunkWithUse>& chunks, uint64_t seed, uint64_t stream) {
  Random random(seed, stream);
  for (size_t i = chunks.size(); i > 1; --i) std::swap(chunks[i - 1], chunks[random.below(i)]);
}

// Each list spread evenly over the result.
std::vector<ChunkWithUse> interleave(std::array<std::vector<ChunkWithUse>, 3> lists) {
  struct Place {
    double at;
    ChunkWithUse* chunk;
  };
  std::vector<Place> places;
  for (std::vector<ChunkWithUse>& list : lists)
    for (size_t i = 0; i < list.size(); ++i)
      places.push_back({(double(i) + 0.5) / double(list.size()), &list[i]});
  std::stable_sort(places.begin(), places.end(),
                   [](const Place& a, const Place& b) { return a.at < b.at; });
  std::vector<ChunkWithUse> out;
  for (const Place& place : places) out.push_back(std::move(*place.chunk));
  return out;
}

}  // namespace

Result<std::vector<ChunkWithUse>> chunks_to_ask(const KnowledgeBase& base, const UseShares& shares,
                                                uint64_t seed) {
  const bool splits_parts = TRY(base.counts()).documents < kDocumentsMin;
  std::array<std::vector<ChunkWithUse>, 3> lists;
  Statement find = TRY(base.database().prepare(
      "SELECT c.id, d.name, c.heading, c.text, c.ordinal FROM chunks c JOIN documents d ON d.id = "
      "c.document WHERE c.copy_of IS NULL ORDER BY d.name, c.ordinal"));
  while (TRY(find.step())) {
    ChunkWithUse chunk;
    chunk.chunk = {find.integer(0), find.text(1), find.text(2), find.text(3), int(find.integer(4))};
    chunk.use = use_of(chunk.chunk.document, chunk.chunk.ordinal, splits_parts, shares);
    lists[size_t(chunk.use)].push_back(std::move(chunk));
  }
  for (QuestionUse use : kUses) shuffle(lists[size_t(use)], seed, uint64_t(use));
  return interleave(std::move(lists));
}

}  // namespace weir
