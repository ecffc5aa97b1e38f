#include "cli/state_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kLinesMax = 1000, kHistoryBytesMax = size_t(1) << 20, kTextMax = size_t(64) << 10;
// What sessions at the same time may add before the next one cuts the file.
constexpr size_t kFileMax = size_t(64) << 20;

std::string line_of(const std::string& text) { return Json(text).dump() + "\n"; }

}  // namespace

Result<std::string> state_folder() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  std::string base;
  if (state && state[0] == '/')
    base = state;
  else if (home && *home)
    base = join_path(home, ".local/state");
  else
    return Error{"neither XDG_STATE_HOME nor HOME names a folder"};
  const std::string folder = join_path(base, "weir");
  TRY(make_private_directories(folder));
  return folder;
}

Result<InputHistory> InputHistory::open(const std::string& path) {
  InputHistory history(path);
  if (!file_exists(path)) return history;
  const std::string bytes = TRY(read_file(path, kFileMax));
  size_t count = 0;
  for (const std::string& line : split(bytes, '\n')) {
    if (line.empty()) continue;
    ++count;
    const auto text = parse_json(line);
    if (text && text->is_string()) history.lines_.push_back(text->text());
  }
  std::vector<std::string>& lines = history.lines_;
  if (lines.size() > kLinesMax) lines.erase(lines.begin(), lines.end() - kLinesMax);
  size_t kept = 0, first = lines.size();
  while (first > 0 && kept + lines[first - 1].size() <= kHistoryBytesMax)
    kept += lines[--first].size();
  lines.erase(lines.begin(), lines.begin() + std::ptrdiff_t(first));
  if (count <= kLinesMax && bytes.size() <= kHistoryBytesMax) return history;
  std::string shorter;
  for (const std::string& text : lines) shorter += line_of(text);
  TRY(write_file_atomic(path, shorter));
  chmod(path.c_str(), 0600);
  return history;
}

Result<void> InputHistory::add(const std::string& text) {
  if (text.size() > kTextMax) return {};
  const std::string line = line_of(text);
  const int fd =
      ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Error{path_ + ": " + std::strerror(errno)};
  const ssize_t written = ::write(fd, line.data(), line.size());
  ::close(fd);
  if (written != ssize_t(line.size())) return Error{path_ + ": the line was not written whole"};
  return {};
}

}  // namespace weir
