// The chunks of a knowledge base in the order in which questions are made of them.
#pragma once
#include <cstdint>
#include <vector>

#include "adapt/made_question.h"
#include "adapt/synthesis.h"
#include "base/result.h"
#include "knowledge/knowledge_base.h"

namespace weir {

struct ChunkWithUse {
  ChunkToAsk chunk;
  QuestionUse use;
};

// Without copies. Each split's chunks are in an order drawn by `seed`, and the splits take turns by
// their shares, so that any number from the beginning has questions for all of them.
Result<std::vector<ChunkWithUse>> chunks_to_ask(const KnowledgeBase& base, const UseShares& shares,
                                                uint64_t seed);

}  // namespace weir
