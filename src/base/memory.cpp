#include "base/memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <utility>

namespace weir {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

// The number behind `key` in a file of "key value" lines; infinity when absent.
double value_of(const std::string& path, const std::string& key) {
  std::ifstream in(path);
  std::string name, rest;
  for (double value = 0; in >> name >> value; std::getline(in, rest))
    if (name == key) return value;
  return kNone;
}

// The number in a one-line file; infinity when it says "max" or is absent.
double number_in(const std::string& path) {
  std::ifstream in(path);
  double value = 0;
  return in >> value ? value : kNone;
}

// What a control group leaves; files in the page cache give way and do not count as used.
double group_room(const std::string& folder, const char* limit, const char* used,
                  const char* prefix) {
  double room = number_in(folder + limit);
  if (room == kNone) return kNone;
  double current = number_in(folder + used);
  if (current == kNone) return room;
  room -= current;
  for (const char* list : {"active_file", "inactive_file"})
    if (double cached = value_of(folder + "memory.stat", std::string(prefix) + list);
        cached != kNone)
      room += cached;
  return room;
}

}  // namespace

double available_memory() {
  const double kibibytes = value_of("/proc/meminfo", "MemAvailable:");
  if (kibibytes == kNone) return 0;
  const double v2 = group_room("/sys/fs/cgroup/", "memory.max", "memory.current", "");
  const double v1 = group_room("/sys/fs/cgroup/memory/", "memory.limit_in_bytes",
                               "memory.usage_in_bytes", "total_");
  return std::min({kibibytes * 1024, v2, v1});
}

MemoryUse memory_use() {
  MemoryUse use;
  std::ifstream in("/proc/self/status");
  const std::pair<const char*, double*> keys[] = {
      {"VmHWM:", &use.peak}, {"VmRSS:", &use.resident}, {"RssAnon:", &use.anonymous}};
  for (std::string line; std::getline(in, line);)
    for (const auto& [key, value] : keys)
      if (line.starts_with(key)) *value = 1024 * std::atof(line.c_str() + std::strlen(key));
  return use;
}

}  // namespace weir
