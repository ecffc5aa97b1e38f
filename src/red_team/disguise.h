// Texts as people hide them from filters: base64, ROT13, spelled backwards, or with a hyphen after
// every character.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

std::string base64(std::string_view bytes);  // RFC 4648, section 4, padded

// One of the four, by `number`; ROT13 changes ASCII letters alone, so Chinese is spelled backwards.
std::string encoded(std::string_view text, uint64_t number);

}  // namespace weir
