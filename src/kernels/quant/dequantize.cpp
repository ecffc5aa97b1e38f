// What the bytes of every stored type mean (ggml-common.h and ggml-quants.c of llama.cpp, checked
// bit for bit by blocks_test.cpp); dequantize_grids.cpp and dequantize_narrow.cpp have the newer
// ones. The vectorised forms are those of dequantize-inl.h.
#include <cstring>

#include "kernels/quant/block_bytes.h"
#include "kernels/quant/blocks.h"
#include "kernels/quant/types.h"

namespace weir {

void decoders::q4_0(const uint8_t* b, float* y) {
  const float d = scale_at(b);
  for (int i = 0; i < 32; ++i) y[i] = float(nibble_at(b + 2, i) - 8) * d;
}
void decoders::q4_1(const uint8_t* b, float* y) {
  const float d = scale_at(b), m = scale_at(b + 2);
  for (int i = 0; i < 32; ++i) y[i] = float(nibble_at(b + 4, i)) * d + m;
}
void decoders::q5_0(const uint8_t* b, float* y) {
  const float d = scale_at(b);
  const uint32_t high = four_bytes_at(b + 2);
  for (int i = 0; i < 32; ++i)
    y[i] = float((nibble_at(b + 6, i) | int(high >> i & 1) << 4) - 16) * d;
}
void decoders::q5_1(const uint8_t* b, float* y) {
  const float d = scale_at(b), m = scale_at(b + 2);
  const uint32_t high = four_bytes_at(b + 4);
  for (int i = 0; i < 32; ++i) y[i] = float(nibble_at(b + 8, i) | int(high >> i & 1) << 4) * d + m;
}
void decoders::q8_0(const uint8_t* b, float* y) {
  const float d = scale_at(b);
  for (int i = 0; i < 32; ++i) y[i] = float(int8_t(b[2 + i])) * d;
}
void decoders::iq4_nl(const uint8_t* b, float* y) {
  const float d = scale_at(b);
  for (int i = 0; i < 32; ++i) y[i] = d * float(kCurve[nibble_at(b + 2, i)]);
}

namespace {

// Two bits of element i: four planes of 32 elements share 32 bytes, twice.
int two_bits(const uint8_t* qs, int i) {
  const int half = i / 128, r = i % 128;
  return qs[32 * half + r % 32] >> (2 * (r / 32)) & 3;
}

}  // namespace

void decoders::q2_k(const uint8_t* b, float* y) {
  const float d = scale_at(b + 80), least = scale_at(b + 82);
  for (int i = 0; i < 256; ++i) {
    const int scale = b[i / 16];
    const float step = d * float(scale & 15), minimum = least * float(scale >> 4);
    y[i] = step * float(two_bits(b + 16, i)) - minimum;
  }
}

void decoders::q3_k(const uint8_t* b, float* y) {
  const uint8_t *mask = b, *qs = b + 32, *scales = b + 96;
  const float d = scale_at(b + 108);
  for (int i = 0; i < 256; ++i) {
    const int k = i / 16;
    const int low = k < 8 ? scales[k] & 15 : scales[k - 8] >> 4;
    const int high = scales[8 + k % 4] >> (2 * (k / 4)) & 3;
    const int q = two_bits(qs, i) + 4 * (mask[i % 32] >> (i / 32) & 1) - 4;
    y[i] = d * float((low | high << 4) - 32) * float(q);
  }
}

namespace {

// Six-bit scale and minimum j of the eight in Q4_K and Q5_K.
void scale_and_minimum(const uint8_t* a, int j, int& scale, int& minimum) {
  if (j < 4) {
    scale = a[j] & 63;
    minimum = a[j + 4] & 63;
  } else {
    scale = (a[j + 4] & 15) | (a[j - 4] >> 6) << 4;
    minimum = a[j + 4] >> 4 | (a[j] >> 6) << 4;
  }
}

void q45_k(const uint8_t* b, const uint8_t* qh, const uint8_t* qs, float* y) {
  const float d = scale_at(b), least = scale_at(b + 2);
  for (int j = 0; j < 8; ++j) {
    int scale, minimum;
    scale_and_minimum(b + 4, j, scale, minimum);
    const float step = d * float(scale), below = least * float(minimum);
    for (int l = 0; l < 32; ++l) {
      int q = qs[32 * (j / 2) + l] >> (4 * (j & 1)) & 15;
      if (qh) q += 16 * (qh[l] >> j & 1);
      y[32 * j + l] = step * float(q) - below;
    }
  }
}

}  // namespace

void decoders::q4_k(const uint8_t* b, float* y) { q45_k(b, nullptr, b + 16, y); }
void decoders::q5_k(const uint8_t* b, float* y) { q45_k(b, b + 16, b + 48, y); }

void decoders::q6_k(const uint8_t* b, float* y) {
  const uint8_t *ql = b, *qh = b + 128, *scales = b + 192;
  const float d = scale_at(b + 208);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, k = i % 128 / 32, l = i % 32;
    const int low = ql[64 * half + 32 * (k & 1) + l] >> (4 * (k >> 1)) & 15;
    const int high = qh[32 * half + l] >> (2 * k) & 3;
    y[i] = d * float(int8_t(scales[i / 16])) * float((low | high << 4) - 32);
  }
}

void decoders::iq4_xs(const uint8_t* b, float* y) {
  const float d = scale_at(b);
  const int high = half_bits_at(b + 2);
  for (int j = 0; j < 8; ++j) {
    const int low = b[4 + j / 2] >> (4 * (j & 1)) & 15;
    const float step = d * float((low | (high >> (2 * j) & 3) << 4) - 32);
    for (int i = 0; i < 32; ++i) y[32 * j + i] = step * float(kCurve[nibble_at(b + 8 + 16 * j, i)]);
  }
}

void dequantize_row(WeightType type, const void* row, const float* scales, float* y, size_t count) {
  const uint8_t* bytes = static_cast<const uint8_t*>(row);
  if (type == WeightType::f32) {
    std::memcpy(y, row, count * sizeof(float));
  } else if (type == WeightType::f16 || type == WeightType::bf16) {
    for (size_t i = 0; i < count; ++i) {
      const uint16_t half = half_bits_at(bytes + 2 * i);
      y[i] = type == WeightType::f16 ? f16_to_f32(half) : bf16_to_f32(half);
    }
  } else if (has_scale_squares(type)) {
    const size_t square = size_t(scale_square(type));
    for (size_t i = 0; i < count; ++i) y[i] = f8_to_f32(bytes[i]) * scales[i / square];
  } else {
    const TypeRow& row_of = type_row(type);
    for (size_t i = 0; i < count; i += size_t(row_of.block), bytes += row_of.block_bytes)
      row_of.decode(bytes, y + i);
  }
}

}  // namespace weir
