#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/check.h"
#include "base/div_up.h"
#include "base/text.h"

namespace weir {
namespace {

std::string reason() { return std::strerror(errno); }

std::string parent_of(const std::string& path) {
  size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// "model.bin: disk full: needs 1000 bytes, 12 free; ..." for the errors that mean no room, and the
// system's reason for all others. Looks at errno first.
Error write_error(const std::string& path, size_t bytes) {
  const int code = errno;
  if (code != ENOSPC && code != EDQUOT && code != EFBIG)
    return {fmt::format("{}: can not write: {}", path, std::strerror(code))};
  if (code == EFBIG) {
    return {
        fmt::format("{}: larger than the file size limit: needs {} bytes; raise the limit "
                    "(ulimit -f) or choose another disk",
                    path, bytes)};
  }
  std::string available = "an unknown number";
  struct statvfs info {};
  if (statvfs(parent_of(path).c_str(), &info) == 0)
    available = std::to_string(uint64_t(info.f_bavail) * info.f_frsize);
  return {fmt::format("{}: {}: needs {} bytes, {} free; remove something or choose another disk",
                      path, code == EDQUOT ? "disk quota reached" : "disk full", bytes, available)};
}

// Writes everything, through interruptions and short writes.
bool write_all(int fd, const char* data, size_t bytes) {
  for (size_t done = 0; done < bytes;) {
    ssize_t n = ::write(fd, data + done, bytes - done);
    if (n >= 0)
      done += size_t(n);
    else if (errno != EINTR)
      return false;
  }
  return true;
}

bool sync_all(int fd) {
  while (fsync(fd) != 0)
    if (errno != EINTR) return false;
  return true;
}

// Linux has closed the descriptor even when a signal interrupted the call.
bool close_all(int fd) { return ::close(fd) == 0 || errno == EINTR; }

// Without O_NONBLOCK, opening a named pipe would wait for somebody to write to it.
Result<int> open_to_read(const std::string& path, uint64_t& bytes) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Error{path + ": can not open: " + reason()};
  struct stat info {};
  std::string problem;
  if (fstat(fd, &info) != 0)
    problem = "can not read: " + reason();
  else if (!S_ISREG(info.st_mode))
    problem = S_ISDIR(info.st_mode) ? "is a folder, not a file" : "is not a regular file";
  if (!problem.empty()) {
    ::close(fd);
    return Error{path + ": " + problem};
  }
  bytes = uint64_t(info.st_size);
  return fd;
}

}  // namespace

Result<std::string> read_file(const std::string& path, size_t limit) {
  uint64_t expected = 0;
  const int fd = TRY(open_to_read(path, expected));
  std::string text, problem;
  size_t done = 0;
  // One byte more than announced, so that the end shows in one go. Files of /proc and /sys announce
  // nothing, and others may grow meanwhile: then the buffer does.
  if (expected <= limit) text.resize(size_t(expected) + 1);
  while (problem.empty()) {
    if (expected > limit || done > limit) {
      problem = "is larger than the limit of " + format_bytes(double(limit));
      break;
    }
    if (done == text.size()) text.resize(std::min(2 * done + 4096, limit + 1));
    ssize_t n = ::read(fd, text.data() + done, text.size() - done);
    if (n == 0) break;
    if (n > 0)
      done += size_t(n);
    else if (errno != EINTR)
      problem = "can not read: " + reason();
  }
  ::close(fd);
  if (!problem.empty()) return Error{path + ": " + problem};
  text.resize(done);
  return text;
}

Result<void> make_directories(const std::string& path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) return Error{path + ": can not make the folder: " + code.message()};
  return {};
}

Result<void> make_private_directories(const std::string& path) {
  TRY(make_directories(path));
  if (chmod(path.c_str(), 0700) != 0) return Error{path + ": can not be made private: " + reason()};
  return {};
}

Result<void> sync_directory(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Error{path + ": can not open the folder: " + reason()};
  Result<void> result;
  // Some network and FUSE file systems cannot sync a folder: these errors are not failures.
  if (!sync_all(fd) && errno != EINVAL && errno != ENOTSUP && errno != EROFS)
    result = Error{path + ": can not write to the disk: " + reason()};
  ::close(fd);
  return result;
}

Result<void> sync_parent(const std::string& path) { return sync_directory(parent_of(path)); }

bool file_exists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

bool is_directory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

Result<uint64_t> file_size(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return Error{path + ": can not open: " + reason()};
  return uint64_t(info.st_size);
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  DIR* folder = opendir(path.c_str());
  if (!folder) return Error{path + ": can not open the folder: " + reason()};
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(folder)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
    errno = 0;
  }
  const int code = errno;
  closedir(folder);
  if (code != 0) return Error{path + ": can not read the folder: " + std::strerror(code)};
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> rename_path(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return Error{fmt::format("{}: can not rename to {}: {}", from, to, reason())};
  return sync_parent(to);
}

Result<void> remove_all(const std::string& path) {
  std::error_code code;
  std::filesystem::remove_all(path, code);
  if (code) return Error{path + ": can not remove: " + code.message()};
  return {};
}

std::string join_path(const std::string& folder, const std::string& name) {
  if (folder.empty() || (!name.empty() && name[0] == '/')) return name;
  return folder.back() == '/' ? folder + name : folder + "/" + name;
}

std::string base_name(const std::string& path) {
  size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return path.empty() ? "" : "/";
  size_t slash = path.find_last_of('/', end);
  size_t begin = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(begin, end - begin + 1);
}

Result<FileWriter> FileWriter::create(const std::string& path, size_t bytes) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return write_error(path, bytes);
  return FileWriter(path, fd, bytes);
}
FileWriter::FileWriter(FileWriter&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), bytes_(other.bytes_) {}
FileWriter& FileWriter::operator=(FileWriter&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(bytes_, other.bytes_);
  return *this;
}
FileWriter::~FileWriter() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(path_.c_str());
}
Result<void> FileWriter::write(const void* data, size_t bytes) {
  CHECK(fd_ >= 0);
  if (!write_all(fd_, static_cast<const char*>(data), bytes)) return write_error(path_, bytes);
  return {};
}
Result<void> FileWriter::close() {
  CHECK(fd_ >= 0);
  if (!sync_all(fd_)) return write_error(path_, bytes_);  // the destructor removes the file
  if (!close_all(std::exchange(fd_, -1))) {
    Error error = write_error(path_, bytes_);
    ::unlink(path_.c_str());
    return error;
  }
  return {};
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  uint64_t bytes = 0;
  const int fd = TRY(open_to_read(path, bytes));
  void* p = bytes > 0 ? mmap(nullptr, size_t(bytes), PROT_READ, MAP_SHARED, fd, 0) : nullptr;
  Error error{p == MAP_FAILED ? path + ": can not map: " + reason() : ""};
  ::close(fd);
  if (p == MAP_FAILED) return error;
  return MappedFile(path, static_cast<const std::byte*>(p), size_t(bytes));
}
MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}
MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}
MappedFile::~MappedFile() {
  if (data_) munmap(const_cast<std::byte*>(data_), size_);
}

void forget_pages(std::span<const std::byte> bytes) {
  const uintptr_t page = uintptr_t(sysconf(_SC_PAGESIZE));
  const uintptr_t begin = round_up(reinterpret_cast<uintptr_t>(bytes.data()), page);
  const uintptr_t end = (reinterpret_cast<uintptr_t>(bytes.data()) + bytes.size()) / page * page;
  if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

Result<FileLock> FileLock::acquire(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return Error{path + ": can not open for locking: " + reason()};
  struct flock region {};
  region.l_type = F_WRLCK;
  region.l_whence = SEEK_SET;
  // A lock of the open file description: unlike fcntl's older kind it also keeps out other threads
  // of this process, and closing another descriptor of the file does not drop it.
  if (fcntl(fd, F_OFD_SETLK, &region) != 0) {
    const int code = errno;
    char holder[32] = {};
    ssize_t n = pread(fd, holder, sizeof holder - 1, 0);
    ::close(fd);
    if (code != EAGAIN && code != EACCES)
      return Error{fmt::format("{}: can not lock: {}", path, std::strerror(code))};
    // The holder may not have written its number yet.
    auto process = parse_int(trim(std::string_view(holder, n > 0 ? size_t(n) : 0)));
    return Error{
        fmt::format("{}: another weir{} is using this folder; wait for it or choose another folder",
                    path, process ? fmt::format(" (process {})", *process) : "")};
  }
  std::string process = fmt::format("{}\n", getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, process.data(), process.size(), 0) < 0) {
    Error error = write_error(path, process.size());
    ::close(fd);
    return error;
  }
  return FileLock(fd);
}
FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace weir
