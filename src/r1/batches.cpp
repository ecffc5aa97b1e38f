#include "r1/batches.h"

#include <algorithm>

namespace weir {

void append_sequence(const TrainingSequence& sequence, TrainingBatch& batch) {
  const int number = batch.sequences.empty() ? 0 : batch.sequences.back() + 1;
  for (int i = 0; i < sequence.rows(); ++i) {
    const bool is_trained = sequence.trained[size_t(i) + 1] != 0;
    batch.tokens.push_back(sequence.tokens[size_t(i)]);
    batch.positions.push_back(i);
    batch.sequences.push_back(number);
    batch.targets.push_back(is_trained ? sequence.tokens[size_t(i) + 1] : -1);
    batch.counted += is_trained;
  }
}

void append_experts(const TrainingSequence& sequence, std::span<const uint16_t> experts,
                    RoutingTrace& trace) {
  const size_t room = size_t(sequence.rows()) * trace.row_size();
  trace.append(sequence.rows(), experts.first(std::min(room, experts.size())));
}

std::vector<MicroBatch> micro_batches(std::span<const TrainingSequence> sequences, int rows_max) {
  std::vector<MicroBatch> parts;
  int rows = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const int more = sequences[i].rows();
    if (parts.empty() || rows + more > rows_max) {
      parts.push_back({i, i});
      rows = 0;
    }
    parts.back().end = i + 1;
    rows += more;
  }
  return parts;
}

}  // namespace weir
