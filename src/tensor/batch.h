// Tokens of any mix of sequences, flattened. The same type carries packed training documents, a
// prefill chunk, and one decode step of many requests: nothing is padded.
#pragma once
#include <span>
#include <vector>

#include "base/check.h"

namespace weir {

// Rows [begin, begin + count) belong to one sequence, at consecutive positions.
struct Segment {
  int begin = 0, count = 0;
  int sequence = 0, position = 0;  // of the first row
};

class Batch {
 public:
  Batch() = default;
  // Rows of one sequence stand together, positions ascend by one. The spans outlive the batch.
  Batch(std::span<const int> tokens, std::span<const int> positions, std::span<const int> sequences)
      : tokens_(tokens), positions_(positions) {
    CHECK_EQ(tokens.size(), positions.size());
    CHECK_EQ(tokens.size(), sequences.size());
    for (int r = 0; r < int(tokens.size()); ++r) {
      bool continues = r > 0 && sequences[size_t(r)] == sequences[size_t(r - 1)] &&
                       positions[size_t(r)] == positions[size_t(r - 1)] + 1;
      if (continues)
        ++segments_.back().count;
      else
        segments_.push_back({r, 1, sequences[size_t(r)], positions[size_t(r)]});
    }
  }
  int size() const { return int(tokens_.size()); }
  const std::vector<Segment>& segments() const { return segments_; }
  std::span<const int> tokens() const { return tokens_; }
  std::span<const int> positions() const { return positions_; }

 private:
  std::span<const int> tokens_, positions_;
  std::vector<Segment> segments_;
};

}  // namespace weir
