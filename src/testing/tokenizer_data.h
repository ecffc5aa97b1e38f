// For tests only: where the committed and the downloaded test data are.
#pragma once
#include <cstdlib>
#include <string>

#include "base/file.h"

namespace weir {

inline std::string test_data(const std::string& name) {
  return std::string(WEIR_SOURCE_DIR) + "/src/testing/data/" + name;
}
// A file of the large test data, which not every machine has; "" without it.
inline std::string large_data(const std::string& name) {
  const char* set = std::getenv("WEIR_DATA");
  std::string folder = set != nullptr ? set : std::string(WEIR_SOURCE_DIR) + "/../shared/data";
  std::string path = folder + "/" + name;
  return file_exists(path) ? path : "";
}
inline std::string must_read(const std::string& path) {
  Result<std::string> text = read_file(path);
  return text ? *text : "cannot read " + path;
}

}  // namespace weir
