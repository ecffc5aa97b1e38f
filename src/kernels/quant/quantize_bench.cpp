// Speed of the encoders on one core, in bytes of f32 read: a row of 4096 normal numbers, without
// and with importance.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/quant/quantize.h"

namespace weir {
namespace {

void quantize(benchmark::State& state, WeightType type, bool with_importance) {
  constexpr size_t kCount = 4096;
  Random random(1, 0);
  std::vector<float> x(kCount), importance(kCount);
  for (float& v : x) v = 0.02f * random.normal();
  for (float& v : importance) v = 0.1f + random.uniform();
  std::vector<uint8_t> row(type_bytes(type, kCount));
  for (auto _ : state) {
    quantize_row(type, x.data(), with_importance ? importance.data() : nullptr, kCount, row.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(int64_t(state.iterations() * kCount * sizeof(float)));
}

const int kRegistered = [] {
  for (int value = 0; value < 255; ++value) {
    const TypeTraits* traits = find_type(value);
    if (!traits) continue;
    for (bool with_importance : {false, true})
      benchmark::RegisterBenchmark(
          ("quantize/" + std::string(traits->name) + (with_importance ? "/importance" : ""))
              .c_str(),
          quantize, traits->type, with_importance);
  }
  return 0;
}();

}  // namespace
}  // namespace weir
