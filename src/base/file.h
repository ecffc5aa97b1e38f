// Files and folders, read-only mappings, locks. Every error names the path. atomic_output.h writes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

// The whole file. `limit` bounds the size; a directory, device or larger file is an error.
Result<std::string> read_file(const std::string& path, size_t limit = size_t(1) << 32);

Result<void> make_directories(const std::string& path);
// The same, and only its owner may enter the last one, which may exist already.
Result<void> make_private_directories(const std::string& path);
Result<void> sync_directory(const std::string& path);
Result<void> sync_parent(const std::string& path);
bool file_exists(const std::string& path);
bool is_directory(const std::string& path);
Result<uint64_t> file_size(const std::string& path);
// Entry names without "." and "..", sorted.
Result<std::vector<std::string>> list_directory(const std::string& path);
Result<void> rename_path(const std::string& from, const std::string& to);
Result<void> remove_all(const std::string& path);
std::string join_path(const std::string& folder, const std::string& name);
std::string base_name(const std::string& path);

// Sequential writer for a file too large to build in memory; close() syncs. Removes the file when
// destroyed without a successful close(). `bytes`, if known, is what the error of a full disk says.
class FileWriter {
 public:
  static Result<FileWriter> create(const std::string& path, size_t bytes = 0);
  FileWriter(FileWriter&&) noexcept;
  FileWriter& operator=(FileWriter&&) noexcept;
  ~FileWriter();
  Result<void> write(const void* data, size_t bytes);
  Result<void> close();  // flush and fsync

 private:
  FileWriter(std::string path, int fd, size_t bytes)
      : path_(std::move(path)), fd_(fd), bytes_(bytes) {}
  std::string path_;
  int fd_ = -1;
  size_t bytes_ = 0;
};

// A file mapped read-only, shared with the page cache. bytes() is valid while the object lives.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) noexcept;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, const std::byte* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}
  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Gives the memory of mapped pages inside `bytes` back; they are read from the file when next asked
// for. For long works that see every byte once.
void forget_pages(std::span<const std::byte> bytes);

// An exclusive advisory lock on a file, held by the open descriptor, so that a killed process
// leaves none behind. The error names the process that holds it.
class FileLock {
 public:
  static Result<FileLock> acquire(const std::string& path);
  FileLock(FileLock&&) noexcept;
  FileLock& operator=(FileLock&&) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace weir
