// Texts that say the same in nearly the same words: found by a fingerprint, decided by their words.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace weir {

// 64 bits of which near texts differ in few (M. S. Charikar, "Similarity estimation techniques from
// rounding algorithms", STOC 2002), over runs of three words.
uint64_t similarity_hash(std::string_view text);
// Its four parts of 16 bits: texts whose fingerprints differ in at most 3 bits share one.
std::array<int64_t, 4> similarity_bands(uint64_t hash);
constexpr int kNearBits = 3;

// At least nine tenths of the runs of three words of both texts together are in both, and they have
// the same numbers in the same order ("since version 14" is no copy of "since version 15") and say
// no equally often.
bool is_near_copy(std::string_view a, std::string_view b);

}  // namespace weir
