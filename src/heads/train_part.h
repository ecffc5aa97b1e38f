// One kind of rows, prompts or answers: from pooled states to weights that are calibrated.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "heads/probe_head.h"

namespace weir {

class PartRows {
 public:
  // `states`: of every block 2 * width numbers.
  void add(std::span<const float> states, std::vector<std::string> labels, bool is_held_out);
  int rows() const { return int(labels_.size()); }
  // Numbers of the rows of one side.
  std::vector<int> side(bool is_held_out) const;
  const std::vector<std::string>& labels(int row) const { return labels_[size_t(row)]; }
  std::span<const float> states(int row, size_t begin, size_t size) const {
    return std::span<const float>(states_).subspan(size_t(row) * row_size_ + begin, size);
  }

 private:
  std::vector<float> states_;
  size_t row_size_ = 0;
  std::vector<std::vector<std::string>> labels_;
  std::vector<uint8_t> held_out_;
};

// Which states count: the last token's, the mean, or both.
enum class StatePooling { both, last, mean };

struct PartSettings {
  int width;
  StatePooling pooling;
  std::vector<int> blocks;              // in the order of the states
  std::vector<std::string> categories;  // those of the head
  double false_positives;
};

// Fails where either side has fewer than kRowsMin harmful or harmless rows.
constexpr int kRowsMin = 10;
Result<ProbeWeights> train_part(const PartRows& rows, const PartSettings& settings,
                                ThreadPool& pool);

}  // namespace weir
