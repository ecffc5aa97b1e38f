// Cutting a number of rows, columns or products into parts.
#pragma once
#include "base/div_up.h"

namespace weir {
namespace {

struct Range {
  int begin, count;
};

inline int smaller(int a, int b) { return a < b ? a : b; }

// `total` in nearly equal parts of at most `most`, larger ones first: 15 rows are 8 + 7, not 14
// + 1.
struct Split {
  int parts, size, larger;
  Split(int total, int most)
      : parts(total > 0 ? div_up(total, most) : 1), size(total / parts), larger(total % parts) {}
  Range operator[](int i) const {
    return {i * size + smaller(i, larger), size + (i < larger ? 1 : 0)};
  }
};

}  // namespace
}  // namespace weir
