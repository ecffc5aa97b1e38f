#include "cli/machine_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/bandwidth.h"
#include "kernels/kernels.h"

namespace weir {
namespace {

// Of one run: long against a barrier, short against the turns that other programs take.
constexpr double kRunSeconds = 4e-3;
constexpr int kRuns = 15;

double seconds_of(const PeakLoop& loop, int64_t turns) {
  const int64_t began = monotonic_ns();
  loop.run(turns);
  return double(monotonic_ns() - began) * 1e-9;
}

void meet(ThreadPool& pool) {
  std::atomic<int> here{0};
  const int all = pool.threads();
  pool.parallel_for(all, [&](int, int) {
    here.fetch_add(1, std::memory_order_relaxed);
    while (here.load(std::memory_order_relaxed) < all) {
    }
  });
}

std::string cores_text(const Topology& t, int threads) {
  std::string text = fmt::format("{} logical processors on {} cores", t.cpus.size(), t.cores());
  if (t.fast_cores() < t.cores()) text += fmt::format(" ({} fast)", t.fast_cores());
  text += fmt::format(", {} socket{}, {} memory node{}", t.packages(), t.packages() == 1 ? "" : "s",
                      t.nodes(), t.nodes() == 1 ? "" : "s");
  if (std::isfinite(t.quota)) text += fmt::format(", a quota of {:.2g} cores", t.quota);
  return text + fmt::format("; {} threads", threads);
}

Json topology_json(const Topology& t) {
  Json json = Json::object();
  json.set("logical_processors", uint64_t(t.cpus.size()));
  json.set("cores", t.cores());
  json.set("fast_cores", t.fast_cores());
  json.set("sockets", t.packages());
  json.set("memory_nodes", t.nodes());
  json.set("cache_bytes", uint64_t(t.cache_bytes));
  json.set("quota", std::isfinite(t.quota) ? Json(t.quota) : Json());
  json.set("default_threads", default_threads(t));
  return json;
}

// A row of the table and its member of the JSON object: one thread, all threads.
Json row(const char* what, double one, double all, double scale, const char* unit) {
  fmt::print("{:<32} {:10.1f} {:10.1f}  {}\n", what, one * scale, all * scale, unit);
  fflush(stdout);
  Json json = Json::object();
  json.set("one_thread", one);
  json.set("all_threads", all);
  return json;
}

}  // namespace

double peak_rate(const PeakLoop& loop, ThreadPool& pool) {
  int64_t turns = 1000;
  while (turns < (int64_t(1) << 40) && seconds_of(loop, turns) < kRunSeconds / 4) turns *= 2;
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    const int64_t began = monotonic_ns();
    pool.parallel_for(pool.threads(), [&](int, int) { loop.run(4 * turns); });
    const double seconds = double(monotonic_ns() - began) * 1e-9;
    best = std::max(best, loop.operations * 4 * double(turns) * pool.threads() / seconds);
  }
  return best;
}

Peaks highest_peaks(ThreadPool& pool) {
  Peaks peaks;
  for (const PeakLoop& loop : peak_loops()) {
    Peak& peak = loop.is_integer ? peaks.integer : peaks.floats;
    if (const double rate = peak_rate(loop, pool); rate > peak.rate) peak = {loop.name, rate};
  }
  return peaks;
}

double barrier_seconds(ThreadPool& pool, double gap) {
  constexpr int kTimes = 2000;
  constexpr int64_t kAll_ns = 500'000'000;
  std::vector<int64_t> times;
  const int64_t first = monotonic_ns();
  while (int(times.size()) < kTimes && (times.size() < 50 || monotonic_ns() - first < kAll_ns)) {
    int64_t began = monotonic_ns();
    for (const int64_t from = began; double(began - from) < gap * 1e9;) began = monotonic_ns();
    meet(pool);
    times.push_back(monotonic_ns() - began);
  }
  std::nth_element(times.begin(), times.begin() + int64_t(times.size() / 2), times.end());
  return double(times[times.size() / 2]) * 1e-9;
}

Result<void> bench_limits(const LimitsOptions& options) {
  std::optional<DiskRate> disk;
  if (!options.file.empty()) disk = TRY(disk_rate(options.file));
  const Topology topology = read_topology();
  ThreadPool pool(options.threads), one(1);
  Json json = Json::object();
  json.set("topology", topology_json(topology));
  json.set("threads", pool.threads());
  json.set("kernels", kernels().name);
  fmt::print("{}\n{} of last-level cache, {} of memory available\n\n",
             cores_text(topology, pool.threads()), format_bytes(double(topology.cache_bytes)),
             format_bytes(available_memory()));
  fmt::print("{:<32} {:>10} {:>10}\n", "", "one thread", "all");
  json.set("available_memory_bytes", available_memory());
  json.set("memory_bytes_per_second",
           row("reading memory", memory_bandwidth(one), memory_bandwidth(pool), 1e-9, "GB/s"));
  Json peaks = Json::object();
  for (const PeakLoop& loop : peak_loops())
    peaks.set(loop.name, row(loop.name, peak_rate(loop, one), peak_rate(loop, pool), 1e-9,
                             fmt::format("GOP/s ({})", loop.products).c_str()));
  json.set("peak_operations_per_second", std::move(peaks));
  Json barriers = Json::object();
  for (const auto& [name, gap] : {std::pair{"in a row", 0.}, {"20 us apart", 20e-6}}) {
    const double seconds = barrier_seconds(pool, gap);
    fmt::print("{:<32} {:>10} {:10.0f}  ns\n", fmt::format("barrier, jobs {}", name), "", seconds * 1e9);
    barriers.set(gap > 0 ? "jobs_20_us_apart" : "jobs_in_a_row", seconds);
  }
  json.set("barrier_seconds", std::move(barriers));
  if (disk) {
    fmt::print("{:<32} {:>10} {:10.2f}  GB/s\n", "disk in order, direct I/O", "",
               disk->in_order * 1e-9);
    fmt::print("{:<32} {:>10} {:10.2f}  GB/s\n", "disk, scattered MiB by 8 readers", "",
               disk->scattered * 1e-9);
    Json rates = Json::object();
    rates.set("in_order", disk->in_order);
    rates.set("scattered", disk->scattered);
    json.set("disk_bytes_per_second", std::move(rates));
  } else {
    fmt::print("{:<32} not measured: --file FILE\n", "disk");
    json.set("disk_bytes_per_second", Json());
  }
  if (topology.nodes() > 1)
    fmt::print(
        "\nmemory nodes: weir places no memory by node; figures are of pages where the system put "
        "them\n");
  fmt::print("\n{}\n", json.dump());
  return {};
}

}  // namespace weir
