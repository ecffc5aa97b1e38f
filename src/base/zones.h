// Profile zones: named spans of time in every thread, compiled in everywhere. While nobody traces,
// a zone is a load and a branch; between start_tracing() and stop_tracing() each one is recorded.
//
//   const Zone zone("moe.gate");  // until the end of the scope
#pragma once
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weir {

inline std::atomic<bool> tracing_is_on{false};

class Zone {
 public:
  // `name` is a literal: it must outlive the trace.
  explicit Zone(const char* name) {
    if (tracing_is_on.load(std::memory_order_relaxed)) begin(name);
  }
  ~Zone() {
    if (name_) end();
  }
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;

 private:
  void begin(const char* name);
  void end();

  const char* name_ = nullptr;  // null: not recorded
  const char* outer_;
  int64_t begin_ns_;
};

// The innermost zone of this thread; null outside of all and while nobody traces.
const char* innermost_zone();
inline const char* current_zone() {
  return tracing_is_on.load(std::memory_order_relaxed) ? innermost_zone() : nullptr;
}

// What this thread is called in traces, at most 15 characters. Debuggers see it too.
void name_thread(const std::string& name);

struct ZoneSpan {
  const char* name;
  int64_t begin_ns, end_ns;  // since start_tracing()
};
struct ThreadZones {
  std::string thread;
  std::vector<ZoneSpan> spans;  // by begin; a zone stands before those inside it
  int64_t dropped = 0;          // older ones that had no room
};

// Zones that a thread keeps; of more, the latest.
constexpr size_t kZonesMax = size_t(1) << 18;

// Forgets earlier zones and records from now on.
void start_tracing();
// Threads that recorded any zone, in the order of their first. Zones that are open now are lost.
std::vector<ThreadZones> stop_tracing();

// The trace as JSON in the Trace Event Format, which Perfetto (https://ui.perfetto.dev) and
// Chrome's about:tracing open: one complete event ("X") per zone with times in microseconds, one
// metadata event ("M") per thread with its name.
std::string trace_json(std::span<const ThreadZones> threads);

}  // namespace weir
