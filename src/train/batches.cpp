#include "train/batches.h"

#include <algorithm>

namespace weir {

int shared_rows(const TrainingSequence& first, const TrainingSequence& sequence) {
  if (sequence.group < 0 || sequence.group != first.group) return 0;
  const int most = std::min(first.rows(), sequence.rows() - 1);
  const auto is_same = [&](size_t row) {
    const bool is_trained = sequence.trained[row + 1] != 0;
    return sequence.tokens[row] == first.tokens[row] &&
           is_trained == (first.trained[row + 1] != 0) &&
           (!is_trained ||
            (sequence.shares_targets && sequence.tokens[row + 1] == first.tokens[row + 1]));
  };
  int shared = 0;
  while (shared < most && is_same(size_t(shared))) ++shared;
  return shared;
}

void append_sequence(const TrainingSequence& sequence, int shared, TrainingBatch& batch) {
  const int number = batch.sequences.empty() ? 0 : batch.sequences.back() + 1;
  int root = -1;
  if (shared > 0) {
    CHECK(!batch.roots.empty());
    const int last = int(batch.tokens.size()) - 1;
    root = batch.roots.back() >= 0 ? batch.roots.back() : last - batch.positions.back();
  }
  for (int i = shared; i < sequence.rows(); ++i) {
    const bool is_trained = sequence.trained[size_t(i) + 1] != 0;
    batch.tokens.push_back(sequence.tokens[size_t(i)]);
    batch.positions.push_back(i);
    batch.sequences.push_back(number);
    batch.roots.push_back(root);
    batch.targets.push_back(is_trained ? sequence.tokens[size_t(i) + 1] : -1);
    batch.counted += is_trained;
  }
}

TrainingBatch batch_of(std::span<const TrainingSequence> sequences, const MicroBatch& part) {
  TrainingBatch batch;
  for (size_t i = part.begin; i < part.end; ++i)
    append_sequence(sequences[i], part.shared[i - part.begin], batch);
  return batch;
}

void append_experts(const TrainingSequence& sequence, int shared, std::span<const uint16_t> experts,
                    RoutingTrace& trace) {
  const size_t left_out = std::min(size_t(shared) * trace.row_size(), experts.size());
  const int rows = sequence.rows() - shared;
  experts = experts.subspan(left_out);
  trace.append(rows, experts.first(std::min(size_t(rows) * trace.row_size(), experts.size())));
}

std::vector<MicroBatch> micro_batches(std::span<const TrainingSequence> sequences, int rows_max) {
  std::vector<MicroBatch> parts;
  int rows = 0;
  size_t first = 0;  // of the group
  for (size_t i = 0; i < sequences.size(); ++i) {
    int shared = parts.empty() ? 0 : shared_rows(sequences[first], sequences[i]);
    if (parts.empty() || rows + sequences[i].rows() - shared > rows_max) {
      parts.push_back({i, i, {}});
      rows = shared = 0;
    }
    if (shared == 0) first = i;
    parts.back().shared.push_back(shared);
    parts.back().end = i + 1;
    rows += sequences[i].rows() - shared;
  }
  return parts;
}

}  // namespace weir
