// For tests: a batch of some rows of larger inputs, segment by segment.
#pragma once
#include <cstring>
#include <vector>

#include "tensor/run.h"

namespace weir {

class SegmentRows {
 public:
  // The rows [begin, begin + count) of every segment, at its positions.
  explicit SegmentRows(const std::vector<Segment>& segments) {
    for (const Segment& s : segments)
      for (int i = 0; i < s.count; ++i) {
        tokens.push_back(0);
        positions.push_back(s.position + i);
        sequences.push_back(s.sequence);
        rows.push_back(s.begin + i);
      }
  }
  // The batch refers to this object.
  Batch batch() const { return Batch(tokens, positions, sequences); }
  // These rows of `from`, which has `width` columns.
  Tensor gather(Run& run, const std::vector<float>& from, int width) const {
    Tensor t = run.make(int(rows.size()), width);
    for (int r = 0; r < t.rows; ++r)
      std::memcpy(t.row(r), from.data() + size_t(rows[size_t(r)]) * size_t(width),
                  sizeof(float) * size_t(width));
    return t;
  }

  std::vector<int> tokens, positions, sequences, rows;
};

}  // namespace weir
