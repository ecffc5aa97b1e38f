// Packs conversations into rows of a training batch, without padding. Each conversation attends to
// itself only; rows whose next token the model does not produce have no target. Replies to one
// prompt share the prompt's rows (prefix sharing): they are the same for all replies and have no
// target. Where the objective can tell what a row is worth to several replies, they share the rows
// of the reply's own beginning, too.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "corpus/document_stream.h"
#include "tensor/routing_trace.h"

namespace weir {

// One conversation's tokens; a token whose mark is 0 is read but not learned.
struct TrainingSequence {
  std::vector<int> tokens;
  std::vector<uint8_t> trained;  // as many as tokens; the first is never learned
  // Consecutive sequences of the same group share the rows of their common prefix; -1: shares
  // nothing.
  int group = -1;
  bool shares_targets = false;  // those with equal targets, too
  int rows() const { return int(tokens.size()) - 1; }
};

// Which sequences are computed together: consecutive ones with at most `rows_max` rows, at least
// one.
struct MicroBatch {
  size_t begin = 0, end = 0;  // of the sequences
  std::vector<int> shared;    // of each, the first rows that it shares with the first of its group
};
std::vector<MicroBatch> micro_batches(std::span<const TrainingSequence> sequences, int rows_max);

// Length of the common prefix of `sequence` and `first` in rows without a target, or with the same
// one where the sequence shares targets; 0 in another group, and always less than sequence.rows().
int shared_rows(const TrainingSequence& first, const TrainingSequence& sequence);

// Appends rows: token i with target i + 1, from row `shared` on. The first `shared` rows are those
// of the last whole sequence of the batch.
void append_sequence(const TrainingSequence& sequence, int shared, TrainingBatch& batch);
// The sequences of a micro-batch.
TrainingBatch batch_of(std::span<const TrainingSequence> sequences, const MicroBatch& part);

// Appends the routing of the rows that append_sequence makes of `sequence`: that of token i is
// position i of `experts` (Completion::experts of a rollout that begins with the same tokens).
// Positions beyond its end choose freely, all when it is empty.
void append_experts(const TrainingSequence& sequence, int shared, std::span<const uint16_t> experts,
                    RoutingTrace& trace);

}  // namespace weir
