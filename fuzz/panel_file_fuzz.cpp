// Any bytes as a file of panels: an error, or a file of exactly the size and the key asked for.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "tensor/panel_file.h"

namespace {

using namespace weir;

const std::string kKey(64, 'a');

void check(std::span<const std::byte> bytes, const PanelFileLayout& layout) {
  if (!check_panel_file(bytes, layout, 2, kKey)) return;
  if (bytes.size() != layout.bytes || std::memcmp(bytes.data() + 24, kKey.data(), 64) != 0)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const PanelShape shapes[] = {{2, 48}, {size_t(size > 0 ? data[0] % 4 : 1), 100}};
  const PanelFileLayout layout(shapes);
  check(std::as_bytes(std::span(data, size)), layout);
  // The rest of the checks, in a file of the right size with fitting checksums.
  std::vector<std::byte> file(layout.bytes);
  std::memcpy(file.data(), data, std::min(size, file.size()));
  const auto set = [&](size_t at, uint64_t value) { std::memcpy(&file[at], &value, sizeof value); };
  std::memcpy(file.data(), "weirpnls\1\0\0\0", 12);
  set(88, checksum(std::span(file).first(88)));
  check(file, layout);
  set(layout.bytes - 8, checksum(std::span(file).subspan(layout.sums, layout.panels * 8)));
  check(file, layout);
  return 0;
}
