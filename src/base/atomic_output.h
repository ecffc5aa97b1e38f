// Files and folders that appear whole or not at all, whatever happens while they are written: a
// full disk, a kill, a power cut. Each is written beside its target, as TARGET.writing-PID or
// TARGET.writing-PID-K, synced and renamed. A killed process leaves what it was writing; the next
// one that writes the same target, or resumes the same run, removes it.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace weir {

// Afterwards `path` holds the old bytes or all of the new ones. A full disk is an error that names
// the bytes needed.
Result<void> write_file_atomic(const std::string& path, std::string_view bytes);
// Makes `to` the file `from`: a hard link, or a copy where the file system has no links.
Result<void> link_file_atomic(const std::string& from, const std::string& to);

// Files that are written one after the other and appear together. Errors name the targets.
class AtomicFiles {
 public:
  AtomicFiles() = default;
  AtomicFiles(const AtomicFiles&) = delete;
  AtomicFiles& operator=(const AtomicFiles&) = delete;
  ~AtomicFiles();  // removes what was not renamed

  // Begins the file that will be `path`; the one before must have ended. `bytes`, if known, is what
  // the error of a full disk says.
  Result<void> begin(const std::string& path, size_t bytes = 0);
  bool is_open() const { return file_.has_value(); }
  Result<void> write(const void* data, size_t bytes);
  Result<void> end();  // flush and fsync
  // Renames in the order begun, but the first last: it is what people open, so a stop in between
  // leaves no new first file with old others. Empties the list.
  Result<void> rename_all();

 private:
  struct Entry {
    std::string path, aside;
  };
  std::vector<Entry> entries_;
  std::optional<FileWriter> file_;
};

// A folder that is filled under another name.
class AtomicFolder {
 public:
  static Result<AtomicFolder> create(const std::string& target);
  AtomicFolder(AtomicFolder&& other) noexcept;
  ~AtomicFolder();  // without finish(): it is removed
  const std::string& path() const { return path_; }
  // Syncs the folder's entries (its files are already synced), then renames it.
  Result<void> finish();
  // The error with the target's name in place of the other.
  Error named(Error error) const;

 private:
  AtomicFolder(std::string target, std::string path)
      : target_(std::move(target)), path_(std::move(path)) {}
  std::string target_, path_;
};

// Whether `name` ends like the aside of a process that is gone. One of this process counts as such
// only with `is_own_stale`: before it has written anything there, its number was another's.
bool is_stale_aside(std::string_view name, bool is_own_stale);
// Removes the asides of dead processes anywhere below `folder`, which no other process may be
// writing under this process's number: call it when a locked run folder is opened. Symbolic links
// are not followed. A folder that does not exist holds none.
Result<void> remove_stale_asides(const std::string& folder);
// Those of one target, beside it.
Result<void> remove_stale_asides_of(const std::string& target);

}  // namespace weir
