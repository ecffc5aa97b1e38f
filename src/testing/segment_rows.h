// For tests: a batch of some rows of larger inputs, segment by segment.
#pragma once
#include <cstring>
#include <vector>

#include "tensor/run.h"

namespace weir {

class SegmentRows {
 public:
  // The rows [begin, begin + count) of every segment, at its positions. Any root but -1 makes a
  // branch of the last segment before it that is none.
  explicit SegmentRows(const std::vector<Segment>& segments) {
    int root = 0;
    for (const Segment& s : segments) {
      if (s.root < 0) root = int(rows.size());
      for (int i = 0; i < s.count; ++i) {
        roots.push_back(s.root < 0 ? -1 : root);
        tokens.push_back(0);
        positions.push_back(s.position + i);
        sequences.push_back(s.sequence);
        rows.push_back(s.begin + i);
      }
    }
  }
  // The batch refers to this object.
  Batch batch() const { return Batch(tokens, positions, sequences, roots); }
  // These rows of `from`, which has `width` columns.
  Tensor gather(Run& run, const std::vector<float>& from, int width) const {
    Tensor t = run.make(int(rows.size()), width);
    for (int r = 0; r < t.rows; ++r)
      std::memcpy(t.row(r), from.data() + size_t(rows[size_t(r)]) * size_t(width),
                  sizeof(float) * size_t(width));
    return t;
  }

  std::vector<int> tokens, positions, sequences, roots, rows;
};

}  // namespace weir
