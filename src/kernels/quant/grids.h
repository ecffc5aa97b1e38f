// The points that codes of the IQ types stand for: eight numbers a code (IQ3: four), chosen by the
// format's authors out of a lattice, as bytes from the lowest on.
#pragma once
#include <cstdint>

namespace weir {

template <int kPoints>
struct Grid {
  uint64_t points[kPoints];
};

// Of IQ1_S and IQ1_M: -8, 0 or 8, eight times the number, to which +-1 is added.
extern const Grid<2048> kGrid1;
// Magnitudes 8, 25 or 43.
extern const Grid<256> kGrid2xxs;
extern const Grid<512> kGrid2xs;
extern const Grid<1024> kGrid2s;
// Four magnitudes: 4 to 62, and the odd numbers up to 15.
extern const Grid<256> kGrid3xxs;
extern const Grid<512> kGrid3s;

}  // namespace weir
