// Speed of products with stored weights on one core: bytes of weights per second for one row
// (decoding, next to what memory gives), multiplications per second for many (prefill).
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/kernels.h"
#include "kernels/quant/types.h"

namespace weir {
namespace {

// Several matrices in turn, more than the caches hold, as a model's layers are.
constexpr size_t kWeightBytes = size_t(192) << 20;

struct Operands {
  WeightType type;
  int rows, cols, inner;
  size_t weight_row, matrix, matrices;
  std::vector<uint8_t> weights;
  std::vector<float> left, out, scales, scratch;

  Operands(WeightType t, const benchmark::State& state)
      : type(t),
        rows(int(state.range(0))),
        cols(int(state.range(2))),
        inner(int(state.range(1))),
        weight_row(type_bytes(t, size_t(inner))),
        matrix(weight_row * size_t(cols)),
        matrices(rows > 8 ? 1 : kWeightBytes / matrix),
        // No byte is above 0x38, so every scale is an ordinary number.
        weights(matrix * matrices, 0x25),
        left(size_t(rows) * size_t(inner)),
        out(size_t(rows) * size_t(cols)),
        scales(size_t(inner / 32 + 1) * size_t(cols / 32 + 1), 0.5f),
        scratch(kGemmScratch + 16) {
    Random random(1, 2);
    for (float& x : left) x = random.normal();
  }
  BlockGemm call(size_t i) {
    BlockGemm g{};
    g.type = type;
    g.weights = weights.data() + i % matrices * matrix;
    g.weight_row = weight_row;
    if (has_scale_squares(type)) g.scales = scales.data();
    g.scales_row = size_t(inner / scale_square(type) + 1);
    g.left = left.data();
    g.left_row = size_t(inner);
    g.out = out.data();
    g.out_row = size_t(cols);
    g.rows = rows, g.cols = cols, g.inner = inner;
    g.scratch = scratch.data() + (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64) / 4;
    return g;
  }
};

enum class Way { exact, stored, panels };

// Not exact: the time to quantize the activation rows is part of it.
void multiply(benchmark::State& state, WeightType type, Way way) {
  Operands o(type, state);
  const bool quantized = way != Way::exact;
  std::vector<uint8_t> panels;
  if (way == Way::panels) {
    const size_t panel = panel_bytes(type, o.inner);
    panels.resize(panel * size_t(o.cols / kPanelRows) * o.matrices);
    for (size_t i = 0; i * panel < panels.size(); ++i)
      kernels().repack_panel(type, o.weights.data() + i * kPanelRows * o.weight_row, o.weight_row,
                             kPanelRows, o.inner, panels.data() + i * panel);
  }
  const size_t quantized_row = quantized_row_bytes(o.inner);
  std::vector<uint8_t> bytes(quantized_row * size_t(o.rows));
  size_t i = 0;
  for (auto _ : state) {
    BlockGemm g = o.call(i++);
    if (quantized) {
      for (size_t m = 0; m < size_t(o.rows); ++m)
        kernels().quantize_activations(g.left + m * g.left_row, o.inner,
                                       bytes.data() + m * quantized_row);
      IntegerGemm h{};
      h.type = type;
      h.weights = g.weights, h.weight_row = g.weight_row;
      if (!panels.empty()) h.panels = panels.data() + i % o.matrices * (panels.size() / o.matrices);
      h.left = bytes.data(), h.left_row = quantized_row;
      h.out = g.out, h.out_row = g.out_row;
      h.rows = g.rows, h.cols = g.cols, h.inner = g.inner;
      h.scratch = g.scratch;
      kernels().integer_gemm(h);
    } else {
      kernels().block_gemm(g);
    }
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(int64_t(state.iterations()) * int64_t(o.matrix));
  state.counters["GFLOP/s"] = benchmark::Counter(
      2e-9 * o.rows * o.cols * o.inner * double(state.iterations()), benchmark::Counter::kIsRate);
}

// What one core can read: the limit of decoding.
void memory(benchmark::State& state) {
  std::vector<float> x(kWeightBytes / sizeof(float), 1.f);
  for (auto _ : state) benchmark::DoNotOptimize(kernels().sum(x.data(), int(x.size())));
  state.SetBytesProcessed(int64_t(state.iterations()) * int64_t(kWeightBytes));
}
BENCHMARK(memory);

[[maybe_unused]] const bool kRegistered = [] {
  for (const TypeRow& row : kTypes) {
    const WeightType type = row.type;
    const std::string name = type_name(type);
    for (Way way : {Way::exact, Way::stored, Way::panels}) {
      if (way != Way::exact && !has_integer_products(type)) continue;
      if (way == Way::panels && !kernels().repack_panel) continue;
      auto run = [type, way](benchmark::State& state) { multiply(state, type, way); };
      const char* tails[] = {"/exact", "/stored", "/panels"};
      const std::string tail = name + tails[int(way)];
      benchmark::RegisterBenchmark(("stored_decode/" + tail).c_str(), run)
          ->Args({1, 2048, 2048})
          ->Args({1, 2048, 1408})
          ->Args({2, 2048, 2048})
          ->Args({4, 2048, 2048})
          ->Args({8, 2048, 2048});
      benchmark::RegisterBenchmark(("stored_prefill/" + tail).c_str(), run)
          ->Args({256, 2048, 1408});
    }
  }
  return true;
}();

}  // namespace
}  // namespace weir
