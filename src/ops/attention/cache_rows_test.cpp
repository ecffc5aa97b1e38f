// Vectors in pages of every type: what is read back, by the layout's own words, is what was stored,
// up to the error of the type.
#include "ops/attention/cache_rows.h"

#include <cmath>

#include "base/random.h"
#include "testing/narrow_cache.h"

namespace weir {
namespace {

constexpr CacheType kTypes[] = {CacheType::f32, CacheType::f16, CacheType::bf16, CacheType::q8,
                                CacheType::q4};

CacheLayout layout_of(CacheForm form, CacheType type) {
  CacheWidths widths;
  widths.layers = 1, widths.heads = 1;
  widths.key_own = 80, widths.key_shared = 32, widths.value = 112;
  widths.rank = 96, widths.rope = 32, widths.index = 64;
  return *CacheLayout::make(widths, form, type);
}

// Relative to the length of what was stored: half of the last of 11 and 8 bits; for numbers that
// are distributed normally 127 steps of at most 3.2 deviations, and the best 16 values.
double error_of(CacheType type) {
  switch (type) {
    case CacheType::f32:
      return 0;
    case CacheType::f16:
      return 4.9e-4;
    case CacheType::bf16:
      return 3.95e-3;
    case CacheType::q8:
      return 0.009;
    case CacheType::q4:
      return 0.13;
    case CacheType::deepseek:  // of compressed attention alone
      break;
  }
  return 0;
}

double distance(const std::vector<float>& x, const std::vector<float>& y) {
  double difference = 0, length = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    difference += std::pow(double(x[i]) - double(y[i]), 2);
    length += std::pow(double(x[i]), 2);
  }
  return std::sqrt(difference / length);
}

using Store = void (*)(const CacheVector&, void*, int, float*);

void expect_stored(const CacheVector& v, Kept kept, Store store, double outlier) {
  Random random(5, uint64_t(v.width));
  std::vector<float> page(v.page_bytes() / sizeof(float) + 16);
  std::memset(page.data(), 0xff, page.size() * sizeof(float));
  std::vector<std::vector<float>> all;
  // In an order that fills both halves of shared bytes.
  for (int k = 0; k < kCachePage; ++k) {
    const int at = k * 13 % kCachePage;
    std::vector<float> x(static_cast<size_t>(v.width));
    for (float& number : x) number = random.normal() * float(1 + at);
    x[3] += float(outlier * (1 + at));
    all.push_back(x);
    store(v, page.data(), at, x.data());
  }
  for (int k = 0; k < kCachePage; ++k) {
    const auto found = vector_at(v, page.data(), kept, k * 13 % kCachePage);
    EXPECT_LE(distance(all[size_t(k)], found), error_of(v.type))
        << cache_type_name(v.type) << " " << int(kept) << " " << k;
  }
  for (size_t i = 0; i < 16; ++i)  // nothing was written behind
    ASSERT_TRUE(std::isnan(page[page.size() - 1 - i]));
}

TEST(CacheRows, WhatIsStoredIsReadBack) {
  for (CacheType type : kTypes)
    for (double outlier : {0.0, 60.0}) {  // of one coordinate, as keys have them
      const CacheLayout expanded = layout_of(CacheForm::expanded, type);
      expect_stored(expanded.key, Kept::panel, store_in_panel, outlier);
      expect_stored(expanded.value, Kept::pairs, store_in_pairs, outlier);
      expect_stored(layout_of(CacheForm::latent, type).key, Kept::rows, store_in_rows, outlier);
    }
}

TEST(CacheRows, RotationIsOrthogonalAndSpreads) {
  const CacheVector v = layout_of(CacheForm::expanded, CacheType::q8).key;
  ASSERT_EQ(v.parts, 3);  // 64 + 16, 32
  Random random(6, 0);
  std::vector<float> x(static_cast<size_t>(v.width)), y(x.size());
  for (size_t i = 0; i < x.size(); ++i) x[i] = random.normal(), y[i] = random.normal();
  std::vector<float> u = x, w = y;
  rotate(v, u.data()), rotate(v, w.data());
  double before = 0, after = 0, apart = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    before += double(x[i]) * double(y[i]);
    after += double(u[i]) * double(w[i]);
    apart += std::fabs(x[i] - u[i]);
  }
  EXPECT_NEAR(before, after, 1e-4);
  EXPECT_GT(apart, 10);
  rotate_back(v, u.data());
  for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(u[i], x[i], 1e-5);
  std::fill(x.begin(), x.end(), 0.f);
  x[5] = 8;
  rotate(v, x.data());
  for (size_t i = 0; i < 64; ++i) EXPECT_NEAR(std::fabs(x[i]), 1, 1e-6) << i;
  for (size_t i = 64; i < x.size(); ++i) EXPECT_EQ(x[i], 0) << i;
}

TEST(CacheRows, ZerosStayAndWhatIsNotFiniteShows) {
  for (CacheType type : {CacheType::q8, CacheType::q4}) {
    int8_t codes[32];
    const float zeros[32] = {};
    EXPECT_EQ(encode_part(type, zeros, 32, codes), 0);
    for (float bad : {NAN, INFINITY}) {
      float x[32] = {1};
      x[7] = bad;
      EXPECT_TRUE(std::isnan(encode_part(type, x, 32, codes)));
    }
  }
}

TEST(CacheLayout, SizesAreTheSumOfTheirNumbers) {
  CacheWidths widths;
  widths.layers = 27, widths.heads = 16;
  widths.key_own = 128, widths.key_shared = 64, widths.value = 128;
  widths.rank = 512, widths.rope = 64;
  const auto bits = [&](CacheForm form, CacheType type) {
    const double numbers = form == CacheForm::latent ? 576 : 16 * 320;
    return 8. * double(CacheLayout::make(widths, form, type)->page_bytes) / (27 * 32 * numbers);
  };
  for (CacheForm form : {CacheForm::expanded, CacheForm::latent}) {
    EXPECT_EQ(bits(form, CacheType::f32), 32);
    EXPECT_EQ(bits(form, CacheType::f16), 16);
    EXPECT_EQ(bits(form, CacheType::bf16), 16);
    EXPECT_NEAR(bits(form, CacheType::q8), 8.2, 0.11);
    EXPECT_NEAR(bits(form, CacheType::q4), 4.2, 0.11);
  }
  widths.index = 128;
  EXPECT_EQ(CacheLayout::make(widths, CacheForm::latent, CacheType::q4)->index.type, CacheType::q8);
}

TEST(CacheLayout, RefusesWidthsThatATypeCanNotHave) {
  CacheWidths widths;
  widths.layers = 1, widths.heads = 1, widths.key_own = 24, widths.value = 32;
  EXPECT_TRUE(CacheLayout::make(widths, CacheForm::expanded, CacheType::f32).has_value());
  for (CacheType type : {CacheType::f16, CacheType::bf16, CacheType::q8, CacheType::q4}) {
    const auto made = CacheLayout::make(widths, CacheForm::expanded, type);
    ASSERT_FALSE(made.has_value());
    EXPECT_NE(made.error().message.find("multiples of 16"), std::string::npos)
        << made.error().message;
  }
  EXPECT_FALSE(CacheLayout::make(widths, CacheForm::latent, CacheType::f32).has_value());
  EXPECT_FALSE(find_cache_type("q5").has_value());
  for (CacheType type : kTypes) EXPECT_EQ(*find_cache_type(cache_type_name(type)), type);
}

}  // namespace
}  // namespace weir
