// Weights that are mapped, found again in their files, which are opened to be read in another way.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/direct_file.h"
#include "base/mapped_places.h"

namespace weir {

class FilePlaces {
 public:
  // As DirectFile::open.
  explicit FilePlaces(bool wants_direct, bool keeps_pages = false)
      : wants_direct_(wants_direct), keeps_pages_(keeps_pages) {}

  struct Place {
    int file = 0;  // of files()
    uint64_t offset = 0;
  };
  // Nothing: the bytes are no part of a file.
  Result<std::optional<Place>> find(const void* data, size_t bytes) {
    const MappedPlaces::Place place = mapped_.find(data, bytes);
    if (!place.file) return std::optional<Place>();
    const auto [found, is_new] = numbers_.try_emplace(place.file->path, int(files_.size()));
    if (is_new) {
      auto file = TRY(DirectFile::open(place.file->path, wants_direct_, keeps_pages_));
      if (file->inode() != place.file->inode)
        return Error{place.file->path + ": was replaced while it was opened; start again"};
      files_.push_back(std::move(file));
    }
    return std::optional(Place{found->second, place.offset});
  }
  std::vector<std::unique_ptr<DirectFile>> take_files() { return std::move(files_); }

 private:
  const MappedPlaces mapped_;
  const bool wants_direct_, keeps_pages_;
  std::vector<std::unique_ptr<DirectFile>> files_;
  std::map<std::string, int> numbers_;  // by path
};

}  // namespace weir
