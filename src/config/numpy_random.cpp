#include "config/numpy_random.h"

#include <bit>

#include "base/check.h"

namespace weir {
namespace {

constexpr int kWords = 4;  // of the pool of a SeedSequence

uint32_t hash_word(uint32_t value, uint32_t& constant, uint32_t factor) {
  value ^= constant;
  constant *= factor;
  value *= constant;
  return value ^ value >> 16;
}

uint32_t mix_words(uint32_t x, uint32_t y) {
  const uint32_t value = 0xca01f9ddu * x - 0x4973f715u * y;
  return value ^ value >> 16;
}

}  // namespace

NumpyRandom::NumpyRandom(uint32_t seed) {
  uint32_t pool[kWords], constant = 0x43b0d7e5u;
  for (int i = 0; i < kWords; ++i) pool[i] = hash_word(i == 0 ? seed : 0, constant, 0x931e8875u);
  for (int from = 0; from < kWords; ++from)
    for (int to = 0; to < kWords; ++to)
      if (from != to) pool[to] = mix_words(pool[to], hash_word(pool[from], constant, 0x931e8875u));
  uint64_t words[4];
  constant = 0x8b51f9ddu;
  for (int i = 0; i < 8; ++i) {
    const uint64_t word = hash_word(pool[i % kWords], constant, 0x58f38dedu);
    words[i / 2] = i % 2 == 0 ? word : words[i / 2] | word << 32;
  }
  increment_ = (Wide(words[2]) << 64 | words[3]) << 1 | 1;
  next();
  state_ += Wide(words[0]) << 64 | words[1];
  next();
}

uint64_t NumpyRandom::next() {
  constexpr Wide kFactor = Wide(0x2360ed051fc65da4ull) << 64 | 0x4385df649fccf645ull;
  state_ = state_ * kFactor + increment_;
  return std::rotr(uint64_t(state_ >> 64) ^ uint64_t(state_), int(state_ >> 122));
}

// Lemire 2019, "Fast random integer generation in an interval".
int64_t NumpyRandom::below(uint64_t bound) {
  CHECK(bound > uint64_t(UINT32_MAX) + 1);
  Wide product = Wide(next()) * bound;
  if (uint64_t(product) < bound) {
    const uint64_t least = (UINT64_MAX - (bound - 1)) % bound;
    while (uint64_t(product) < least) product = Wide(next()) * bound;
  }
  return int64_t(product >> 64);
}

}  // namespace weir
