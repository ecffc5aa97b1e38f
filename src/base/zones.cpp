#include "base/zones.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <mutex>

#include "base/json.h"

namespace weir {
namespace {

// One thread's zones in a ring. The lock is free unless a trace is being taken at that moment.
struct Recorder {
  std::mutex mutex;
  std::string thread;
  std::vector<ZoneSpan> ring;
  size_t recorded = 0;  // since start_tracing()
  bool is_ended = false;

  void add(const ZoneSpan& span) {
    std::lock_guard lock(mutex);
    if (ring.size() < kZonesMax)
      ring.push_back(span);
    else
      ring[recorded % kZonesMax] = span;
    ++recorded;
  }
};

// The recorders outlive their threads: what a thread did can be read after its end.
struct Recorders {
  std::mutex mutex;
  std::vector<std::unique_ptr<Recorder>> all;
  int64_t start_ns = 0;
};

Recorders& recorders() {
  static auto* const kept = new Recorders;  // threads may end after the destructors of statics
  return *kept;
}

struct ThisThread {
  char name[16] = "";
  const char* innermost = nullptr;
  Recorder* recorder = nullptr;

  ~ThisThread() {
    if (!recorder) return;
    std::lock_guard lock(recorder->mutex);
    recorder->is_ended = true;
  }
  Recorder& own() {
    if (recorder) return *recorder;
    Recorders& r = recorders();
    std::lock_guard lock(r.mutex);
    recorder = r.all.emplace_back(std::make_unique<Recorder>()).get();
    recorder->thread = *name                  ? name
                       : gettid() == getpid() ? "main"
                                              : fmt::format("thread {}", gettid());
    return *recorder;
  }
};

thread_local ThisThread this_thread;

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Zones were recorded when they ended, inner ones first.
std::vector<ZoneSpan> in_order(const Recorder& from, int64_t start_ns) {
  std::vector<ZoneSpan> spans;
  const size_t count = from.ring.size();
  for (size_t i = 0; i < count; ++i) {
    ZoneSpan span = from.ring[(from.recorded - 1 - i) % count];
    if (span.begin_ns < start_ns) continue;  // begun while an earlier trace was on
    span.begin_ns -= start_ns, span.end_ns -= start_ns;
    spans.push_back(span);
  }
  std::stable_sort(spans.begin(), spans.end(), [](const ZoneSpan& a, const ZoneSpan& b) {
    return a.begin_ns != b.begin_ns ? a.begin_ns < b.begin_ns : a.end_ns > b.end_ns;
  });
  return spans;
}

}  // namespace

void Zone::begin(const char* name) {
  name_ = name;
  outer_ = this_thread.innermost;
  this_thread.innermost = name;
  begin_ns_ = now_ns();
}

void Zone::end() {
  const int64_t end_ns = now_ns();
  this_thread.innermost = outer_;
  if (tracing_is_on.load(std::memory_order_relaxed))
    this_thread.own().add({name_, begin_ns_, end_ns});
}

const char* innermost_zone() { return this_thread.innermost; }

void name_thread(const std::string& name) {
  this_thread.name[name.copy(this_thread.name, sizeof this_thread.name - 1)] = 0;
  pthread_setname_np(pthread_self(), this_thread.name);
}

void start_tracing() {
  Recorders& r = recorders();
  std::lock_guard lock(r.mutex);
  std::erase_if(r.all, [](const std::unique_ptr<Recorder>& recorder) {
    std::lock_guard own(recorder->mutex);
    recorder->ring.clear();
    recorder->recorded = 0;
    return recorder->is_ended;
  });
  r.start_ns = now_ns();
  tracing_is_on = true;
}

std::vector<ThreadZones> stop_tracing() {
  tracing_is_on = false;
  Recorders& r = recorders();
  std::lock_guard lock(r.mutex);
  std::vector<ThreadZones> threads;
  for (const auto& recorder : r.all) {
    std::lock_guard own(recorder->mutex);
    if (recorder->ring.empty()) continue;
    threads.push_back({recorder->thread, in_order(*recorder, r.start_ns),
                       int64_t(recorder->recorded - recorder->ring.size())});
    recorder->ring = {};
    recorder->recorded = 0;
  }
  return threads;
}

std::string trace_json(std::span<const ThreadZones> threads) {
  std::string out = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[";
  auto microseconds = [](int64_t ns) { return fmt::format("{}.{:03}", ns / 1000, ns % 1000); };
  const char* separator = "\n";
  for (size_t t = 0; t < threads.size(); ++t) {
    fmt::format_to(std::back_inserter(out),
                   "{}{{\"ph\":\"M\",\"pid\":1,\"tid\":{},\"name\":\"thread_name\","
                   "\"args\":{{\"name\":{}}}}}",
                   separator, t + 1, Json(threads[t].thread).dump());
    separator = ",\n";
    for (const ZoneSpan& span : threads[t].spans)
      fmt::format_to(std::back_inserter(out),
                     ",\n{{\"ph\":\"X\",\"pid\":1,\"tid\":{},\"name\":{},\"ts\":{},\"dur\":{}}}",
                     t + 1, Json(span.name).dump(), microseconds(span.begin_ns),
                     microseconds(span.end_ns - span.begin_ns));
  }
  return out + "\n]}\n";
}

}  // namespace weir
