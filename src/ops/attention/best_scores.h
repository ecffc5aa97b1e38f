// The best of many scores, as the indexers of sparse attention choose.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>

namespace weir {

// Larger for larger scores and, among equal ones, for lower positions; NaN comes last.
inline uint64_t rank(float score, int position) {
  score += 0.0f;  // -0 is 0
  uint32_t bits;
  std::memcpy(&bits, &score, sizeof bits);
  bits = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  if (score != score) bits = 0;
  return uint64_t(bits) << 32 | (0xffffffffu - uint32_t(position));
}

// Positions of the `keep` best of `count` scores, ascending; keep < count. ranked: [count],
// scratch.
inline void choose_best(const float* scores, int count, int keep, uint64_t* ranked, int* chosen) {
  for (int s = 0; s < count; ++s) ranked[s] = rank(scores[s], s);
  std::nth_element(ranked, ranked + keep, ranked + count, std::greater<>());
  for (int j = 0; j < keep; ++j) chosen[j] = int(0xffffffffu - uint32_t(ranked[j]));
  std::sort(chosen, chosen + keep);
}

}  // namespace weir
