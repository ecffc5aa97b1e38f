// What a zone costs while nobody traces, and while somebody does.
#include <benchmark/benchmark.h>

#include "base/zones.h"

namespace weir {
namespace {

void zones(benchmark::State& state) {
  const bool is_on = state.range(0) != 0;
  if (is_on) start_tracing();
  for (auto _ : state) {
    const Zone zone("bench");
    benchmark::ClobberMemory();
  }
  if (is_on) stop_tracing();
}
BENCHMARK(zones)->ArgName("traced")->Arg(0)->Arg(1);

}  // namespace
}  // namespace weir
