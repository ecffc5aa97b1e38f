// The searches that all quantized types share: which scale (and minimum) makes the weighted squared
// error of a group smallest. One table of them per instruction set, all with the same bits.
#pragma once
#include <cstdint>

namespace weir {

// Numbers that share a scale and what an error in each costs. count is a multiple of 16; weights
// are positive, except those of padding, which are 0.
struct Group {
  const float* x;
  const float* weights;
  int count;
};

// A number is stored as the nearest whole number of x / scale from lowest to highest. The search
// begins with 16 scales: those at which the number of largest size would become first,
// first + step, first + 2 step, ...
struct Codes {
  float lowest, highest;
  float first, step;
};

// x ~ scale * code - minimum. The error grows by scale_cost * e^2 when the scale is wrong by e, and
// by minimum_cost * e^2 when the minimum is.
struct Fit {
  float scale = 0, minimum = 0;
  float scale_cost = 0, minimum_cost = 0;
};

// Scale and minimum of a group as whole multiples of those of the block.
struct Steps {
  int scale, minimum;
};

// A block's scale, the smallest and largest multiple of it that a group may use, and the first of
// 16 neighbouring multiples to try.
struct Choice {
  float block_scale;
  int least, most, from;
};

struct Search {
  const char* name;  // as kernels().floats

  // The best scale without a minimum; 0 for a group of zeros. As everywhere below, `curve` is the
  // same for codes that stand for the 16 values of kCurve: lowest and highest are not used.
  Fit (*scale)(const Group&, const Codes&);
  Fit (*curve_scale)(const Group&, const Codes&);
  // The best scale and minimum for codes from 0. With `below_zero` the minimum is not negative,
  // that is, code 0 stands for a number <= 0.
  Fit (*line)(const Group&, const Codes&, bool below_zero);

  // The multiple among 16 that gives the smallest error.
  int (*multiple)(const Group&, const Codes&, const Choice&);
  int (*curve_multiple)(const Group&, const Choice&);
  // The same for scale and minimum together: 4 x 4 multiples.
  Steps (*line_multiples)(const Group&, const Codes&, const Choice& scale, const Choice& minimum);

  // codes[i] = the code of x[i] minus codes.lowest; for the curve the index of the value.
  void (*encode)(const Group&, const Codes&, float scale, float minimum, uint8_t* codes);
  void (*curve_encode)(const Group&, float scale, uint8_t* codes);
};

// The table of the instruction set that kernels() uses.
const Search& search();

// For search() and tests; null when the compiler did not target the instruction set.
extern const Search kScalarSearch;
extern const Search* const kAvx2Search;
extern const Search* const kAvx512Search;

}  // namespace weir
