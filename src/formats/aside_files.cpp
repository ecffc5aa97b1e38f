#include "formats/aside_files.h"

#include <algorithm>

#include "base/aside.h"
#include "base/check.h"

namespace weir {

AsideFiles::~AsideFiles() {
  file_.reset();  // removes an open one
  for (const Entry& entry : entries_) (void)remove_all(entry.aside);
}

Result<void> AsideFiles::begin(const std::string& path) {
  CHECK(!file_);
  TRY(remove_stale_asides_of(path));
  std::string aside = aside_name(path);
  file_ = TRY(FileWriter::create(aside));
  entries_.push_back({path, std::move(aside)});
  return {};
}

Result<void> AsideFiles::write(const void* data, size_t bytes) {
  CHECK(file_);
  return file_->write(data, bytes);
}

Result<void> AsideFiles::end() {
  CHECK(file_);
  TRY(file_->close());
  file_.reset();
  return {};
}

Result<void> AsideFiles::rename_all() {
  CHECK(!file_ && !entries_.empty());
  std::rotate(entries_.begin(), entries_.begin() + 1, entries_.end());
  while (!entries_.empty()) {
    TRY(rename_path(entries_.front().aside, entries_.front().path));
    entries_.erase(entries_.begin());
  }
  return {};
}

}  // namespace weir
