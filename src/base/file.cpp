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

#include "base/text.h"

namespace weir {
namespace {

std::string reason() { return std::strerror(errno); }

std::string parent_of(const std::string& path) {
  size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// Writes everything, through interruptions and short writes.
Result<void> write_all(int fd, const std::string& path, const char* data, size_t bytes) {
  for (size_t done = 0; done < bytes;) {
    ssize_t n = ::write(fd, data + done, bytes - done);
    if (n >= 0) {
      done += size_t(n);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != ENOSPC && errno != EDQUOT && errno != EFBIG) return Error{path + ": can not write: " + reason()};
    struct statvfs info {};
    std::string why = reason(), available;
    if (statvfs(parent_of(path).c_str(), &info) == 0)
      available = ", " + format_bytes(double(info.f_bavail) * double(info.f_frsize)) + " free";
    return Error{fmt::format("{}: disk full or quota reached ({}): {} more needed{}; free some space and try again",
                             path, why, format_bytes(double(bytes - done)), available)};
  }
  return {};
}

Result<void> sync_descriptor(int fd, const std::string& path) {
  while (fsync(fd) != 0)
    if (errno != EINTR) return Error{path + ": can not write to the disk: " + reason()};
  return {};
}

}  // namespace

Result<std::string> read_file(const std::string& path, size_t limit) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error{path + ": can not open: " + reason()};
  struct stat info {};
  std::string text;
  auto fail = [&](const std::string& what) {
    ::close(fd);
    return Error{path + ": " + what};
  };
  if (fstat(fd, &info) != 0) return fail("can not read: " + reason());
  if (!S_ISREG(info.st_mode)) return fail("is not a regular file");
  if (uint64_t(info.st_size) > limit)
    return fail(fmt::format("is larger than the limit of {}", format_bytes(double(limit))));
  text.resize(size_t(info.st_size));
  size_t done = 0;
  while (done < text.size()) {
    ssize_t n = ::read(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail("can not read: " + reason());
    if (n == 0) break;  // it shrank while we read
    done += size_t(n);
  }
  text.resize(done);
  ::close(fd);
  return text;
}

Result<void> write_file_atomic(const std::string& path, std::string_view bytes) {
  std::string aside = fmt::format("{}.writing-{}", path, getpid());
  {
    FileWriter writer = TRY(FileWriter::create(aside));
    TRY(writer.write(bytes.data(), bytes.size()));
    TRY(writer.close());
  }
  if (::rename(aside.c_str(), path.c_str()) != 0) {
    std::string why = reason();
    ::unlink(aside.c_str());
    return Error{path + ": can not replace: " + why};
  }
  return sync_directory(parent_of(path));
}

Result<void> make_directories(const std::string& path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) return Error{path + ": can not make the folder: " + code.message()};
  return {};
}

Result<void> sync_directory(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Error{path + ": can not open the folder: " + reason()};
  auto result = sync_descriptor(fd, path);
  ::close(fd);
  return result;
}

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
  while (const dirent* entry = readdir(folder)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  closedir(folder);
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> rename_path(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return Error{fmt::format("{}: can not rename to {}: {}", from, to, reason())};
  return sync_directory(parent_of(to));
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

Result<FileWriter> FileWriter::create(const std::string& path) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return Error{path + ": can not write: " + reason()};
  return FileWriter(path, fd);
}
FileWriter::FileWriter(FileWriter&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
FileWriter& FileWriter::operator=(FileWriter&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}
FileWriter::~FileWriter() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(path_.c_str());
}
Result<void> FileWriter::write(const void* data, size_t bytes) {
  return write_all(fd_, path_, static_cast<const char*>(data), bytes);
}
Result<void> FileWriter::close() {
  TRY(sync_descriptor(fd_, path_));
  if (::close(std::exchange(fd_, -1)) != 0) return Error{path_ + ": can not write: " + reason()};
  return {};
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error{path + ": can not open: " + reason()};
  struct stat info {};
  std::string failed;
  const std::byte* data = nullptr;
  if (fstat(fd, &info) != 0) failed = "can not read: " + reason();
  else if (!S_ISREG(info.st_mode)) failed = "is not a regular file";
  else if (info.st_size > 0) {
    void* p = mmap(nullptr, size_t(info.st_size), PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) failed = "can not map: " + reason();
    else data = static_cast<const std::byte*>(p);
  }
  ::close(fd);
  if (!failed.empty()) return Error{path + ": " + failed};
  return MappedFile(path, data, size_t(info.st_size));
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

Result<FileLock> FileLock::acquire(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return Error{path + ": can not write: " + reason()};
  struct flock region {};
  region.l_type = F_WRLCK;
  region.l_whence = SEEK_SET;
  if (fcntl(fd, F_OFD_SETLK, &region) != 0) {  // open file description lock: ends with the descriptor
    char holder[32] = {};
    ssize_t n = ::read(fd, holder, sizeof holder - 1);
    ::close(fd);
    return Error{fmt::format("{}: another weir (process {}) is using this folder; wait for it or choose another "
                             "folder", path, trim(std::string_view(holder, n > 0 ? size_t(n) : 0)))};
  }
  std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    Error error{path + ": can not write: " + reason()};
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
