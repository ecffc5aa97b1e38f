// Matrix multiplication: every table and every way of cutting gives the bits of the definition.
#include <algorithm>
#include <numeric>

#include "testing/kernel_support.h"

namespace weir {
namespace {

struct alignas(64) Scratch {
  float floats[kGemmScratch];
};

float* scratch() {
  static Scratch s;
  return s.floats;
}

enum class Right { packed, row_major };
enum class Left { plain, gathered, transposed };

// One problem with its operands in the layouts asked for, and the out matrix before the call.
struct Problem {
  int rows, cols, inner;
  Left left_kind;
  Right right_kind;
  bool accumulate;
  Floats left, right, panels, out;
  std::vector<int> gather;

  static size_t panel_count(int n) { return size_t(n + kPanel - 1) / kPanel; }

  Problem(Random& random, int rows_, int cols_, int inner_, Left l, Right r, bool acc,
          bool special = false)
      : rows(rows_),
        cols(cols_),
        inner(inner_),
        left_kind(l),
        right_kind(r),
        accumulate(acc),
        left(awkward(random, size_t(rows) * inner + 3, special)),
        right(awkward(random, size_t(cols) * inner, special)),  // [cols][inner] or [inner][cols]
        panels(panel_count(cols) * kPanel * inner),
        out(awkward(random, size_t(rows) * (cols + 5), special)) {
    if (r == Right::packed)
      scalar_kernels()->pack_transposed(right.data(), size_t(inner), cols, inner, panels.data());
    gather.resize(size_t(rows));
    for (int& g : gather) g = int(random.below(uint64_t(rows)));
  }

  float left_at(int m, int k) const {
    if (left_kind == Left::transposed) return left[size_t(k) * rows + m];
    return left[size_t(left_kind == Left::gathered ? gather[size_t(m)] : m) * inner + k];
  }
  float right_at(int k, int n) const {
    return right_kind == Right::row_major ? right[size_t(k) * cols + n]
                                          : right[size_t(n) * inner + k];
  }

  Gemm call(Floats& to) const {
    Gemm g{};
    g.left = left.data();
    g.left_row = left_kind == Left::transposed ? 1 : size_t(inner);
    g.left_inner = left_kind == Left::transposed ? size_t(rows) : 1;
    g.left_rows = left_kind == Left::gathered ? gather.data() : nullptr;
    g.panels = panels.data();
    g.panel_stride = size_t(inner) * kPanel;
    g.inner_stride = kPanel;
    if (right_kind == Right::row_major) {
      g.panels = right.data();
      g.panel_stride = kPanel;
      g.inner_stride = size_t(cols);
    }
    g.out = to.data();
    g.out_row = size_t(cols) + 5;
    g.rows = rows;
    g.cols = cols;
    g.inner = inner;
    g.accumulate = accumulate;
    g.scratch = scratch();
    return g;
  }
  Floats run(const Kernels& table) const {
    Floats result(out);
    table.gemm(call(result));
    return result;
  }
  // The formula of kernels.h, word for word.
  Floats expected() const {
    Floats result(out);
    for (int m = 0; m < rows; ++m)
      for (int n = 0; n < cols; ++n) {
        float& o = result[size_t(m) * (cols + 5) + n];
        if (!accumulate) o = 0;
        for (int k = 0; k < inner; ++k) o = std::fma(left_at(m, k), right_at(k, n), o);
      }
    return result;
  }
  std::string name() const {
    return std::to_string(rows) + " x " + std::to_string(cols) + " x " + std::to_string(inner) +
           " left " + std::to_string(int(left_kind)) + " right " + std::to_string(int(right_kind)) +
           (accumulate ? " accumulate" : "");
  }
};

const Left kLefts[] = {Left::plain, Left::gathered, Left::transposed};
const Right kRights[] = {Right::packed, Right::row_major};

TEST(Gemm, EveryTableGivesTheBitsOfTheDefinition) {
  Random random(1, 0);
  for (int i = 0; i < 700; ++i) {
    int rows = 1 + int(random.below(i % 2 ? 6 : 60)),
        cols = 1 + int(random.below(i % 5 ? 70 : 300));
    int inner = int(random.below(i % 3 ? 40 : 130));
    Problem p(random, rows, cols, inner, kLefts[random.below(3)], kRights[random.below(2)],
              random.below(2) == 0, i % 4 == 0);
    Floats expected = p.expected();
    for (const Kernels* table : all_tables())
      EXPECT_TRUE(same(p.run(*table), expected)) << table->name << ": " << p.name();
  }
}

TEST(Gemm, LargeProblemsThatCrossEveryBlockGiveTheBitsOfTheDefinition) {
  Random random(2, 0);
  struct Size {
    int rows, cols, inner;
  };
  for (Size s : {Size{1, 270, 1300}, Size{130, 33, 700}, Size{3, 40, 1100}, Size{260, 161, 300},
                 Size{70, 1024, 40}, Size{66, 1024, 259}, Size{30, 140, 1024}})
    for (Left l : kLefts)
      for (Right r : kRights) {
        Problem p(random, s.rows, s.cols, s.inner, l, r, true);
        Floats expected = p.expected();
        for (const Kernels* table : all_tables())
          EXPECT_TRUE(same(p.run(*table), expected)) << table->name << ": " << p.name();
      }
}

// |error of a chain of n fused multiply-adds| <= n * 2^-24 / (1 - n * 2^-24) * sum |terms| (Higham,
// Accuracy and Stability of Numerical Algorithms, 3.1, with one rounding per term).
TEST(Gemm, ErrorStaysBelowTheConditionOfTheSum) {
  Random random(3, 0);
  const int rows = 9, cols = 45, inner = 777;
  Problem p(random, rows, cols, inner, Left::plain, Right::packed, false);
  for (size_t i = 0; i < p.left.size(); ++i) p.left[i] = random.normal();
  Floats out = p.run(kernels());
  for (int m = 0; m < rows; ++m)
    for (int n = 0; n < cols; ++n) {
      double sum = 0, size = 0;
      for (int k = 0; k < inner; ++k) {
        double term = double(p.left_at(m, k)) * p.right_at(k, n);
        sum += term;
        size += std::fabs(term);
      }
      double bound = 1.001 * inner * 0x1p-24 * size + inner * 0x1p-149;
      EXPECT_LE(std::fabs(out[size_t(m) * (cols + 5) + n] - sum), bound);
    }
}

TEST(Gemm, AnySplitOfRowsColumnsAndInnerGivesTheSameBits) {
  Random random(4, 0);
  for (int i = 0; i < 60; ++i) {
    Problem p(random, 1 + int(random.below(50)), 1 + int(random.below(200)),
              1 + int(random.below(90)), kLefts[random.below(3)], kRights[random.below(2)],
              random.below(2) == 0);
    for (const Kernels* table : fast_tables()) {
      Floats whole = p.run(*table), pieces(p.out);
      for (int m = 0, rows; m < p.rows; m += rows) {
        rows = std::min(p.rows - m, 1 + int(random.below(20)));
        for (int n = 0, cols; n < p.cols; n += cols) {
          cols = std::min(p.cols - n, kPanel * (1 + int(random.below(4))));
          for (int k = 0, inner; k < p.inner; k += inner) {
            inner = std::min(p.inner - k, 1 + int(random.below(60)));
            Gemm g = p.call(pieces);
            if (g.left_rows)
              g.left_rows += m;
            else
              g.left += size_t(m) * g.left_row;
            g.left += size_t(k) * g.left_inner;
            g.panels += size_t(n / kPanel) * g.panel_stride + size_t(k) * g.inner_stride;
            g.out += size_t(m) * g.out_row + n;
            g.rows = rows;
            g.cols = cols;
            g.inner = inner;
            g.accumulate = p.accumulate || k > 0;
            table->gemm(g);
          }
        }
      }
      EXPECT_TRUE(same(pieces, whole)) << table->name << ": " << p.name();
    }
  }
}

TEST(Gemm, OneRowEqualsTheSameRowInsideALargeCall) {
  Random random(5, 0);
  for (const Kernels* table : fast_tables())
    for (Right r : kRights) {
      Problem p(random, 100, 300, 120, Left::plain, r, false);
      Floats whole = p.run(*table), single(p.out);
      for (int m = 0; m < p.rows; ++m) {
        Gemm g = p.call(single);
        g.left += size_t(m) * g.left_row;
        g.out += size_t(m) * g.out_row;
        g.rows = 1;
        table->gemm(g);
      }
      EXPECT_TRUE(same(single, whole)) << table->name << ": " << p.name();
    }
}

TEST(Gemm, PackedAndRowMajorOperandsGiveTheSameBits) {
  Random random(6, 0);
  for (const Kernels* table : fast_tables())
    for (int rows : {1, 3, 14, 40}) {
      Problem p(random, rows, 77, 65, Left::plain, Right::packed, false);
      Floats from_panels = p.run(*table), from_rows(p.out);
      // The same matrix as [inner][cols].
      Floats transposed(p.right.size());
      for (int k = 0; k < p.inner; ++k)
        for (int n = 0; n < p.cols; ++n) transposed[size_t(k) * p.cols + n] = p.right_at(k, n);
      Gemm g = p.call(from_rows);
      g.panels = transposed.data();
      g.panel_stride = kPanel;
      g.inner_stride = size_t(p.cols);
      table->gemm(g);
      EXPECT_TRUE(same(from_rows, from_panels)) << table->name;
    }
}

// A row-major operand of exactly 32 columns has the strides of a packed one; only `cols` of them
// may be read (the buffer ends there).
TEST(Gemm, RowMajorOperandOfPanelWidthIsNotReadBeyondItsColumns) {
  Random random(7, 0);
  for (const Kernels* table : all_tables()) {
    const int rows = 5, cols = 20, inner = 7;
    Floats left = normals(random, size_t(rows) * inner), out(size_t(rows) * cols);
    Floats right = normals(random, size_t(inner - 1) * kPanel + cols);
    Gemm g{};
    g.left = left.data();
    g.left_row = size_t(inner);
    g.left_inner = 1;
    g.panels = right.data();
    g.panel_stride = g.inner_stride = kPanel;
    g.out = out.data();
    g.out_row = size_t(cols);
    g.rows = rows, g.cols = cols, g.inner = inner;
    g.scratch = scratch();
    table->gemm(g);
    float expected = 0;
    for (int k = 0; k < inner; ++k)
      expected = std::fma(left[size_t(4) * inner + k], right[size_t(k) * kPanel + 19], expected);
    EXPECT_EQ(out[out.size() - 1], expected) << table->name;
  }
}

TEST(Pack, PanelsHoldTheMatrixAndZeros) {
  Random random(8, 0);
  for (const Kernels* table : all_tables())
    for (int outputs : {1, 16, 31, 32, 33, 50, 96})
      for (int inner : {1, 7, 16, 37, 64}) {
        const size_t panels = size_t(outputs + kPanel - 1) / kPanel;
        const size_t row = size_t(inner) + 3;
        Floats w = normals(random, size_t(outputs - 1) * row + inner);
        Floats packed(panels * kPanel * inner);
        table->pack_transposed(w.data(), row, outputs, inner, packed.data());
        for (size_t n = 0; n < panels * kPanel; ++n)
          for (int k = 0; k < inner; ++k) {
            const bool exists = n < size_t(outputs);
            const size_t to = n / kPanel * kPanel * inner + size_t(k) * kPanel + n % kPanel;
            ASSERT_EQ(packed[to], exists ? w[n * row + k] : 0);
          }
      }
}

TEST(Pack, RowsAreGathered) {
  Random random(9, 0);
  for (const Kernels* table : all_tables())
    for (int columns : {1, 31, 32, 70})
      for (bool gathers : {false, true}) {
        const int inner = 11;
        const size_t row = size_t(columns) + 2;
        const size_t panels = size_t(columns + kPanel - 1) / kPanel;
        Floats w = normals(random, size_t(inner - 1) * row + columns);
        std::vector<int> rows(inner);
        for (int& r : rows) r = int(random.below(inner));
        Floats packed(panels * kPanel * inner);
        table->pack_rows(w.data(), row, gathers ? rows.data() : nullptr, inner, columns,
                         packed.data());
        for (size_t n = 0; n < panels * kPanel; ++n)
          for (int k = 0; k < inner; ++k) {
            const size_t from = size_t(gathers ? rows[size_t(k)] : k) * row + n;
            const size_t to = n / kPanel * kPanel * inner + size_t(k) * kPanel + n % kPanel;
            ASSERT_EQ(packed[to], n < size_t(columns) ? w[from] : 0);
          }
      }
}

}  // namespace
}  // namespace weir
