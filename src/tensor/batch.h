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
  // A branch begins as an earlier segment of the batch does, its root, and has rows only from where
  // the two part: its positions before `position` are the root's first rows, from this one on.
  int root = -1;  // -1: no branch

  int shared() const { return root < 0 ? 0 : position; }  // rows of the root that it sees
  int seen() const { return shared() + count; }  // rows of the batch that its last row sees
  // The row of the i-th token that it sees.
  int row(int i) const { return i < shared() ? root + i : begin + i - shared(); }
};

class Batch {
 public:
  Batch() = default;
  // Rows of one sequence stand together, positions ascend by one. `roots` (empty: no branches):
  // -1, or for every row of a branch the first row of its root, which is the last segment before
  // it that is no branch and begins at position 0. Only without a cache. The spans outlive the
  // batch.
  Batch(std::span<const int> tokens, std::span<const int> positions, std::span<const int> sequences,
        std::span<const int> roots = {})
      : tokens_(tokens), positions_(positions) {
    CHECK_EQ(tokens.size(), positions.size());
    CHECK_EQ(tokens.size(), sequences.size());
    CHECK(roots.empty() || roots.size() == tokens.size());
    for (int r = 0; r < int(tokens.size()); ++r) {
      bool continues = r > 0 && sequences[size_t(r)] == sequences[size_t(r - 1)] &&
                       positions[size_t(r)] == positions[size_t(r - 1)] + 1;
      const int root = roots.empty() ? -1 : roots[size_t(r)];
      if (continues) {
        CHECK_EQ(root, segments_.back().root);
        ++segments_.back().count;
      } else {
        begin_segment({r, 1, sequences[size_t(r)], positions[size_t(r)], root});
      }
    }
  }
  int size() const { return int(tokens_.size()); }
  const std::vector<Segment>& segments() const { return segments_; }
  bool has_branches() const { return has_branches_; }
  std::span<const int> tokens() const { return tokens_; }
  std::span<const int> positions() const { return positions_; }

 private:
  void begin_segment(const Segment& segment) {
    CHECK_LE(0, segment.position);
    if (segment.root < 0) {
      last_root_ = segments_.size();
    } else {
      CHECK(!segments_.empty());
      const Segment& root = segments_[last_root_];
      CHECK_EQ(segment.root, root.begin);
      CHECK_EQ(root.position, 0);
      CHECK_LE(segment.position, root.count);
      has_branches_ = true;
    }
    segments_.push_back(segment);
  }

  std::span<const int> tokens_, positions_;
  std::vector<Segment> segments_;
  size_t last_root_ = 0;
  bool has_branches_ = false;
};

}  // namespace weir
