#include "base/checksum.h"

#include <bit>
#include <cstring>

namespace weir {

static_assert(std::endian::native == std::endian::little);

// Four chains of (h ^ word) * odd, rotated: each step is one-to-one in h and in the word.
uint64_t checksum(std::span<const std::byte> bytes) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  uint64_t lanes[4] = {1, 2, 3, bytes.size()};
  const auto mix = [](uint64_t& lane, uint64_t word) {
    lane = std::rotl((lane ^ word) * kOdd, 29);
  };
  size_t at = 0;
  for (; at + 32 <= bytes.size(); at += 32)
    for (size_t lane = 0; lane < 4; ++lane) {
      uint64_t word;
      std::memcpy(&word, bytes.data() + at + 8 * lane, sizeof word);
      mix(lanes[lane], word);
    }
  for (; at < bytes.size(); ++at) mix(lanes[at % 4], uint64_t(bytes[at]));
  uint64_t sum = 0;
  for (uint64_t lane : lanes) mix(sum, lane);
  return sum;
}

}  // namespace weir
