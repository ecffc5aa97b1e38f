#include "ops/attention/row_codes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/quant/narrow_floats.h"

namespace weir {
namespace {

constexpr float kE4m3Most = 448, kE2m1Most = 6;

const std::array<float, 256>& e4m3_numbers() {
  static const std::array<float, 256> numbers = [] {
    std::array<float, 256> all{};
    for (size_t i = 0; i < all.size(); ++i) all[i] = f8_to_f32(uint8_t(i));
    return all;
  }();
  return numbers;
}

float largest(const float* x, int n) {
  float most = 0;
  for (int i = 0; i < n; ++i) most = std::max(most, std::fabs(x[i]));
  return most;
}

// At most 448 in size.
uint8_t to_e4m3(float x) {
  const uint8_t sign = std::signbit(x) ? 0x80 : 0;
  const float size = std::min(std::fabs(x), kE4m3Most);
  if (!(size >= 0x1p-6f)) return uint8_t(sign | int(std::nearbyint(size * 0x1p9f)));
  // Three bits of the mantissa, ties to even.
  const uint32_t bits = std::bit_cast<uint32_t>(size);
  const uint32_t rounded = bits + 0x7ffff + (bits >> 20 & 1);
  return uint8_t(sign | (rounded - (120u << 23)) >> 20);
}

int to_e2m1(float x) {
  const float size = std::fabs(x);
  const int code = (size > .25f) + (size >= .75f) + (size > 1.25f) + (size >= 1.75f) +
                   (size > 2.5f) + (size >= 3.5f) + (size > 5);
  return code | (std::signbit(x) ? 8 : 0);
}

// The exponent of the least power of two that is at least x, as E8M0.
uint8_t to_e8m0(float x) {
  int exponent = 0;
  const float mantissa = std::frexp(x, &exponent);  // x = mantissa 2^exponent, mantissa in [.5, 1)
  if (mantissa == .5f) --exponent;
  return uint8_t(std::clamp(exponent + 127, 0, 254));
}
float power_of(uint8_t e) { return std::ldexp(1.f, int(e) - 127); }

void put_u16(uint8_t* to, uint16_t x) { std::memcpy(to, &x, sizeof(x)); }
uint16_t get_u16(const uint8_t* from) {
  uint16_t x;
  std::memcpy(&x, from, sizeof(x));
  return x;
}

constexpr int kBytesBlock = 32;  // columns of a scale of q8

void encode_bytes(const RowFormat& f, const float* x, uint8_t* to) {
  uint8_t* scales = to + f.width;
  for (int i = 0; i < f.width; i += kBytesBlock, scales += 2) {
    const int n = std::min(kBytesBlock, f.width - i);
    const uint16_t half = f32_to_f16(largest(x + i, n) / 127);
    const float scale = f16_to_f32(half), inverse = scale > 0 ? 1 / scale : 0;
    put_u16(scales, half);
    for (int k = 0; k < n; ++k)
      to[i + k] = uint8_t(int8_t(std::clamp(std::nearbyint(x[i + k] * inverse), -127.f, 127.f)));
  }
}

void decode_bytes(const RowFormat& f, const uint8_t* from, float* x) {
  const uint8_t* scales = from + f.width;
  const auto* codes = reinterpret_cast<const int8_t*>(from);
  for (int i = 0; i < f.width; i += kBytesBlock, scales += 2) {
    const float scale = f16_to_f32(get_u16(scales));
    const int end = std::min(i + kBytesBlock, f.width);
    for (int k = i; k < end; ++k) x[k] = scale * float(codes[k]);
  }
}

void encode_e4m3(const RowFormat& f, const float* x, uint8_t* to) {
  const int codes = f.width - f.plain;
  uint8_t* plain = to + codes;
  uint8_t* scales = plain + 2 * f.plain;
  for (int i = 0; i < codes; i += f.block) {
    const int n = std::min(f.block, codes - i);
    const uint8_t scale = to_e8m0(std::max(largest(x + i, n), 1e-4f) / kE4m3Most);
    *scales++ = scale;
    const float inverse = 1 / power_of(scale);
    for (int k = i; k < i + n; ++k) to[k] = to_e4m3(x[k] * inverse);
  }
  for (int k = 0; k < f.plain; ++k) put_u16(plain + 2 * k, f32_to_bf16(x[codes + k]));
}

void decode_e4m3(const RowFormat& f, const uint8_t* from, float* x) {
  const std::array<float, 256>& numbers = e4m3_numbers();
  const int codes = f.width - f.plain;
  const uint8_t* plain = from + codes;
  const uint8_t* scales = plain + 2 * f.plain;
  for (int i = 0; i < codes; i += f.block) {
    const float scale = power_of(*scales++);
    const int end = std::min(i + f.block, codes);
    for (int k = i; k < end; ++k) x[k] = scale * numbers[from[k]];
  }
  for (int k = 0; k < f.plain; ++k) x[codes + k] = bf16_to_f32(get_u16(plain + 2 * k));
}

// Column i in the low half of byte i / 2 where i is even.
void encode_e2m1(const RowFormat& f, const float* x, uint8_t* to) {
  const bool is_fine = f.numbers == RowNumbers::e2m1_fine;
  const int block = is_fine ? 16 : 32;
  uint8_t* scales = to + (f.width + 1) / 2;
  std::memset(to, 0, size_t(f.width + 1) / 2);
  for (int i = 0; i < f.width; i += block) {
    const int n = std::min(block, f.width - i);
    const float most = largest(x + i, n);
    float scale;
    if (is_fine) {
      *scales = to_e4m3(std::max(most, kE2m1Most * 0x1p-9f) / kE2m1Most);
      scale = f8_to_f32(*scales++);
    } else {
      *scales = to_e8m0(std::max(most, kE2m1Most * 0x1p-126f) / kE2m1Most);
      scale = power_of(*scales++);
    }
    const float inverse = 1 / scale;
    for (int k = i; k < i + n; ++k)
      to[k / 2] = uint8_t(to[k / 2] | to_e2m1(x[k] * inverse) << (k % 2 * 4));
  }
}

void decode_e2m1(const RowFormat& f, const uint8_t* from, float* x) {
  const bool is_fine = f.numbers == RowNumbers::e2m1_fine;
  const int block = is_fine ? 16 : 32;
  const uint8_t* scales = from + (f.width + 1) / 2;
  for (int i = 0; i < f.width; i += block) {
    const float scale = is_fine ? f8_to_f32(*scales++) : power_of(*scales++);
    const int end = std::min(i + block, f.width);
    for (int k = i; k < end; ++k) x[k] = scale * kE2m1[from[k / 2] >> (k % 2 * 4) & 15];
  }
}

bool is_finite(const float* x, int n) {
  for (int i = 0; i < n; ++i)
    if (!std::isfinite(x[i])) return false;
  return true;
}

// A row that decodes to NaN, so that an engine sees what it would see in f32.
void encode_nan(const RowFormat& f, uint8_t* to) {
  std::memset(to, f.numbers == RowNumbers::e4m3 ? 0x7f : 0, f.bytes());
  if (f.numbers == RowNumbers::q8)
    for (size_t i = size_t(f.width); i < f.bytes(); i += 2) put_u16(to + i, 0x7e00);
  const size_t codes = size_t(f.width + 1) / 2;
  if (f.numbers == RowNumbers::e2m1) std::memset(to + codes, 0xff, f.bytes() - codes);
  if (f.numbers == RowNumbers::e2m1_fine) std::memset(to + codes, 0x7f, f.bytes() - codes);
  for (int k = 0; k < f.plain; ++k) put_u16(to + f.width - f.plain + 2 * k, 0x7fc0);
}

}  // namespace

void encode_row(const RowFormat& f, const float* x, void* to) {
  auto* bytes = static_cast<uint8_t*>(to);
  const bool is_wide = f.numbers <= RowNumbers::bf16;
  if (!is_wide && !is_finite(x, f.width)) return encode_nan(f, bytes);
  switch (f.numbers) {
    case RowNumbers::f32:
      std::memcpy(to, x, sizeof(float) * size_t(f.width));
      return;
    case RowNumbers::f16:
      for (int i = 0; i < f.width; ++i) put_u16(bytes + 2 * i, f32_to_f16(x[i]));
      return;
    case RowNumbers::bf16:
      for (int i = 0; i < f.width; ++i) put_u16(bytes + 2 * i, f32_to_bf16(x[i]));
      return;
    case RowNumbers::q8:
      return encode_bytes(f, x, bytes);
    case RowNumbers::e4m3:
      return encode_e4m3(f, x, bytes);
    case RowNumbers::e2m1:
    case RowNumbers::e2m1_fine:
      return encode_e2m1(f, x, bytes);
  }
}

void decode_row(const RowFormat& f, const void* from, float* x) {
  const auto* bytes = static_cast<const uint8_t*>(from);
  switch (f.numbers) {
    case RowNumbers::f32:
      std::memcpy(x, from, sizeof(float) * size_t(f.width));
      return;
    case RowNumbers::f16:
      for (int i = 0; i < f.width; ++i) x[i] = f16_to_f32(get_u16(bytes + 2 * i));
      return;
    case RowNumbers::bf16:
      for (int i = 0; i < f.width; ++i) x[i] = bf16_to_f32(get_u16(bytes + 2 * i));
      return;
    case RowNumbers::q8:
      return decode_bytes(f, bytes, x);
    case RowNumbers::e4m3:
      return decode_e4m3(f, bytes, x);
    case RowNumbers::e2m1:
    case RowNumbers::e2m1_fine:
      return decode_e2m1(f, bytes, x);
  }
}

}  // namespace weir
