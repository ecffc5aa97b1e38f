#include "ops/matmul.h"

#include "base/check.h"
#include "base/div_up.h"
#include "ops/tiles.h"
#include "tensor/packed.h"
#include "tensor/panels.h"

namespace weir {
namespace {

// Rows of a tile that meets weights as they are stored: enough to pay for decoding the weights
// again for the next ones.
constexpr int kStoredRows = 256;
// Its columns at most, and of what they are a multiple: as many as the kernel decodes together.
constexpr int kStoredColumns = 48, kStoredStep = 8;

// A few tiles for each thread, of sizes the kernel likes.
TileSize stored_tile(const Matrix& w, int groups, int threads) {
  const int fair = div_up(w.group_rows() * groups, 4 * threads);
  return {kStoredRows, std::clamp(round_up(fair, kStoredStep), kStoredStep, kStoredColumns)};
}

// Of integer products. Few rows: a task reads at least so many bytes of weights, that handing it
// out costs little beside. Many rows: as many as stay in the second-level cache, and enough columns
// to use them for.
constexpr size_t kIntegerTaskBytes = 96 * 1024;
constexpr int kIntegerRows = 192, kIntegerColumns = 8 * kPanelRows, kFewRows = 8;

TileSize integer_tile(const Matrix& w, const Groups& groups, int rows, int threads) {
  const int fair = round_up(div_up(w.group_rows() * groups.count, 4 * threads), kPanelRows);
  const size_t panel = kPanelRows * type_bytes(w.type, size_t(w.cols));
  const int few = kPanelRows * int(div_up(kIntegerTaskBytes, panel));
  const int most =
      rows > kFewRows * groups.count ? kIntegerColumns : std::max(few, kIntegerColumns);
  return {kIntegerRows, std::clamp(fair, std::min(few, most), most)};
}

// A tile of a product: rows [row, row + tile.rows) of out.
struct Part {
  const Activations& x;
  const Matrix& w;
  int group, row;
  Tile tile;
  Rows out;
  bool accumulate;
  float* scratch;
  // Of the left operand; gathered rows are counted from its beginning.
  size_t first_row() const { return x.gather ? 0 : size_t(row); }
};

// What every kind of product says in the same way.
template <class Product>
Product product_of(const Part& p) {
  Product g{};
  g.left_rows = p.x.gather ? p.x.gather + p.row : nullptr;
  g.out = p.out.data + size_t(p.row) * p.out.stride + p.tile.column;
  g.out_row = p.out.stride;
  g.rows = p.tile.rows;
  g.cols = p.tile.columns;
  g.inner = p.w.cols;
  g.accumulate = p.accumulate;
  g.scratch = p.scratch;
  return g;
}

Gemm packed_product(const Part& p) {
  auto g = product_of<Gemm>(p);
  g.left = p.x.rows.data + p.first_row() * p.x.rows.stride;
  g.left_row = p.x.rows.stride;
  g.left_inner = 1;
  g.panels = p.w.packed->forward(p.group) + size_t(p.tile.column) * size_t(p.w.cols);
  g.panel_stride = size_t(p.w.cols) * kPanel;
  g.inner_stride = kPanel;
  return g;
}

// A product with the rows of the tile's columns as they are stored.
template <class Product>
Product stored_product_of(const Part& p) {
  auto g = product_of<Product>(p);
  g.type = p.w.type;
  g.weight_row = type_bytes(p.w.type, size_t(p.w.cols));
  g.weights =
      static_cast<const char*>(p.w.parts[size_t(p.group)]) + size_t(p.tile.column) * g.weight_row;
  return g;
}

BlockGemm stored_product(const Part& p) {
  auto g = stored_product_of<BlockGemm>(p);
  if (has_scale_squares(p.w.type)) g.scales = p.w.scales[size_t(p.group)];
  g.scales_row = size_t(div_up(p.w.cols, scale_square(p.w.type)));
  g.first = p.tile.column;
  g.left = p.x.rows.data + p.first_row() * p.x.rows.stride;
  g.left_row = p.x.rows.stride;
  return g;
}

IntegerGemm integer_product(const Part& p, const QuantizedRows& quantized) {
  auto g = stored_product_of<IntegerGemm>(p);
  g.left = quantized.data + p.first_row() * quantized.row_bytes;
  g.left_row = quantized.row_bytes;
  return g;
}

// The panels of the tile as far as they are there, in runs; the stored rows of the others.
void multiply_integers(const Part& p, const QuantizedRows& quantized) {
  const IntegerGemm whole = integer_product(p, quantized);
  if (!p.w.panels) return kernels().integer_gemm(whole);
  const int first = p.tile.column / kPanelRows, count = div_up(p.tile.columns, kPanelRows);
  for (int begin = 0, end; begin < count; begin = end) {
    IntegerGemm run = whole;
    run.panels = p.w.panels->get(p.group, first + begin);
    end = begin + 1;
    const auto follows = [&] {
      return p.w.panels->get(p.group, first + end) ==
             run.panels + size_t(end - begin) * p.w.panels->panel_bytes();
    };
    while (run.panels && end < count && follows()) ++end;
    const int columns = begin * kPanelRows;
    run.weights = static_cast<const char*>(whole.weights) + size_t(columns) * whole.weight_row;
    run.out += columns;
    run.cols = std::min(whole.cols - columns, (end - begin) * kPanelRows);
    kernels().integer_gemm(run);
  }
}

}  // namespace

bool reads_quantized(Workers workers, const Matrix& w) {
  return !workers.exact && has_integer_products(w.type);
}

QuantizedRows quantize_rows(Workers workers, Rows x) {
  const size_t bytes = quantized_row_bytes(x.cols);
  uint8_t* data = workers.arena->array<uint8_t>(bytes * size_t(x.rows));
  for_chunks(*workers.pool, x.rows, row_grain(x.cols), [&](int begin, int end, int) {
    for (int m = begin; m < end; ++m)
      kernels().quantize_activations(x.data + size_t(m) * x.stride, x.cols,
                                     data + size_t(m) * bytes);
  });
  return {data, bytes};
}

void multiply(Workers workers, const Activations& x, const Matrix& w, const Groups& groups,
              Rows out, bool accumulate) {
  CHECK_EQ(x.rows.cols, w.cols);
  CHECK_EQ(out.cols, w.group_rows());
  ArenaScope scope(*workers.arena);
  ThreadPool& pool = *workers.pool;
  const int all[] = {0, out.rows};
  const int* begin = groups.begin ? groups.begin : all;
  QuantizedRows quantized;
  if (reads_quantized(workers, w))
    quantized = x.quantized.data ? x.quantized : quantize_rows(workers, x.rows);
  const TileSize size = w.packed ? panel_tile(groups.count, begin, w.group_rows(), pool.threads())
                        : quantized.data ? integer_tile(w, groups, out.rows, pool.threads())
                                         : stored_tile(w, groups.count, pool.threads());
  const Tiles tiles(workers, groups.count, begin, w.group_rows(), size);
  float* scratch = workers.arena->floats(kGemmScratch * size_t(pool.threads()));
  pool.parallel_for(tiles.count(), [&](int task, int thread) {
    const Tile tile = tiles[task];
    const Part part{x,
                    w,
                    groups.first + tile.group,
                    begin[tile.group] + tile.row,
                    tile,
                    out,
                    accumulate,
                    scratch + size_t(thread) * kGemmScratch};
    if (w.packed)
      kernels().gemm(packed_product(part));
    else if (quantized.data)
      multiply_integers(part, quantized);
    else
      kernels().block_gemm(stored_product(part));
  });
}

}  // namespace weir
