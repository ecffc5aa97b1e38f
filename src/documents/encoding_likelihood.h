// How well the bytes of a text fit the frequent characters of an encoding, for texts that are too
// short for statistics over letters.
#pragma once
#include <string>
#include <string_view>

namespace weir {

// The share of the bytes above 0x7F that are frequent characters in their usual places: 0 to 1; 0
// for encodings other than GB18030, BIG5-HKSCS, CP932, WINDOWS-1252 and WINDOWS-1251.
double encoding_likelihood(std::string_view bytes, std::string_view encoding);

}  // namespace weir
