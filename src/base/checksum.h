// A checksum as fast as memory, for files that this program wrote itself.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace weir {

// Finds damage of any kind that no one made on purpose: every changed 64-bit word changes it.
// Of the bytes on a little-endian machine; part of file formats, so it never changes.
uint64_t checksum(std::span<const std::byte> bytes);

}  // namespace weir
