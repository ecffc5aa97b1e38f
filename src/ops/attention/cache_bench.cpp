// Speed of attention of one new token over a deep cache, all layers of a model: seconds of a token
// and bytes of the cache that are read in a second. Arguments: cache type, depth, threads.
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "ops/ops.h"
#include "tensor/buffer.h"
#include "tensor/cache.h"

namespace weir {
namespace {

// Pages that are as far apart as those of the engine, all of one sequence.
class DeepCache : public Cache {
 public:
  DeepCache(const CacheWidths& widths, CacheForm form, CacheType type, int depth)
      : layout_(*CacheLayout::make(widths, form, type)),
        memory_(size_t(depth) / kCachePage * layout_.page_bytes) {
    // No scale and no number of any type is unusual with these bytes.
    std::memset(memory_.data(), 0x3c, memory_.size());
    for (size_t at = 0; at < memory_.size(); at += layout_.page_bytes)
      pages_.push_back(reinterpret_cast<float*>(memory_.data() + at));
  }
  CacheForm form() const override { return layout_.form; }
  CacheView view(int layer, int) override {
    return view_of(layout_, layer, pages_.data(), int(pages_.size()) * kCachePage);
  }
  size_t bytes() const { return memory_.size(); }

 private:
  const CacheLayout layout_;
  const Buffer memory_;
  std::vector<float*> pages_;
};

Tensor ones(Run& run, int rows, int cols) {
  Tensor x = run.make(rows, cols);
  for (int i = 0; i < rows * cols; ++i) x.data[i] = 0.01f * float(i % 7);
  return x;
}

// Qwen2.5-1.5B: 28 layers, 12 heads over 2 of keys and values, each 128 wide.
void grouped(benchmark::State& state) {
  CacheWidths widths;
  widths.layers = 28, widths.heads = 2, widths.key_own = widths.value = 128;
  const int depth = int(state.range(1));
  DeepCache cache(widths, CacheForm::expanded, CacheType(state.range(0)), depth);
  ThreadPool pool(int(state.range(2)));
  Arena arena(size_t(1) << 30);
  const int token = 0, position = depth - 1, sequence = 0;
  const Batch batch({&token, 1}, {&position, 1}, {&sequence, 1});
  for (auto _ : state) {
    arena.reset();
    Run run{arena, pool, batch};
    run.cache = &cache;
    run.exact = state.range(3) != 0;
    const Tensor q = ones(run, 1, 12 * 128), k = ones(run, 1, 256), v = ones(run, 1, 256);
    for (int layer = 0; layer < widths.layers; ++layer) {
      AttentionShape shape;
      shape.heads = 12, shape.kv_heads = 2, shape.own = shape.value = 128;
      shape.key_step = shape.value_step = 128, shape.scale = 0.09f, shape.layer = layer;
      benchmark::DoNotOptimize(attend(run, q, k, {}, v, shape).data);
    }
  }
  state.SetBytesProcessed(int64_t(state.iterations()) * int64_t(cache.bytes()));
  state.SetLabel(cache_type_name(CacheType(state.range(0))));
}

// DeepSeek-V2-Lite: 27 layers, 16 heads over latent rows of 512 + 64.
void latent(benchmark::State& state) {
  CacheWidths widths;
  widths.layers = 27, widths.heads = 16, widths.rank = 512, widths.rope = 64;
  const int depth = int(state.range(1));
  DeepCache cache(widths, CacheForm::latent, CacheType(state.range(0)), depth);
  ThreadPool pool(int(state.range(2)));
  Arena arena(size_t(1) << 30);
  const int token = 0, position = depth - 1, sequence = 0;
  const Batch batch({&token, 1}, {&position, 1}, {&sequence, 1});
  AttentionShape shape;
  shape.heads = shape.kv_heads = 16, shape.own = 128, shape.shared = 64, shape.value = 128;
  shape.key_step = shape.value_step = 256, shape.value_offset = 128, shape.scale = 0.07f;
  std::vector<uint16_t> weights(size_t(widths.layers) * 16 * 256 * 512, 0x2c00);
  for (auto _ : state) {
    arena.reset();
    Run run{arena, pool, batch};
    run.cache = &cache;
    run.exact = state.range(3) != 0;
    const Tensor q = ones(run, 1, 16 * 192), row = ones(run, 1, 512), rope = ones(run, 1, 64);
    for (int layer = 0; layer < widths.layers; ++layer) {
      Matrix kv_b;
      kv_b.type = WeightType::f16, kv_b.rows = 16 * 256, kv_b.cols = 512;
      kv_b.parts = {weights.data() + size_t(layer) * 16 * 256 * 512};
      shape.layer = layer;
      benchmark::DoNotOptimize(attend_latent(run, q, row, rope, kv_b, shape).data);
    }
  }
  state.SetBytesProcessed(int64_t(state.iterations()) * int64_t(cache.bytes()));
  state.SetLabel(cache_type_name(CacheType(state.range(0))));
}

void arguments(benchmark::internal::Benchmark* b) {
  b->ArgNames({"type", "depth", "threads", "exact"})->Unit(benchmark::kMillisecond)->UseRealTime();
  for (int threads : {1, 2})
    for (int depth : {4096, 32768}) {
      b->Args({int(CacheType::f32), depth, threads, 1});
      for (int type = 0; type <= int(CacheType::q4); ++type) b->Args({type, depth, threads, 0});
    }
}

BENCHMARK(grouped)->Apply(arguments);
BENCHMARK(latent)->Apply(arguments);

}  // namespace
}  // namespace weir
