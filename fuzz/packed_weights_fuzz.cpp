// Any bytes as the safetensors file of a folder that compressed-tensors packed: each weight is an
// error or numbers.
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/atomic_output.h"
#include "base/file.h"
#include "checkpoint/packed_weights.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string folder = [] {
    const char* place = std::getenv("TMPDIR");
    const std::string path =
        std::string(place ? place : "/tmp") + "/weir_packed_fuzz_" + std::to_string(getpid());
    if (!weir::make_directories(path)) std::abort();
    return path;
  }();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (!weir::write_file_atomic(folder + "/model.safetensors", bytes)) std::abort();
  const auto opened = weir::SafetensorsFolder::open(folder);
  if (!opened) return 0;
  for (const std::string& name : opened->names()) {
    const auto found = weir::find_packed(*opened, weir::packed_weight_name(name));
    if (!found || !*found || (*found)->count() > size * 8) continue;
    std::vector<float> numbers((*found)->count());
    weir::decode(**found, numbers.data());
  }
  return 0;
}
