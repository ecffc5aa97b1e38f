// Speed of the kernels on one core: gemm at the shapes of training, decoding and attention in
// GFLOP/s, the others in bytes moved.
#include <benchmark/benchmark.h>

#include <vector>

#include "base/div_up.h"
#include "base/random.h"
#include "kernels/kernels.h"

namespace weir {
namespace {

std::vector<float> values(size_t n) {
  Random random(1, n);
  std::vector<float> x(n);
  for (float& v : x) v = random.uniform() - 0.5f;
  return x;
}

std::vector<float>& scratch() {
  static std::vector<float> s(kGemmScratch + 16);
  return s;
}

struct Operands {
  int rows, cols, inner;
  std::vector<float> left, right, panels, out;
  explicit Operands(const benchmark::State& state)
      : rows(int(state.range(0))),
        cols(int(state.range(2))),
        inner(int(state.range(1))),
        left(values(size_t(rows) * inner)),
        right(values(size_t(cols) * inner)),
        panels(size_t(round_up(cols, kPanel)) * inner),
        out(size_t(rows) * cols) {}
  Gemm call() {
    Gemm g{};
    g.left = left.data();
    g.left_row = size_t(inner);
    g.left_inner = 1;
    g.out = out.data();
    g.out_row = size_t(cols);
    g.rows = rows;
    g.cols = cols;
    g.inner = inner;
    g.scratch = scratch().data() + (64 - reinterpret_cast<uintptr_t>(scratch().data()) % 64) / 4;
    return g;
  }
  void report(benchmark::State& state) const {
    state.counters["GFLOP/s"] = benchmark::Counter(
        2e-9 * rows * cols * inner * double(state.iterations()), benchmark::Counter::kIsRate);
  }
};

// y = x W^T with W packed in every call, as a training step does.
void forward(benchmark::State& state) {
  Operands o(state);
  for (auto _ : state) {
    kernels().pack_transposed(o.right.data(), size_t(o.inner), o.cols, o.inner, o.panels.data());
    Gemm g = o.call();
    g.panels = o.panels.data();
    g.panel_stride = size_t(o.inner) * kPanel;
    g.inner_stride = kPanel;
    kernels().gemm(g);
  }
  o.report(state);
}

// The right operand as it lies in memory: dx = dy W, or probabilities times values.
void row_major(benchmark::State& state) {
  Operands o(state);
  for (auto _ : state) {
    Gemm g = o.call();
    g.panels = o.right.data();
    g.panel_stride = kPanel;
    g.inner_stride = size_t(o.cols);
    kernels().gemm(g);
  }
  o.report(state);
}

// dW += dy^T x: inner runs over the tokens.
void transposed(benchmark::State& state) {
  Operands o(state);
  for (auto _ : state) {
    Gemm g = o.call();
    g.left_row = 1;
    g.left_inner = size_t(o.rows);
    g.panels = o.right.data();
    g.panel_stride = kPanel;
    g.inner_stride = size_t(o.cols);
    g.accumulate = true;
    kernels().gemm(g);
  }
  o.report(state);
}

// Decoding: few rows against packed weights.
void decode(benchmark::State& state) {
  Operands o(state);
  for (auto _ : state) {
    Gemm g = o.call();
    g.panels = o.panels.data();
    g.panel_stride = size_t(o.inner) * kPanel;
    g.inner_stride = kPanel;
    kernels().gemm(g);
  }
  o.report(state);
  state.SetBytesProcessed(int64_t(state.iterations() * o.panels.size() * sizeof(float)));
}

void training_shapes(benchmark::internal::Benchmark* b) {
  for (auto s : {std::pair{256, 256}, {256, 768}, {768, 256}, {256, 4096}, {128, 384}, {512, 1408}})
    b->Args({256, s.first, s.second});
  for (int rows : {128, 512}) b->Args({rows, 256, 128});
}
void attention_shapes(benchmark::internal::Benchmark* b) {
  for (int rows : {1, 4, 16, 32, 64})
    for (int inner : {32, 96}) b->Args({rows, inner, 64});
}
void weight_shapes(benchmark::internal::Benchmark* b) {
  for (auto s : {std::pair{256, 256}, {256, 768}, {768, 256}, {4096, 256}, {384, 128}, {128, 256}})
    b->Args({s.first, 2048, s.second});
}
void decode_shapes(benchmark::internal::Benchmark* b) {
  for (int rows : {1, 2, 4, 8})
    for (auto s : {std::pair{256, 768}, {1024, 4096}, {4096, 4096}})
      b->Args({rows, s.first, s.second});
}

BENCHMARK(forward)->Apply(training_shapes);
BENCHMARK(row_major)->Apply(training_shapes)->Apply(attention_shapes);
BENCHMARK(transposed)->Apply(weight_shapes);
BENCHMARK(decode)->Apply(decode_shapes);

constexpr int kLength = 1024;

// A kernel on arrays of kLength, of which it reads or writes `moved`.
struct VectorCase {
  const char* name;
  int moved;
  void (*run)(const Kernels& k, float* a, float* b, float* c, float* d, float* e);
};

const VectorCase kVectorCases[] = {
    {"dot", 2,
     [](const Kernels& k, float* a, float* b, float*, float*, float*) {
       benchmark::DoNotOptimize(k.dot(a, b, kLength));
     }},
    {"axpy", 3,
     [](const Kernels& k, float* a, float* b, float*, float*, float*) {
       k.axpy(1e-9f, a, b, kLength);
     }},
    {"add", 3,
     [](const Kernels& k, float* a, float* b, float* c, float*, float*) {
       k.add(a, b, c, kLength);
     }},
    {"rms_norm", 3,
     [](const Kernels& k, float* a, float* b, float* c, float*, float*) {
       k.rms_norm(a, b, 1e-6f, c, kLength);
     }},
    {"rms_norm_backward", 6,
     [](const Kernels& k, float* a, float* b, float* c, float* d, float* e) {
       k.rms_norm_backward(a, b, c, 1, d, false, e, kLength);
     }},
    {"exp_sum", 2,
     [](const Kernels& k, float* a, float*, float*, float*, float*) {
       benchmark::DoNotOptimize(k.exp_sum(a, 1, kLength));
     }},
    {"swiglu", 3,
     [](const Kernels& k, float* a, float* b, float* c, float*, float*) {
       k.swiglu(a, b, c, kLength);
     }},
    {"swiglu_backward", 5,
     [](const Kernels& k, float* a, float* b, float* c, float* d, float* e) {
       k.swiglu_backward(a, b, c, d, e, false, kLength);
     }},
    {"rope_interleaved", 3,
     [](const Kernels& k, float* a, float* b, float* c, float*, float*) {
       k.rope_interleaved(a, b, c, 1, kLength);
     }},
    {"adamw", 7,
     [](const Kernels& k, float* a, float* b, float* c, float* d, float*) {
       k.adamw(a, b, c, d, kLength, {1e-3f, 0.9f, 0.99f, 1e-8f, 0.1f, 1, 1, 1});
     }},
};

void run_vector(benchmark::State& state, const VectorCase& c) {
  std::vector<float> array[5];
  for (auto& a : array) a = values(kLength);
  for (auto _ : state) {
    c.run(kernels(), array[0].data(), array[1].data(), array[2].data(), array[3].data(),
          array[4].data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(int64_t(state.iterations()) * kLength * c.moved * int64_t(sizeof(float)));
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const VectorCase& c : kVectorCases)
    benchmark::RegisterBenchmark(c.name, [&c](benchmark::State& state) { run_vector(state, c); });
  return true;
}();

void f32_to_bf16(benchmark::State& state) {
  std::vector<float> x = values(kLength);
  std::vector<uint16_t> y(kLength);
  for (auto _ : state) {
    kernels().f32_to_bf16(x.data(), y.data(), kLength);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(int64_t(state.iterations()) * kLength * 6);
}
BENCHMARK(f32_to_bf16);

void pack_transposed(benchmark::State& state) {
  const int side = int(state.range(0));
  std::vector<float> w = values(size_t(side) * side), panels(w.size());
  for (auto _ : state) {
    kernels().pack_transposed(w.data(), size_t(side), side, side, panels.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(int64_t(state.iterations()) * side * side * 8);
}
BENCHMARK(pack_transposed)->Arg(256)->Arg(1024);

}  // namespace
}  // namespace weir
