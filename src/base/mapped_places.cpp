#include "base/mapped_places.h"

#include <algorithm>
#include <sstream>

#include "base/file.h"

namespace weir {
namespace {

std::string maps_of_this_process() {
  const auto maps = read_file("/proc/self/maps");
  return maps ? *maps : "";
}

}  // namespace

MappedPlaces::MappedPlaces() : MappedPlaces(maps_of_this_process()) {}

// A line: BEGIN-END PERMISSIONS OFFSET DEVICE INODE   PATH (proc_pid_maps(5)).
MappedPlaces::MappedPlaces(const std::string& maps) {
  std::istringstream lines(maps);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    Mapping m{};
    char dash = 0;
    std::string permissions, device;
    fields >> std::hex >> m.begin >> dash >> m.end >> permissions >> m.offset >> device >>
        std::dec >> m.file.inode >> std::ws;
    std::getline(fields, m.file.path);
    if (m.file.inode != 0 && m.file.path.starts_with('/')) mappings_.push_back(std::move(m));
  }
}

MappedPlaces::Place MappedPlaces::find(const void* data, size_t bytes) const {
  const auto address = reinterpret_cast<uint64_t>(data);
  const auto after =
      std::upper_bound(mappings_.begin(), mappings_.end(), address,
                       [](uint64_t value, const Mapping& m) { return value < m.begin; });
  if (after == mappings_.begin()) return {};
  const Mapping& m = *std::prev(after);
  if (address >= m.end || bytes > m.end - address) return {};
  return {&m.file, m.offset + (address - m.begin)};
}

}  // namespace weir
