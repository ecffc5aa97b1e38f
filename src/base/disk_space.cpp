#include "base/disk_space.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <filesystem>

#include "base/text.h"

namespace weir {

Result<uint64_t> free_disk_space(const std::string& path) {
  std::error_code code;
  std::filesystem::path place = std::filesystem::absolute(path, code);
  while (!code && !std::filesystem::exists(place, code) && place != place.parent_path())
    place = place.parent_path();
  struct statvfs info {};
  // Some network and FUSE file systems have no number of blocks: they do not know.
  if (statvfs(place.c_str(), &info) != 0 || info.f_blocks == 0)
    return Error{path + ": the system does not say how much of its disk is free"};
  return uint64_t(info.f_bavail) * info.f_frsize;
}

Result<void> check_disk_space(const std::string& path, uint64_t bytes) {
  const Result<uint64_t> available = free_disk_space(path);
  if (!available || bytes <= *available) return {};
  return Error{
      fmt::format("{}: needs {}, {} are free on its disk; remove something or choose another disk",
                  path, format_bytes(double(bytes)), format_bytes(double(*available)))};
}

}  // namespace weir
