#include "base/checksum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace weir {
namespace {

TEST(Checksum, ChangesWithEveryWordAndTheLength) {
  std::vector<std::byte> page(100);
  for (size_t i = 0; i < page.size(); ++i) page[i] = std::byte(i * 7 + 1);
  const uint64_t sum = checksum(page);
  for (size_t at = 0; at < page.size(); ++at) {
    page[at] ^= std::byte(0x10);
    EXPECT_NE(checksum(page), sum) << at;
    page[at] ^= std::byte(0x10);
  }
  std::swap_ranges(page.begin(), page.begin() + 8, page.begin() + 32);  // words of one lane
  EXPECT_NE(checksum(page), sum);
  const std::vector<std::byte> zeros(64);
  EXPECT_NE(checksum(std::span(zeros).first(32)), checksum(zeros));
}

}  // namespace
}  // namespace weir
