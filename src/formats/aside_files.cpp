#include "formats/aside_files.h"

#include <algorithm>

#include "base/aside.h"
#include "base/check.h"

namespace weir {

Error named_as(Error error, const std::string& aside, const std::string& path) {
  for (size_t at = 0; (at = error.message.find(aside, at)) != std::string::npos; at += path.size())
    error.message.replace(at, aside.size(), path);
  return error;
}

AsideFiles::~AsideFiles() {
  file_.reset();  // removes an open one
  for (const Entry& entry : entries_) (void)remove_all(entry.aside);
}

Result<void> AsideFiles::begin(const std::string& path) {
  CHECK(!file_);
  TRY(remove_stale_asides_of(path));
  std::string aside = aside_name(path);
  auto file = FileWriter::create(aside);
  if (!file) return named_as(file.error(), aside, path);
  file_ = std::move(*file);
  entries_.push_back({path, std::move(aside)});
  return {};
}

Result<void> AsideFiles::write(const void* data, size_t bytes) {
  CHECK(file_);
  auto written = file_->write(data, bytes);
  if (!written) return named_as(written.error(), entries_.back().aside, entries_.back().path);
  return {};
}

Result<void> AsideFiles::end() {
  CHECK(file_);
  auto closed = file_->close();
  if (!closed) return named_as(closed.error(), entries_.back().aside, entries_.back().path);
  file_.reset();
  return {};
}

Result<void> AsideFiles::rename_all() {
  CHECK(!file_ && !entries_.empty());
  std::rotate(entries_.begin(), entries_.begin() + 1, entries_.end());
  while (!entries_.empty()) {
    const Entry& entry = entries_.front();
    auto renamed = rename_path(entry.aside, entry.path);
    if (!renamed) return named_as(renamed.error(), entry.aside, entry.path);
    entries_.erase(entries_.begin());
  }
  return {};
}

}  // namespace weir
