#include "base/topology.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <thread>
#include <tuple>

#include "base/file.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();
constexpr size_t kFileBytesMax = size_t(1) << 16;
constexpr int kCpusMax = 1 << 16;

// The first line without its end; "" when there is no such file.
std::string line_of(const std::string& path) {
  auto text = read_file(path, kFileBytesMax);
  return text ? std::string(trim(std::string_view(*text).substr(0, text->find('\n')))) : "";
}

int number_of(const std::string& path, int otherwise) {
  auto value = parse_int(line_of(path));
  return value && *value >= 0 && *value <= INT32_MAX ? int(*value) : otherwise;
}

// "0-3,8,10-11" as the kernel writes lists of processors; what is no such list is empty.
std::vector<int> list_of(const std::string& path) {
  std::vector<int> all;
  for (const std::string& part : split(line_of(path), ',')) {
    const size_t dash = part.find('-');
    auto first = parse_int(part.substr(0, dash));
    auto last = dash == std::string::npos ? first : parse_int(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last >= kCpusMax) return {};
    for (int64_t i = *first; i <= *last; ++i) all.push_back(int(i));
  }
  return all;
}

// "32768K" of a cache.
size_t cache_size(const std::string& path) {
  std::string text = line_of(path);
  size_t unit = 1;
  if (text.ends_with('K')) unit = size_t(1) << 10;
  if (text.ends_with('M')) unit = size_t(1) << 20;
  if (unit > 1) text.pop_back();
  auto value = parse_int(text);
  return value && *value > 0 ? size_t(*value) * unit : 0;
}

// The affinity mask; its size is the kernel's, which may be larger than cpu_set_t.
std::vector<int> affinity() {
  for (int size = CPU_SETSIZE; size <= kCpusMax; size *= 2) {
    std::vector<cpu_set_t> set(size_t(size) / CPU_SETSIZE);
    const size_t bytes = set.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, set.data()) != 0) continue;
    std::vector<int> cpus;
    for (int i = 0; i < size; ++i)
      if (CPU_ISSET_S(size_t(i), bytes, set.data())) cpus.push_back(i);
    return cpus;
  }
  std::vector<int> cpus(std::max(1u, std::thread::hardware_concurrency()));
  for (size_t i = 0; i < cpus.size(); ++i) cpus[i] = int(i);
  return cpus;
}

double quotient(const std::string& quota, const std::string& period) {
  auto q = parse_double(quota), p = parse_double(period);
  return q && p && *q > 0 && *p > 0 ? *q / *p : kNone;
}

// Of one group. Version 2: "200000 100000" is two cores, "max 100000" no limit. Version 1: two
// files, -1 is no limit.
double group_quota(const std::string& folder) {
  const std::vector<std::string> parts = split(line_of(folder + "/cpu.max"), ' ');
  if (parts.size() == 2) return quotient(parts[0], parts[1]);
  return quotient(line_of(folder + "/cpu.cfs_quota_us"), line_of(folder + "/cpu.cfs_period_us"));
}

// The least of the process's group and of those around it. A container sees its own group as the
// root, so the path that /proc names may not exist; the root is always looked at.
double read_quota(const std::string& root) {
  double least = kNone;
  auto text = read_file(root + "/proc/self/cgroup", kFileBytesMax);
  for (const std::string& line : split(text ? *text : "0::/", '\n')) {
    // hierarchy:controllers:path
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::vector<std::string> controllers =
        split(line.substr(first + 1, second - first - 1), ',');
    const bool is_v2 = line.starts_with("0::");
    if (!is_v2 && std::count(controllers.begin(), controllers.end(), "cpu") == 0) continue;
    std::string path = line.substr(second + 1);
    for (const char* mount : {"/sys/fs/cgroup", is_v2 ? "/sys/fs/cgroup/unified" : ""})
      for (std::string group = path;; group.resize(group.rfind('/'))) {
        const std::string base = is_v2 ? mount : "/sys/fs/cgroup/cpu";
        least = std::min(least, group_quota(root + base + (group == "/" ? "" : group)));
        if (group.rfind('/') == std::string::npos) break;
      }
  }
  return least;
}

std::map<int, int> read_nodes(const std::string& root) {
  const std::string folder = root + "/sys/devices/system/node";
  std::map<int, int> nodes;
  for (int node : list_of(folder + "/online"))
    for (int cpu : list_of(folder + "/node" + std::to_string(node) + "/cpulist")) nodes[cpu] = node;
  return nodes;
}

size_t read_cache_bytes(const std::string& root, const std::vector<Cpu>& cpus) {
  std::map<std::string, size_t> caches;  // by those who share it
  for (const Cpu& cpu : cpus) {
    int deepest = 0;
    std::string last;
    for (int i = 0; i < 8; ++i) {
      const std::string folder = root + "/sys/devices/system/cpu/cpu" + std::to_string(cpu.id) +
                                 "/cache/index" + std::to_string(i);
      const int level = number_of(folder + "/level", 0);
      if (level > deepest) deepest = level, last = folder;
    }
    if (deepest > 0) caches[line_of(last + "/shared_cpu_list")] = cache_size(last + "/size");
  }
  size_t bytes = 0;
  for (const auto& [sharers, size] : caches) bytes += size;
  return bytes;
}

void mark_slow_cores(const std::string& root, std::vector<Cpu>& cpus) {
  std::vector<int> capacities;
  for (const Cpu& cpu : cpus)
    capacities.push_back(number_of(
        root + "/sys/devices/system/cpu/cpu" + std::to_string(cpu.id) + "/cpu_capacity", 0));
  const int largest = *std::max_element(capacities.begin(), capacities.end());
  const std::vector<int> atoms = list_of(root + "/sys/devices/cpu_atom/cpus");
  for (size_t i = 0; i < cpus.size(); ++i)
    cpus[i].is_fast = 2 * capacities[i] >= largest &&
                      std::find(atoms.begin(), atoms.end(), cpus[i].id) == atoms.end();
  if (std::none_of(cpus.begin(), cpus.end(), [](const Cpu& cpu) { return cpu.is_fast; }))
    for (Cpu& cpu : cpus) cpu.is_fast = true;
}

template <class Key>
int count_distinct(const std::vector<Cpu>& cpus, const Key& key) {
  std::set<int> values;
  for (const Cpu& cpu : cpus)
    if (const int value = key(cpu); value >= 0) values.insert(value);
  return int(values.size());
}

}  // namespace

int Topology::packages() const {
  return count_distinct(cpus, [](const Cpu& cpu) { return cpu.package; });
}
int Topology::nodes() const {
  return count_distinct(cpus, [](const Cpu& cpu) { return cpu.node; });
}
int Topology::cores() const {
  return count_distinct(cpus, [](const Cpu& cpu) { return cpu.core; });
}
int Topology::fast_cores() const {
  return count_distinct(cpus, [](const Cpu& cpu) { return cpu.is_fast ? cpu.core : -1; });
}

Topology read_topology(const std::string& root, std::vector<int> allowed) {
  if (allowed.empty()) allowed = affinity();
  if (allowed.empty()) allowed = {0};
  std::sort(allowed.begin(), allowed.end());
  Topology topology;
  const std::map<int, int> nodes = read_nodes(root);
  for (int id : allowed) {
    const std::string folder =
        root + "/sys/devices/system/cpu/cpu" + std::to_string(id) + "/topology/";
    Cpu cpu;
    cpu.id = cpu.core = id;
    std::vector<int> siblings = list_of(folder + "core_cpus_list");
    if (siblings.empty()) siblings = list_of(folder + "thread_siblings_list");
    if (!siblings.empty()) cpu.core = siblings.front();
    cpu.package = number_of(folder + "physical_package_id", 0);
    if (auto node = nodes.find(id); node != nodes.end()) cpu.node = node->second;
    topology.cpus.push_back(cpu);
  }
  mark_slow_cores(root, topology.cpus);
  topology.quota = read_quota(root);
  topology.cache_bytes = read_cache_bytes(root, topology.cpus);
  return topology;
}

int default_threads(const Topology& topology) {
  int threads = topology.cores() == 1 ? int(topology.cpus.size()) : topology.fast_cores();
  if (topology.quota < threads) threads = int(std::ceil(topology.quota));
  return std::max(1, threads);
}

std::vector<int> pinning_order(const Topology& topology) {
  std::map<int, int> seen;  // threads of each core so far
  std::vector<std::tuple<bool, int, int, int>> keys;
  for (const Cpu& cpu : topology.cpus)
    keys.push_back({!cpu.is_fast, seen[cpu.core]++, cpu.node, cpu.id});
  std::sort(keys.begin(), keys.end());
  std::vector<int> order;
  for (const auto& key : keys) order.push_back(std::get<3>(key));
  return order;
}

}  // namespace weir
