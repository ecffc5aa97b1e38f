// Files that are written one after the other and appear together: each beside its target under
// another name, renamed only when all are complete and on the disk.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace weir {

// The error with every mention of `aside` replaced by `path`: users know the name that they gave.
Error named_as(Error error, const std::string& aside, const std::string& path);

class AsideFiles {
 public:
  AsideFiles() = default;
  AsideFiles(const AsideFiles&) = delete;
  AsideFiles& operator=(const AsideFiles&) = delete;
  ~AsideFiles();  // removes what was not renamed

  // Begins the file that will be `path`; the one before must have ended. Errors of all functions
  // name `path`.
  Result<void> begin(const std::string& path);
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

}  // namespace weir
