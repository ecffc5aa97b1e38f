// For tests: a disk that fails. Defines the C library's calls by which files are written, so a test
// program that includes it (in one file) calls these; outside of a Disk they pass everything on.
// A Disk counts the calls below one folder, lets any one of them fail or be the last before the
// power is cut, and can take away what was never synced.
#pragma once
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace weir::faults {

struct Plan {
  int fail_at = -1;  // the number of the call that fails, counted from 0
  int error = EIO;
  bool is_short = false;    // that call is a write of half its bytes and no error
  bool cuts_power = false;  // it and all later ones fail
  bool has_links = true;    // without, link() fails as on a file system that knows none
};

struct Rename {
  std::string from, to, backup;  // a second name of what `to` was; "" where there was nothing
};

struct State {
  std::string root;  // calls about other paths pass; "" when no Disk is there
  Plan plan;
  std::vector<std::string> calls;  // their names, in order
  std::map<int, std::string> open_files, open_folders;
  std::set<int> written;                       // of the open files
  std::map<std::string, bool> unsynced_files;  // written since their last fsync
  std::vector<Rename> renames;                 // whose folder was not synced since
  std::vector<std::string> created;            // entries whose folder was not synced since
  int backups = 0;
};
inline State& state() {
  static State state;
  return state;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}
inline std::string parent(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}
inline bool is_watched(const char* path) {
  return !state().root.empty() && std::string_view(path).starts_with(state().root);
}

// Counts a call; whether it is to fail, with errno set.
inline bool fails(const char* name) {
  State& s = state();
  const int number = int(s.calls.size());
  s.calls.emplace_back(name);
  const bool is_it = number == s.plan.fail_at ||
                     (s.plan.cuts_power && s.plan.fail_at >= 0 && number > s.plan.fail_at);
  if (!is_it || s.plan.is_short) return false;
  errno = s.plan.error;
  return true;
}

inline void move_names(const std::string& from, const std::string& to) {
  State& s = state();
  const auto moved = [&](const std::string& path) {
    if (path == from) return to;
    return path.starts_with(from + "/") ? to + path.substr(from.size()) : path;
  };
  std::map<std::string, bool> files;
  for (const auto& [path, unsynced] : s.unsynced_files) files[moved(path)] = unsynced;
  s.unsynced_files = std::move(files);
  for (std::string& path : s.created) path = moved(path);
  for (auto& [fd, path] : s.open_files) path = moved(path);
  std::erase(s.created, to);  // its entry is the rename's
}

inline std::string backup_name(const std::string& root, int number) {
  return root + ".backup-" + std::to_string(number);
}

class Disk {
 public:
  Disk(const std::string& root, const Plan& plan) {
    state() = State();
    state().plan = plan;
    state().root = root;
  }
  ~Disk() {
    remove_backups(state());
    state() = State();
  }
  const std::vector<std::string>& calls() const { return state().calls; }
  // What is on the disk after the power was cut: the bytes that were never synced are gone, and,
  // with `loses_names`, what happened in folders that were never synced. Ends the faults.
  void settle(bool loses_names) {
    State s = std::move(state());
    state() = State();
    std::error_code code;
    for (const auto& [path, unsynced] : s.unsynced_files)
      if (unsynced && std::filesystem::is_regular_file(path, code))
        std::filesystem::resize_file(path, 0, code);
    for (size_t i = s.renames.size(); loses_names && i-- > 0;) {
      const Rename& rename = s.renames[i];
      std::filesystem::rename(rename.to, rename.from, code);
      if (!rename.backup.empty()) std::filesystem::rename(rename.backup, rename.to, code);
    }
    for (const std::string& path : s.created)
      if (loses_names) std::filesystem::remove_all(path, code);
    remove_backups(s);
  }

 private:
  static void remove_backups(const State& s) {
    std::error_code code;
    for (int i = 0; i < s.backups; ++i) std::filesystem::remove(backup_name(s.root, i), code);
  }
};

}  // namespace weir::faults

extern "C" {

int open(const char* path, int flags, ...) {
  using namespace weir::faults;
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  static auto* const next = real<int(const char*, int, ...)>("open");
  const bool writes = (flags & O_ACCMODE) != O_RDONLY, is_folder = (flags & O_DIRECTORY) != 0;
  if (!is_watched(path) || (!writes && !is_folder)) return next(path, flags, mode);
  if (fails(is_folder ? "open folder" : "open")) return -1;
  const bool is_new = access(path, F_OK) != 0;
  const int fd = next(path, flags, mode);
  if (fd < 0) return fd;
  (is_folder ? state().open_folders : state().open_files)[fd] = path;
  if (is_new) state().created.emplace_back(path);
  if (!is_folder && (flags & O_TRUNC) != 0) state().unsynced_files[path] = true;
  return fd;
}

ssize_t write(int fd, const void* data, size_t bytes) {
  using namespace weir::faults;
  static auto* const next = real<ssize_t(int, const void*, size_t)>("write");
  if (!state().open_files.contains(fd)) return next(fd, data, bytes);
  const bool is_it = int(state().calls.size()) == state().plan.fail_at;
  if (fails("write")) return -1;
  state().unsynced_files[state().open_files[fd]] = true;
  state().written.insert(fd);
  return next(fd, data, is_it && state().plan.is_short ? (bytes + 1) / 2 : bytes);
}

int fsync(int fd) {
  using namespace weir::faults;
  static auto* const next = real<int(int)>("fsync");
  State& s = state();
  const bool is_file = s.open_files.contains(fd), is_folder = s.open_folders.contains(fd);
  if (!is_file && !is_folder) return next(fd);
  if (fails(is_folder ? "fsync folder" : "fsync")) return -1;
  if (is_file) s.unsynced_files[s.open_files[fd]] = false;
  if (is_folder) {
    const std::string folder = std::filesystem::path(s.open_folders[fd]).lexically_normal();
    const auto is_inside = [&](const std::string& path) {
      return parent(path) == folder || parent(path) + "/" == folder;
    };
    std::erase_if(s.renames, [&](const Rename& rename) { return is_inside(rename.to); });
    std::erase_if(s.created, is_inside);
  }
  return 0;  // the real one would take most of a test's time
}

int close(int fd) {
  using namespace weir::faults;
  static auto* const next = real<int(int)>("close");
  State& s = state();
  s.open_folders.erase(fd);
  if (!s.open_files.contains(fd)) return next(fd);
  s.open_files.erase(fd);
  const bool is_lost = s.written.erase(fd) > 0 && fails("close");
  const int code = errno, result = next(fd);
  errno = code;
  return is_lost ? -1 : result;
}

int rename(const char* from, const char* to) noexcept {
  using namespace weir::faults;
  static auto* const next = real<int(const char*, const char*)>("rename");
  if (!is_watched(from)) return next(from, to);
  if (fails("rename")) return -1;
  State& s = state();
  Rename done{from, to, ""};
  if (access(to, F_OK) == 0) {
    done.backup = backup_name(s.root, s.backups++);
    static auto* const link_next = real<int(const char*, const char*)>("link");
    unlink(done.backup.c_str());
    link_next(to, done.backup.c_str());
  }
  const int result = next(from, to);
  if (result == 0) move_names(from, to), s.renames.push_back(done);
  return result;
}

int link(const char* from, const char* to) noexcept {
  using namespace weir::faults;
  static auto* const next = real<int(const char*, const char*)>("link");
  if (!is_watched(to)) return next(from, to);
  if (!state().plan.has_links) return errno = EPERM, -1;
  if (fails("link")) return -1;
  const int result = next(from, to);
  if (result == 0) state().created.emplace_back(to);
  return result;
}

int mkdir(const char* path, mode_t mode) noexcept {
  using namespace weir::faults;
  static auto* const next = real<int(const char*, mode_t)>("mkdir");
  if (!is_watched(path)) return next(path, mode);
  if (fails("mkdir")) return -1;
  const int result = next(path, mode);
  if (result == 0) state().created.emplace_back(path);
  return result;
}

}  // extern "C"
