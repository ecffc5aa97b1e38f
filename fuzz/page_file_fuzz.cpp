// Any bytes as the file of a cache page: an error, or a header that is written again as it was
// read.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/checksum.h"
#include "engine/page_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  const auto bytes = std::as_bytes(std::span(data, size));
  auto header = parse_page_header(bytes);
  if (!header) {
    // The rest of the reader, with a header whose checksum fits.
    if (size < kPageHeaderBytes) return 0;
    PageHeaderBytes fitting;
    std::copy_n(bytes.begin(), fitting.size(), fitting.begin());
    const uint64_t sum = checksum(std::span(fitting).first(360));
    for (size_t i = 0; i < 8; ++i) fitting[360 + i] = std::byte(sum >> 8 * i);
    header = parse_page_header(fitting);
    if (!header) return 0;
  }
  if (header->page_bytes > uint64_t(1) << 32 || header->identity.key().size() != 64) std::abort();
  const auto page = bytes.subspan(std::min(size, kPageHeaderBytes));
  const auto again = parse_page_header(page_header(header->identity, page, header->work));
  if (!again || again->identity != header->identity || again->page_bytes != page.size() ||
      again->work != header->work)
    std::abort();
  return 0;
}
