// What fork and join cost, and what becomes of a job when another program takes a core.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/clock.h"
#include "base/thread_pool.h"

namespace weir {
namespace {

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Every thread takes part: an index ends when all of them have begun. So the time is that of the
// slowest start and of the report back, not of a caller that found everything undone and did it.
void meet(ThreadPool& pool) {
  std::atomic<int> here{0};
  const int all = pool.threads();
  pool.parallel_for(all, [&](int, int) {
    here.fetch_add(1, std::memory_order_relaxed);
    while (here.load(std::memory_order_relaxed) < all) pause();
  });
}

// Jobs that follow each other after `gap` microseconds in which the caller works alone. Beside
// other programs the mean is theirs; median_ns and ninth_of_10_ns are of the single jobs.
void barrier(benchmark::State& state) {
  ThreadPool pool(int(state.range(0)));
  const int64_t gap_ns = state.range(1) * 1000;
  std::vector<int64_t> times;
  for (auto _ : state) {
    int64_t begin = monotonic_ns();
    for (const int64_t from = begin; begin - from < gap_ns;) begin = monotonic_ns();
    meet(pool);
    times.push_back(monotonic_ns() - begin);
    state.SetIterationTime(double(times.back()) * 1e-9);
  }
  std::sort(times.begin(), times.end());
  state.counters["median_ns"] = double(times[times.size() / 2]);
  state.counters["ninth_of_10_ns"] = double(times[times.size() * 9 / 10]);
}
BENCHMARK(barrier)
    ->ArgNames({"threads", "gap_us"})
    ->ArgsProduct({{2}, {0, 1, 5, 20, 80, 400, 2000}})
    ->Iterations(1000)
    ->UseManualTime();

// The same without a clock between the jobs: their sum over their number.
void barriers_in_a_row(benchmark::State& state) {
  ThreadPool pool(int(state.range(0)));
  for (auto _ : state) meet(pool);
}
BENCHMARK(barriers_in_a_row)->ArgName("threads")->Arg(2)->UseRealTime();

// Two indices that do nothing: the caller may take both.
void empty_job(benchmark::State& state) {
  ThreadPool pool(int(state.range(0)));
  for (auto _ : state) pool.parallel_for(pool.threads(), [](int, int) {});
}
BENCHMARK(empty_job)->ArgName("threads")->DenseRange(1, 2)->UseRealTime();

// A pass of a model in miniature: jobs of 8 indices of `us` microseconds each on an idle core.
// Beside `taskset -c 1 sh -c 'while :; do :; done'` its rate tells what a busy core costs.
void work(benchmark::State& state) {
  ThreadPool pool(int(state.range(0)));
  constexpr int kIndices = 8;
  const int turns = int(state.range(1)) * 600;  // of a chain of 4 cycles or so at 2.5 GHz
  double results[kIndices];
  for (auto _ : state) {
    pool.parallel_for(kIndices, [&](int i, int) {
      double x = i;
      for (int t = 0; t < turns; ++t) x = x * 0.9999 + 0.5;
      results[i] = x;
    });
    benchmark::DoNotOptimize(results);
  }
}
BENCHMARK(work)
    ->ArgNames({"threads", "us"})
    ->ArgsProduct({{1, 2}, {5, 25, 100}})
    ->UseRealTime()
    ->MinTime(1);

}  // namespace
}  // namespace weir
