#include "base/aside.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <limits>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr std::string_view kMark = ".writing-";

bool is_alive(int64_t process) {
  return process > 0 && process <= std::numeric_limits<pid_t>::max() &&
         (kill(pid_t(process), 0) == 0 || errno == EPERM);
}

}  // namespace

std::string aside_name(const std::string& target) {
  return fmt::format("{}{}{}", target, kMark, getpid());
}

bool is_stale_aside(std::string_view name, bool is_own_stale) {
  const size_t mark = name.rfind(kMark);
  if (mark == name.npos || mark == 0) return false;
  std::string_view numbers = name.substr(mark + kMark.size());
  const size_t cut = numbers.find('-');
  if (cut != numbers.npos) {
    if (!parse_int(numbers.substr(cut + 1))) return false;
    numbers = numbers.substr(0, cut);
  }
  const Result<int64_t> process = parse_int(numbers);
  if (!process || *process <= 0) return false;
  return *process == getpid() ? is_own_stale : !is_alive(*process);
}

Result<void> remove_stale_asides(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code code;
  std::vector<std::string> stale;
  if (!is_directory(folder)) return {};
  for (fs::recursive_directory_iterator entry(folder, code), end; !code && entry != end;
       entry.increment(code)) {
    if (!is_stale_aside(entry->path().filename().string(), true)) continue;
    stale.push_back(entry->path().string());
    entry.disable_recursion_pending();
  }
  if (code) return Error{folder + ": can not read the folder: " + code.message()};
  for (const std::string& path : stale) TRY(remove_all(path));
  return {};
}

Result<void> remove_stale_asides_of(const std::string& target) {
  const std::string name = base_name(target);
  const size_t cut = target.size() >= name.size() ? target.rfind(name) : 0;
  const std::string folder = cut == 0 || cut == target.npos ? "." : target.substr(0, cut);
  if (!is_directory(folder)) return {};
  for (const std::string& entry : TRY(list_directory(folder)))
    if (entry.starts_with(name + std::string(kMark)) && is_stale_aside(entry, false))
      TRY(remove_all(join_path(folder, entry)));
  return {};
}

}  // namespace weir
