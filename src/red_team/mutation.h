// Changes to a text that people still read and word lists do not. Chinese text gets strange
// characters in between where a change is one of letters. Pure functions of (text, seed).
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

//   full_width   ASCII letters as their full-width forms
//   homoglyphs   some Latin letters as Cyrillic ones that look the same
//   zero_width   U+200B inside of words
//   spaced       a space or a dot between characters
//   swapped      two neighbouring letters of some words change places
//   leet         letters as digits
//   capitals     upper and lower case in turn
enum class Mutation : uint8_t {
  none,
  full_width,
  homoglyphs,
  zero_width,
  spaced,
  swapped,
  leet,
  capitals
};
inline constexpr std::array<const char*, 8> kMutations = {
    "none", "full_width", "homoglyphs", "zero_width", "spaced", "swapped", "leet", "capitals"};

// Text that is no UTF-8 comes back as it is.
std::string mutated(std::string_view text, Mutation mutation, uint64_t seed);

}  // namespace weir
