// Rows of the compressed cache in its formats: every number is the nearest that the format has.
#include "ops/attention/row_codes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"
#include "kernels/quant/narrow_floats.h"

namespace weir {
namespace {

std::vector<float> through(const RowFormat& format, const std::vector<float>& x) {
  std::vector<std::byte> stored(format.bytes() + 1, std::byte(0xa5));
  encode_row(format, x.data(), stored.data());
  EXPECT_EQ(stored.back(), std::byte(0xa5));  // nothing behind the row
  std::vector<float> y(x.size());
  decode_row(format, stored.data(), y.data());
  return y;
}

std::vector<float> normal_row(int width, uint64_t seed) {
  Random random(seed, 0);
  std::vector<float> x(static_cast<size_t>(width));
  for (float& v : x) v = float(random.normal());
  return x;
}

// The distance to the nearest of `numbers` times the scale.
float nearest(const std::vector<float>& numbers, float scale, float x) {
  float best = INFINITY;
  for (float number : numbers) best = std::min(best, std::fabs(number * scale - x));
  return best;
}

std::vector<float> e4m3_numbers() {
  std::vector<float> all;
  for (int i = 0; i < 256; ++i)
    if ((i & 0x7f) != 0x7f) all.push_back(f8_to_f32(uint8_t(i)));
  return all;
}

// Bytes of a row of 512 and of an index key of 128: those of DeepSeek's serving.
TEST(RowCodes, RowsTakeThePublishedBytes) {
  EXPECT_EQ((RowFormat{RowNumbers::e4m3, 512, 64, 64}.bytes()), 584u);
  EXPECT_EQ((RowFormat{RowNumbers::e4m3, 512, 32, 0}.bytes()), 528u);
  EXPECT_EQ((RowFormat{RowNumbers::e2m1_fine, 512, 16, 0}.bytes()), 288u);
  EXPECT_EQ((RowFormat{RowNumbers::e2m1, 128, 0, 0}.bytes()), 68u);
}

TEST(RowCodes, EightBitsAreTheNearest) {
  const std::vector<float> numbers = e4m3_numbers();
  for (int width : {512, 44}) {
    const RowFormat format{RowNumbers::e4m3, width, 64, 12};
    const std::vector<float> x = normal_row(width, 3), y = through(format, x);
    for (int i = 0; i < width - 12; ++i) {
      float most = 1e-4f;
      for (int k = i / 64 * 64; k < std::min(i / 64 * 64 + 64, width - 12); ++k)
        most = std::max(most, std::fabs(x[size_t(k)]));
      const float scale = float(std::exp2(std::ceil(std::log2(double(most) / 448))));
      EXPECT_FLOAT_EQ(std::fabs(y[size_t(i)] - x[size_t(i)]), nearest(numbers, scale, x[size_t(i)]))
          << i;
    }
    for (int i = width - 12; i < width; ++i)
      EXPECT_EQ(y[size_t(i)], bf16_to_f32(f32_to_bf16(x[size_t(i)])));
  }
}

TEST(RowCodes, FourBitsAreTheNearest) {
  const std::vector<float> numbers = {0, .5f, 1, 1.5f, 2, 3, 4, 6, -.5f, -1, -1.5f, -2, -3, -4, -6};
  const std::vector<float> eight = e4m3_numbers();
  for (const bool is_fine : {false, true}) {
    const int block = is_fine ? 16 : 32;
    const RowFormat format{is_fine ? RowNumbers::e2m1_fine : RowNumbers::e2m1, 80, 0, 0};
    const std::vector<float> x = normal_row(80, 4), y = through(format, x);
    for (int i = 0; i < 80; ++i) {
      float most = 0;
      for (int k = i / block * block; k < std::min(i / block * block + block, 80); ++k)
        most = std::max(most, std::fabs(x[size_t(k)]));
      float scale = float(std::exp2(std::ceil(std::log2(double(most) / 6))));
      if (is_fine) {
        const float wanted = most / 6;
        float best = INFINITY;
        for (float number : eight)
          if (std::fabs(number - wanted) < std::fabs(best - wanted)) best = number;
        scale = best;
      }
      EXPECT_NEAR(std::fabs(y[size_t(i)] - x[size_t(i)]), nearest(numbers, scale, x[size_t(i)]),
                  1e-6)
          << is_fine << " " << i;
    }
  }
}

// Relative to the length of a row of normally distributed numbers.
TEST(RowCodes, ErrorsAreThoseOfTheFormats) {
  const std::vector<float> x = normal_row(512, 5);
  for (const auto& [format, most] : {std::pair(RowFormat{RowNumbers::f32, 512, 0, 0}, 0.),
                                     std::pair(RowFormat{RowNumbers::f16, 512, 0, 0}, 3e-4),
                                     std::pair(RowFormat{RowNumbers::bf16, 512, 0, 0}, 2.4e-3),
                                     std::pair(RowFormat{RowNumbers::q8, 512, 0, 0}, 7e-3),
                                     std::pair(RowFormat{RowNumbers::e4m3, 512, 64, 64}, 3e-2),
                                     std::pair(RowFormat{RowNumbers::e2m1_fine, 512, 0, 0}, 0.11),
                                     std::pair(RowFormat{RowNumbers::e2m1, 512, 0, 0}, 0.15)}) {
    const std::vector<float> y = through(format, x);
    double difference = 0, length = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      difference += std::pow(double(x[i]) - double(y[i]), 2);
      length += std::pow(double(x[i]), 2);
    }
    EXPECT_LE(std::sqrt(difference / length), most) << int(format.numbers);
  }
}

TEST(RowCodes, ZerosStayAndWhatIsNotFiniteIsSeen) {
  for (const RowFormat& format :
       {RowFormat{RowNumbers::q8, 48, 0, 0}, RowFormat{RowNumbers::e4m3, 48, 64, 8},
        RowFormat{RowNumbers::e2m1, 48, 0, 0}, RowFormat{RowNumbers::e2m1_fine, 48, 0, 0}}) {
    std::vector<float> x(48);
    EXPECT_EQ(through(format, x), x) << int(format.numbers);
    for (float bad : {INFINITY, std::numeric_limits<float>::quiet_NaN()}) {
      x[3] = bad;
      EXPECT_TRUE(std::isnan(through(format, x)[3])) << int(format.numbers);
    }
  }
}

}  // namespace
}  // namespace weir
