// Conversations as rows of a training batch: nothing is padded, every conversation attends to
// itself only, and rows whose token the model does not produce have no target.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/routing_trace.h"
#include "train/document_stream.h"

namespace weir {

// One conversation's tokens; a token whose mark is 0 is read but not learned.
struct TrainingSequence {
  std::vector<int> tokens;
  std::vector<uint8_t> trained;  // as many as tokens; the first is never learned
  int rows() const { return int(tokens.size()) - 1; }
};

// Appends rows: token i with target i + 1.
void append_sequence(const TrainingSequence& sequence, TrainingBatch& batch);

// Appends the routing of the rows that append_sequence makes of `sequence`: that of token i is
// position i of `experts` (Completion::experts of a rollout that begins with the same tokens).
// Positions beyond its end choose freely, all when it is empty.
void append_experts(const TrainingSequence& sequence, std::span<const uint16_t> experts,
                    RoutingTrace& trace);

// Which sequences are computed together: consecutive ones with at most `rows_max` rows, at least
// one.
struct MicroBatch {
  size_t begin = 0, end = 0;  // of the sequences
};
std::vector<MicroBatch> micro_batches(std::span<const TrainingSequence> sequences, int rows_max);

}  // namespace weir
