#include "base/atomic_output.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr std::string_view kMark = ".writing-";

bool is_alive(int64_t process) {
  return process > 0 && process <= std::numeric_limits<pid_t>::max() &&
         (kill(pid_t(process), 0) == 0 || errno == EPERM);
}

// TARGET.writing-PID of this process.
std::string aside_name(const std::string& target) {
  return fmt::format("{}{}{}", target, kMark, getpid());
}

// The same for one file: two threads may write the same target.
std::string new_aside_name(const std::string& target) {
  static std::atomic<unsigned> count{0};
  return fmt::format("{}-{}", aside_name(target), count++);
}

// The error with every mention of `aside` replaced by `path`: users know the name that they gave.
Error named_as(Error error, const std::string& aside, const std::string& path) {
  for (size_t at = 0; (at = error.message.find(aside, at)) != std::string::npos; at += path.size())
    error.message.replace(at, aside.size(), path);
  return error;
}

Result<void> rename_aside(const std::string& aside, const std::string& path) {
  if (::rename(aside.c_str(), path.c_str()) != 0)
    return Error{fmt::format("{}: can not write: {}", path, std::strerror(errno))};
  return sync_parent(path);
}

Result<void> copy_file(const std::string& from, AtomicFiles& to) {
  constexpr size_t kStep = size_t(1) << 20;
  const MappedFile source = TRY(MappedFile::open(from));
  for (size_t at = 0; at < source.bytes().size(); at += kStep)
    TRY(to.write(source.bytes().data() + at, std::min(kStep, source.bytes().size() - at)));
  return {};
}

}  // namespace

Result<void> write_file_atomic(const std::string& path, std::string_view bytes) {
  AtomicFiles file;
  TRY(file.begin(path, bytes.size()));
  TRY(file.write(bytes.data(), bytes.size()));
  TRY(file.end());
  return file.rename_all();
}

Result<void> link_file_atomic(const std::string& from, const std::string& to) {
  (void)remove_stale_asides_of(to);
  const std::string aside = new_aside_name(to);
  if (::link(from.c_str(), aside.c_str()) == 0) {
    Result<void> renamed = rename_aside(aside, to);
    if (!renamed) ::unlink(aside.c_str());
    return renamed;
  }
  AtomicFiles file;
  TRY(file.begin(to));
  TRY(copy_file(from, file));
  TRY(file.end());
  return file.rename_all();
}

AtomicFiles::~AtomicFiles() {
  file_.reset();  // removes an open one
  for (const Entry& entry : entries_) ::unlink(entry.aside.c_str());
}

Result<void> AtomicFiles::begin(const std::string& path, size_t bytes) {
  CHECK(!file_);
  (void)remove_stale_asides_of(path);  // no reason to fail
  std::string aside = new_aside_name(path);
  auto file = FileWriter::create(aside, bytes);
  if (!file) return named_as(file.error(), aside, path);
  file_ = std::move(*file);
  entries_.push_back({path, std::move(aside)});
  return {};
}

Result<void> AtomicFiles::write(const void* data, size_t bytes) {
  CHECK(file_);
  auto written = file_->write(data, bytes);
  if (!written) return named_as(written.error(), entries_.back().aside, entries_.back().path);
  return {};
}

Result<void> AtomicFiles::end() {
  CHECK(file_);
  auto closed = file_->close();
  if (!closed) return named_as(closed.error(), entries_.back().aside, entries_.back().path);
  file_.reset();
  return {};
}

Result<void> AtomicFiles::rename_all() {
  CHECK(!file_ && !entries_.empty());
  std::rotate(entries_.begin(), entries_.begin() + 1, entries_.end());
  while (!entries_.empty()) {
    TRY(rename_aside(entries_.front().aside, entries_.front().path));
    entries_.erase(entries_.begin());
  }
  return {};
}

Result<AtomicFolder> AtomicFolder::create(const std::string& target) {
  TRY(remove_stale_asides_of(target));
  const std::string path = aside_name(target);
  if (is_directory(path) || file_exists(path))
    return Error{path + ": is in the way; remove it, no program is writing it"};
  auto made = make_directories(path);
  if (!made) return named_as(made.error(), path, target);
  return AtomicFolder(target, path);
}

AtomicFolder::AtomicFolder(AtomicFolder&& other) noexcept
    : target_(std::move(other.target_)), path_(std::exchange(other.path_, {})) {}

AtomicFolder::~AtomicFolder() {
  if (!path_.empty()) (void)remove_all(path_);
}

Error AtomicFolder::named(Error error) const {
  return path_.empty() ? error : named_as(std::move(error), path_, target_);
}

Result<void> AtomicFolder::finish() {
  auto finished = sync_directory(path_);
  if (finished) finished = rename_aside(path_, target_);
  if (!finished) return named(finished.error());
  path_.clear();
  return {};
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
