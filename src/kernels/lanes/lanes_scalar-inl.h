// Sixteen float lanes as a plain array: the definition of what lanes_avx2 and lanes_avx512 must do.
// Included once by scalar.cpp; all three headers declare the same names, which gemm-inl.h and
// vector-inl.h are written over.
#pragma once
#include <cstddef>
#include <cstdint>

namespace weir {
namespace {

struct Lanes {
  float v[16];
};

// Rows and lane groups of one tile of gemm.
constexpr int kTileRows = 4;
constexpr int kTileGroups = 1;
// Groups of a tile with 1, 2, 3 and 4 rows when there are that many columns, else the second
// choice: independent sums hide the latency of the multiply-add. Not above kTileGroups: no such
// tile.
constexpr int kWideGroups[2][4] = {{1, 1, 1, 1}, {1, 1, 1, 1}};
// See kCopyRightTiles in gemm-inl.h.
constexpr size_t kCopyRightStride = 1024;
// The side of one transposed square.
constexpr int kSquare = 4;

// Rows and columns of one tile of block_gemm, whose sums have 16 lanes each, and the registers such
// a sum takes: a tile keeps one register of each of its sums at a time.
constexpr int kDotRows = 2, kDotColumns = 1;
constexpr int kRegisters = 1;
using Register = Lanes;

inline uint32_t bits_of(float x) { return __builtin_bit_cast(uint32_t, x); }
inline float float_of(uint32_t x) { return __builtin_bit_cast(float, x); }

template <class F>
inline Lanes each_lane(F f) {
  Lanes r;
  for (int i = 0; i < 16; ++i) r.v[i] = f(i);
  return r;
}

inline Lanes splat(float x) {
  return each_lane([&](int) { return x; });
}
inline Lanes load(const float* p) {
  return each_lane([&](int i) { return p[i]; });
}
inline Lanes load(const uint16_t* p) {
  return each_lane([&](int i) { return float_of(uint32_t(p[i]) << 16); });
}
// The first n (0 to 16) lanes from memory, `fill` in the others; nothing beyond is touched.
inline Lanes load_part(const float* p, int n, float fill = 0) {
  return each_lane([&](int i) { return i < n ? p[i] : fill; });
}
inline void store(float* p, Lanes a) {
  for (int i = 0; i < 16; ++i) p[i] = a.v[i];
}
inline void store_part(float* p, int n, Lanes a) {
  for (int i = 0; i < n; ++i) p[i] = a.v[i];
}
// Round to nearest even; a NaN keeps its sign and upper payload and becomes quiet.
inline void store_bf16(uint16_t* p, Lanes a) {
  for (int i = 0; i < 16; ++i) {
    uint32_t b = bits_of(a.v[i]);
    bool nan = (b & 0x7fffffffu) > 0x7f800000u;
    p[i] = uint16_t((nan ? b | 0x400000u : b + 0x7fffu + ((b >> 16) & 1)) >> 16);
  }
}

inline Lanes operator+(Lanes a, Lanes b) {
  return each_lane([&](int i) { return a.v[i] + b.v[i]; });
}
inline Lanes operator-(Lanes a, Lanes b) {
  return each_lane([&](int i) { return a.v[i] - b.v[i]; });
}
inline Lanes operator*(Lanes a, Lanes b) {
  return each_lane([&](int i) { return a.v[i] * b.v[i]; });
}
inline Lanes operator/(Lanes a, Lanes b) {
  return each_lane([&](int i) { return a.v[i] / b.v[i]; });
}
inline float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
// a * b + c, rounded once.
inline Lanes fma(Lanes a, Lanes b, Lanes c) {
  return each_lane([&](int i) { return fused(a.v[i], b.v[i], c.v[i]); });
}
inline Register load_register(const float* p) { return load(p); }
inline void store_register(float* p, Register a) { store(p, a); }
inline Register multiply_add(Register a, Register b, Register c) { return fma(a, b, c); }
inline float root(float x) { return __builtin_sqrtf(x); }
inline Lanes root(Lanes a) {
  return each_lane([&](int i) { return __builtin_sqrtf(a.v[i]); });
}
// a > b ? a : b, so the second operand when either is NaN.
inline Lanes max(Lanes a, Lanes b) {
  return each_lane([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
inline Lanes min(Lanes a, Lanes b) {
  return each_lane([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
// a < b ? yes : no.
inline Lanes select_less(Lanes a, Lanes b, Lanes yes, Lanes no) {
  return each_lane([&](int i) { return a.v[i] < b.v[i] ? yes.v[i] : no.v[i]; });
}
// The float whose exponent field is the low 8 bits of a's representation (and sign the ninth).
inline Lanes low_bits_to_exponent(Lanes a) {
  return each_lane([&](int i) { return float_of(bits_of(a.v[i]) << 23); });
}

inline float lane_sum(Lanes a) {
  for (int step = 8; step >= 1; step /= 2)
    for (int i = 0; i < step; ++i) a.v[i] = a.v[i] + a.v[i + step];
  return a.v[0];
}
inline float lane_max(Lanes a) {
  for (int step = 8; step >= 1; step /= 2)
    for (int i = 0; i < step; ++i) a.v[i] = a.v[i] > a.v[i + step] ? a.v[i] : a.v[i + step];
  return a.v[0];
}

// Lanes 2i and 2i+1 change places.
inline Lanes swap_pairs(Lanes a) {
  return each_lane([&](int i) { return a.v[i ^ 1]; });
}
// p[0] p[0] p[1] p[1] ... p[7] p[7].
inline Lanes load_doubled(const float* p) {
  return each_lane([&](int i) { return p[i / 2]; });
}

// out[j * out_row + i] = rows[i][j] for i, j < kSquare, written in order of j: when out_row is less
// than kSquare, each row overwrites what the one before left beyond its end.
inline void transpose_square(const float* const* rows, float* out, size_t out_row) {
  for (int j = 0; j < kSquare; ++j)
    for (int i = 0; i < kSquare; ++i) out[size_t(j) * out_row + i] = rows[i][j];
}

}  // namespace
}  // namespace weir
