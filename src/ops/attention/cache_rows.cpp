#include "ops/attention/cache_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/quant/narrow_floats.h"
#include "ops/attention/rotation.h"

namespace weir {
namespace {

// kNormalCodes in units of the deviation of what is cut.
constexpr float kCodeUnit = 2.7326f / 127;
constexpr int kRounds = 2;  // of choosing codes and fitting the scale to them

int nearest_normal(float x) {
  int at = 0;
  for (int i = 0; i < 15; ++i) at += 2 * x > float(kNormalCodes[i] + kNormalCodes[i + 1]);
  return at;
}

// Sums are made in double, where a product of floats is exact: no compiler changes their bits.
float encode_normal(const float* x, int n, int8_t* codes) {
  double square = 0;
  for (int i = 0; i < n; ++i) square += double(x[i]) * double(x[i]);
  float scale = float(std::sqrt(square / n)) * kCodeUnit;
  if (!(scale > 0)) {
    std::fill_n(codes, n, int8_t(8));
    return 0;
  }
  for (int round = 0; round < kRounds; ++round) {
    const float inverse = 1 / scale;
    double product = 0, length = 0;
    for (int i = 0; i < n; ++i) {
      codes[i] = int8_t(nearest_normal(x[i] * inverse));
      const double code = kNormalCodes[size_t(codes[i])];
      product += double(x[i]) * code;
      length += code * code;
    }
    scale = float(product / length);
  }
  return scale;
}

float encode_bytes(const float* x, int n, int8_t* codes) {
  float most = 0;
  for (int i = 0; i < n; ++i) most = std::max(most, std::fabs(x[i]));
  if (!(most >= 1e-30f)) {
    std::fill_n(codes, n, int8_t(0));
    return 0;
  }
  const float inverse = 127 / most;
  for (int i = 0; i < n; ++i) codes[i] = int8_t(std::nearbyint(x[i] * inverse));
  return most / 127;
}

// Code i of n packed ones.
void put_nibble(uint8_t* packed, size_t n, size_t i, int code) {
  uint8_t& byte = packed[i < n / 2 ? i : i - n / 2];
  byte = uint8_t(i < n / 2 ? (byte & 0xf0) | code : (byte & 0x0f) | code << 4);
}

void put_code(CacheType type, uint8_t* codes, size_t n, size_t i, int code) {
  if (type == CacheType::q4)
    put_nibble(codes, n, i, code);
  else
    codes[i] = uint8_t(code);
}

uint16_t narrow(CacheType type, float x) {
  return type == CacheType::f16 ? f32_to_f16(x) : f32_to_bf16(x);
}

// Numbers without codes, `step` apart.
void store_numbers(const CacheVector& v, void* to, size_t first, size_t step, const float* x) {
  if (v.type == CacheType::f32) {
    float* out = static_cast<float*>(to) + first;
    for (int i = 0; i < v.width; ++i) out[size_t(i) * step] = x[i];
    return;
  }
  uint16_t* out = static_cast<uint16_t*>(to) + first;
  for (int i = 0; i < v.width; ++i) out[size_t(i) * step] = narrow(v.type, x[i]);
}

// Rotates x and hands out the codes of every part: put(part, first column, codes).
template <class Put>
void encode(const CacheVector& v, void* to, int at, float* x, const Put& put) {
  rotate(v, x);
  int8_t codes[512];
  for (int p = 0, begin = 0; p < v.parts; begin += v.part[p++]) {
    scales_of(to, p)[at] = encode_part(v.type, x + begin, v.part[p], codes);
    put(p, begin, codes);
  }
}

}  // namespace

float encode_part(CacheType type, const float* x, int n, int8_t* codes) {
  bool is_finite = true;
  for (int i = 0; i < n; ++i) is_finite &= std::isfinite(x[i]);
  if (!is_finite) {
    std::fill_n(codes, n, int8_t(0));
    return NAN;
  }
  return type == CacheType::q4 ? encode_normal(x, n, codes) : encode_bytes(x, n, codes);
}

void store_in_panel(const CacheVector& v, void* to, int at, float* x) {
  if (!has_codes(v.type)) return store_numbers(v, to, size_t(at), kCachePage, x);
  encode(v, to, at, x, [&](int p, int begin, const int8_t* codes) {
    const size_t n = size_t(v.part[p]) * kCachePage;
    for (int i = 0; i < v.part[p]; ++i)
      put_code(v.type, codes_of(v, to, begin), n,
               size_t(i / 2) * 2 * kCachePage + size_t(at) * 2 + size_t(i % 2), codes[i]);
  });
}

void store_in_pairs(const CacheVector& v, void* to, int at, float* x) {
  if (!has_codes(v.type)) return store_numbers(v, to, size_t(at) * size_t(v.width), 1, x);
  encode(v, to, at, x, [&](int p, int begin, const int8_t* codes) {
    const size_t width = size_t(v.part[p]), n = width * kCachePage;
    for (size_t i = 0; i < width; ++i)
      put_code(v.type, codes_of(v, to, begin), n,
               size_t(at / 2) * 2 * width + i * 2 + size_t(at % 2), codes[i]);
  });
}

void store_in_rows(const CacheVector& v, void* to, int at, float* x) {
  if (!has_codes(v.type)) return store_numbers(v, to, size_t(at) * size_t(v.width), 1, x);
  const size_t width = size_t(v.width);
  uint8_t* row = codes_of(v, to, 0) + v.code_bytes(width) * size_t(at);
  encode(v, to, at, x, [&](int p, int begin, const int8_t* codes) {
    for (int i = 0; i < v.part[p]; ++i) put_code(v.type, row, width, size_t(begin + i), codes[i]);
  });
}

}  // namespace weir
