// Which file is mapped at an address of this process, and where in it: for reading the same bytes
// in another way.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weir {

class MappedPlaces {
 public:
  struct File {
    std::string path;    // when it was mapped; " (deleted)" behind it if it was removed since
    uint64_t inode = 0;  // another file of that path has another one
  };
  struct Place {
    const File* file = nullptr;  // null: no file
    uint64_t offset = 0;         // of the address
  };
  // As things are now (/proc/self/maps; nothing is known where that can not be read).
  MappedPlaces();
  // The same from such a text.
  explicit MappedPlaces(const std::string& maps);
  // The place of the bytes [data, data + bytes), which lie in one mapping.
  Place find(const void* data, size_t bytes) const;

 private:
  struct Mapping {
    uint64_t begin, end, offset;  // of addresses, and in the file
    File file;
  };
  std::vector<Mapping> mappings_;  // by address
};

}  // namespace weir
