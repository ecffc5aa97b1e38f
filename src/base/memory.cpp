#include "base/memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <utility>

#include "base/file.h"

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

// A line is NUMBER:CONTROLLERS:/PATH, without number and controllers in version 2. Inside a
// container the path may be one outside it; then its folders are not there, and the root's count.
double control_group_room(const std::string& root, const std::string& groups) {
  double room = kNone;
  std::istringstream lines(groups + "\n0::/\n0:memory:/\n");
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool is_v2 = controllers == ",,";
    if (!is_v2 && controllers.find(",memory,") == std::string::npos) continue;
    for (std::string path = line.substr(second + 1); !path.empty();) {
      const std::string folder = root + (is_v2 ? "" : "/memory") + path + "/";
      room = std::min(room, is_v2 ? group_room(folder, "memory.max", "memory.current", "")
                                  : group_room(folder, "memory.limit_in_bytes",
                                               "memory.usage_in_bytes", "total_"));
      path.resize(path == "/" ? 0 : std::max<size_t>(path.find_last_of('/'), 1));
    }
  }
  return room;
}

double available_memory() {
  const double kibibytes = value_of("/proc/meminfo", "MemAvailable:");
  if (kibibytes == kNone) return 0;
  const auto groups = read_file("/proc/self/cgroup");
  const double room = control_group_room("/sys/fs/cgroup", groups ? *groups : "");
  return std::max(1., std::min(kibibytes * 1024, room));
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
