// Any bytes as a file of a teacher's rows: an error, or rows that are within their vocabulary.
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/checksum.h"
#include "train/teacher_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  // The rest of the reader, with checksums that fit.
  for (const bool fits : {false, true}) {
    if (fits && size >= 56) {
      const auto all = std::as_bytes(std::span(bytes));
      const uint64_t body = checksum(all.subspan(56));
      std::memcpy(bytes.data() + 40, &body, 8);
      const uint64_t header = checksum(all.first(48));
      std::memcpy(bytes.data() + 48, &header, 8);
    }
    const auto file = TeacherFile::parse(std::as_bytes(std::span(bytes)), "f");
    if (!file) continue;
    const size_t entry = 56;
    TeacherRow row;
    for (uint64_t s = 0; s < file->sequences(); ++s) {
      std::string name;
      for (size_t i = 0; i < 16; ++i) {
        constexpr char kDigits[] = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(bytes[entry + size_t(s) * 24 + i]);
        name += kDigits[byte >> 4];
        name += kDigits[byte & 15];
      }
      const auto place = file->find(name);
      if (!place) std::abort();
      for (uint64_t p = 0; p < place->count; ++p) {
        file->read(place->first + p, row);
        for (int token : row.tokens)
          if (token < 0 || token >= file->facts().vocabulary) std::abort();
      }
    }
  }
  return 0;
}
