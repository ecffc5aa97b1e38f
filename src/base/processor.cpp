#include "base/processor.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr double kLeastCoreSeconds = 0.1;
constexpr double kWorthALine = 0.25;
constexpr size_t kStatBytesMax = size_t(1) << 20;
// Columns after "cpu3": user nice system idle iowait irq softirq steal; guests are in the first
// two.
constexpr size_t kColumns = 8, kIdle = 3, kWaiting = 4;

bool may_run_on(int core) {
  static const auto set = [] {
    cpu_set_t usable;
    CPU_ZERO(&usable);
    if (sched_getaffinity(0, sizeof(usable), &usable) != 0)
      for (int i = 0; i < CPU_SETSIZE; ++i) CPU_SET(size_t(i), &usable);
    return usable;
  }();
  return core >= CPU_SETSIZE || CPU_ISSET(size_t(core), &set);
}

}  // namespace

CoreTimes parse_core_times(std::string_view text, bool (*is_usable)(int core)) {
  const double tick = 1 / double(std::max(1L, sysconf(_SC_CLK_TCK)));
  CoreTimes times;
  for (const std::string& line : split(text, '\n')) {
    if (!line.starts_with("cpu") || line.size() < 4 || line[3] == ' ') continue;  // the sum
    const std::vector<std::string> words = split(line, ' ');
    Result<int64_t> core = parse_int(std::string_view(words[0]).substr(3));
    if (!core || words.size() < 1 + kColumns || !is_usable(int(*core))) continue;
    for (size_t i = 0; i < kColumns; ++i) {
      Result<double> ticks = parse_double(words[1 + i]);
      if (!ticks) continue;
      times.all += *ticks * tick;
      if (i != kIdle && i != kWaiting) times.busy += *ticks * tick;
    }
  }
  return times;
}

CoreTimes read_core_times() {
  CoreTimes times;
  if (Result<std::string> text = read_file("/proc/stat", kStatBytesMax))
    times = parse_core_times(*text, may_run_on);
  times.own = process_cpu_seconds();
  return times;
}

double others_share(const CoreTimes& then, const CoreTimes& now) {
  const double all = now.all - then.all;
  if (!(all >= kLeastCoreSeconds)) return -1;
  return std::clamp((now.busy - then.busy - (now.own - then.own)) / all, 0.0, 1.0);
}

std::string others_words(double share) {
  if (!(share >= kWorthALine)) return "";
  return fmt::format("other programs take {:.0f} % of the cores", 100 * share);
}

}  // namespace weir
