// FNV-1a (Fowler, Noll, Vo 1991) of a text: the same on every machine, for streams of random
// numbers and shares of a set. Not against anybody who chooses the text.
#pragma once
#include <cstdint>
#include <string_view>

namespace weir {

inline uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (char c : text) hash = (hash ^ uint8_t(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace weir
