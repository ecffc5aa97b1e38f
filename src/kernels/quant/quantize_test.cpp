// Encoders: how large the errors are, what importance buys, and rows that could break a search.
#include "kernels/quant/quantize.h"

#include <algorithm>
#include <cfloat>
#include <iterator>
#include <map>
#include <string>

#include "base/file.h"
#include "kernels/quant/quantize_search.h"
#include "kernels/quant/types.h"
#include "testing/kernel_support.h"

namespace weir {
namespace {

// The relative error (root of the sum of squares) that llama.cpp's encoders (ggml-quants.c, without
// importance) leave on testdata/quant_input.f32, in millionths and rounded up.
struct Reference {
  const char* name;
  int error;
};
constexpr Reference kReferences[] = {
    {"q8_0", 6945},  {"q4_0", 118841}, {"q4_1", 74718},   {"q5_0", 59800},
    {"q5_1", 35792}, {"q2_k", 275915}, {"q3_k", 186078},  {"q4_k", 70372},
    {"q5_k", 36975}, {"q6_k", 21414},  {"iq4_nl", 92747}, {"iq4_xs", 93698},
};

WeightType type_of(const Reference& reference) { return find_type(reference.name)->type; }

std::vector<float> decoded(WeightType type, const std::vector<uint8_t>& row, size_t count) {
  std::vector<float> y(count);
  dequantize_row(type, row.data(), nullptr, y.data(), count);
  return y;
}

std::vector<uint8_t> encoded(WeightType type, const std::vector<float>& x,
                             const float* importance = nullptr) {
  const size_t bytes = type_bytes(type, x.size());
  Guarded<uint8_t> row(bytes);
  quantize_row(type, x.data(), importance, x.size(), row.data());
  return std::vector<uint8_t>(row.data(), row.data() + bytes);
}

std::vector<float> stored(WeightType type, const std::vector<float>& x,
                          const float* importance = nullptr) {
  return decoded(type, encoded(type, x, importance), x.size());
}

// Sum of w (x - y)^2; without w all are 1.
double squares(const std::vector<float>& x, const std::vector<float>& y, const float* w = nullptr) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double e = double(x[i]) - double(y[i]);
    sum += (w ? double(w[i]) : 1) * e * e;
  }
  return sum;
}

double relative_error(const std::vector<float>& x, const std::vector<float>& y) {
  return std::sqrt(squares(x, y) / squares(x, std::vector<float>(x.size())));
}

std::vector<float> normal_row(Random& random, size_t count, float size = 0.02f) {
  std::vector<float> x(count);
  for (float& v : x) v = size * random.normal();
  return x;
}

std::vector<float> test_numbers() {
  const Result<std::string> file =
      read_file(std::string(WEIR_SOURCE_DIR) + "/src/kernels/testdata/quant_input.f32");
  if (!file) return {};
  std::vector<float> x(file->size() / sizeof(float));
  std::memcpy(x.data(), file->data(), file->size());
  return x;
}

// The bytes that PyPI's gguf package makes of the same numbers, by the name of the type.
std::map<std::string, std::vector<uint8_t>> golden_encodings() {
  const Result<std::string> file =
      read_file(std::string(WEIR_SOURCE_DIR) + "/src/kernels/testdata/quant_narrow.bin");
  std::map<std::string, std::vector<uint8_t>> all;
  for (size_t at = 0; file && at + 12 <= file->size();) {
    const std::string name(file->data() + at, strnlen(file->data() + at, 8));
    uint32_t blocks;
    std::memcpy(&blocks, file->data() + at + 8, 4);
    const size_t bytes = size_t(blocks) * size_t(find_type(name.c_str())->block_bytes);
    const auto begin = file->begin() + std::ptrdiff_t(at + 12);
    all[name].assign(begin, begin + std::ptrdiff_t(bytes));
    at += 12 + bytes;
  }
  return all;
}

TEST(Quantize, EveryEncoderHasAReference) {
  for (const TypeRow& row : kTypes) {
    const bool has_reference =
        std::any_of(std::begin(kReferences), std::end(kReferences),
                    [&](const Reference& r) { return type_of(r) == row.type; });
    const bool has_bytes = golden_encodings().contains(row.name);
    EXPECT_EQ(has_reference || has_bytes, row.encode != nullptr) << row.name;
  }
}

TEST(Quantize, TypesWithoutASearchHaveTheReferencesBytes) {
  const std::vector<float> x = test_numbers(), importance(x.size(), 0.3f);
  EXPECT_EQ(golden_encodings().size(), 3u);
  for (const auto& [name, bytes] : golden_encodings()) {
    EXPECT_EQ(encoded(find_type(name.c_str())->type, x), bytes) << name;
    EXPECT_EQ(encoded(find_type(name.c_str())->type, x, importance.data()), bytes) << name;
  }
}

// Below the smallest scale, and beyond the range.
TEST(Quantize, TypesWithoutASearchStayFinite) {
  for (WeightType type : {WeightType::mxfp4, WeightType::tq1_0, WeightType::tq2_0})
    for (float size : {0.0f, 1e-42f, 1e-9f, FLT_MAX, INFINITY, NAN}) {
      std::vector<float> x(256, size);
      x[7] = -size;
      for (float y : stored(type, x)) ASSERT_TRUE(std::isfinite(y)) << type_name(type);
    }
}

TEST(Quantize, ErrorIsNotLargerThanTheReferences) {
  const std::vector<float> x = test_numbers();
  ASSERT_EQ(x.size(), 1024u);
  for (const Reference& reference : kReferences) {
    const WeightType type = type_of(reference);
    const double error = relative_error(x, stored(type, x));
    RecordProperty(reference.name, std::to_string(error));
    EXPECT_LE(error * 1e6, reference.error) << reference.name;
    EXPECT_GE(error * 1e6, 0.85 * reference.error) << "too good to be true: " << reference.name;
  }
}

// Importance over three orders of magnitude, as mean squares of activations have it.
TEST(Quantize, ImportanceLowersTheWeightedError) {
  Random random(31, 0);
  for (int round = 0; round < 4; ++round) {
    const std::vector<float> x = normal_row(random, 4096);
    std::vector<float> importance(x.size());
    for (float& v : importance) v = std::exp(1.5f * random.normal());
    if (round % 2)  // columns that nothing ever met
      for (size_t i = 0; i < x.size(); i += 3) importance[i] = 0;
    const float* w = importance.data();
    for (const Reference& reference : kReferences) {
      const WeightType type = type_of(reference);
      const double with = squares(x, stored(type, x, w), w),
                   without = squares(x, stored(type, x), w);
      // Eight bits are rounded without a search.
      EXPECT_LE(with, (type == WeightType::q8_0 ? 1 : 0.95) * without) << reference.name;
    }
  }
}

TEST(Quantize, OnlyRatiosOfImportanceMatter) {
  Random random(32, 0);
  const std::vector<float> x = normal_row(random, 512);
  std::vector<float> importance(512), larger(512);
  for (size_t i = 0; i < 512; ++i) {
    importance[i] = 0.1f + random.uniform();
    larger[i] = importance[i] * 0x1p20f;
  }
  const std::vector<float> equal(512, 7), none(512, 0), infinite(512, INFINITY), nan(512, NAN);
  for (const Reference& reference : kReferences) {
    const WeightType type = type_of(reference);
    EXPECT_EQ(encoded(type, x, importance.data()), encoded(type, x, larger.data()));
    for (const std::vector<float>& useless : {equal, none, infinite, nan})
      EXPECT_EQ(encoded(type, x, useless.data()), encoded(type, x)) << reference.name;
  }
}

// With one scale a block, the codes that are there are among the candidates and cost nothing. Other
// types may find another scale or minimum, but what they lose is little beside the first loss.
TEST(Quantize, StoringAgainChangesNothingOrLittle) {
  Random random(33, 0);
  const std::vector<float> x = normal_row(random, 65536);
  for (const Reference& reference : kReferences) {
    const WeightType type = type_of(reference);
    const std::vector<float> once = stored(type, x), twice = stored(type, once);
    const bool has_one_scale =
        type == WeightType::q8_0 || type == WeightType::q4_0 || type == WeightType::q5_0;
    EXPECT_LE(relative_error(once, twice), has_one_scale ? 0 : 0.25 * relative_error(x, once))
        << reference.name;
  }
}

TEST(Quantize, PowersOfTwoMoveTheScaleOnly) {
  Random random(34, 0);
  const std::vector<float> x = normal_row(random, 1024, 1);
  std::vector<float> larger = x;
  for (float& v : larger) v *= 64;
  for (const Reference& reference : kReferences) {
    const WeightType type = type_of(reference);
    std::vector<float> expected = stored(type, x);
    for (float& v : expected) v *= 64;
    EXPECT_EQ(stored(type, larger), expected) << reference.name;
  }
}

TEST(Quantize, BlocksDoNotDependOnTheirNeighbours) {
  Random random(35, 0);
  const std::vector<float> x = normal_row(random, 1024);
  for (const Reference& reference : kReferences) {
    const WeightType type = type_of(reference);
    const std::vector<uint8_t> row = encoded(type, x);
    const std::vector<float> part(x.begin() + 256, x.begin() + 512);
    const std::vector<uint8_t> alone = encoded(type, part);
    const auto from = row.begin() + std::ptrdiff_t(type_bytes(type, 256));
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), from)) << reference.name;
  }
}

// Large enough for scales that are normal halves; below them every step is 2^-24.
TEST(Quantize, ConstantRowsAreStoredClosely) {
  for (const Reference& reference : kReferences)
    for (float value : {0.0f, 1.0f, -1.0f, 0.777f, -37.5f, 1000.0f}) {
      const std::vector<float> x(256, value);
      for (float y : stored(type_of(reference), x))
        ASSERT_NEAR(y, value, 0.001 * std::fabs(value)) << reference.name;
    }
}

struct AwkwardRow {
  const char* what;
  std::vector<float> x;
};

std::vector<AwkwardRow> awkward_rows() {
  Random random(36, 0);
  std::vector<AwkwardRow> rows;
  const std::vector<float> plain = normal_row(random, 512);
  auto with = [&](const char* what, auto change) {
    std::vector<float> x = plain;
    for (size_t i = 0; i < x.size(); ++i) change(x[i], i);
    rows.push_back({what, x});
  };
  with("one huge number", [](float& v, size_t i) { v = i == 77 ? 1e4f : v; });
  with("one huge negative number", [](float& v, size_t i) { v = i == 300 ? -1e4f : v; });
  with("zeros but for one", [](float& v, size_t i) { v = i == 5 ? 0.5f : 0.0f; });
  with("all positive", [](float& v, size_t) { v = std::fabs(v) + 0.1f; });
  with("all negative", [](float& v, size_t) { v = -std::fabs(v) - 0.1f; });
  with("two values", [](float& v, size_t i) { v = i % 2 ? 0.25f : -0.5f; });
  with("far from zero", [](float& v, size_t) { v = 100 + v; });
  with("small", [](float& v, size_t) { v *= 1e-4f; });
  with("near the smallest scale", [](float& v, size_t) { v *= 1e-6f; });
  with("below the smallest scale", [](float& v, size_t) { v *= 1e-9f; });
  with("denormal", [](float& v, size_t) { v *= 1e-40f; });
  with("groups of very different size", [](float& v, size_t i) { v *= i / 16 % 2 ? 1e3f : 1e-3f; });
  with("signed zeros", [](float& v, size_t i) { v = i % 2 ? 0.0f : -0.0f; });
  return rows;
}

// Any encoder can store zeros, so an error larger than the row itself is a fault of the search.
TEST(Quantize, AwkwardRowsAreFiniteAndBetterThanZeros) {
  Random random(37, 0);
  std::vector<float> importance(512);
  for (float& v : importance) v = random.below(4) == 0 ? 0.0f : std::exp(4 * random.normal());
  for (const AwkwardRow& row : awkward_rows()) {
    const double zeros = squares(row.x, std::vector<float>(row.x.size()));
    for (const Reference& reference : kReferences)
      for (const float* w : {(const float*)nullptr, (const float*)importance.data()}) {
        const std::vector<float> y = stored(type_of(reference), row.x, w);
        for (float v : y) ASSERT_TRUE(std::isfinite(v)) << reference.name << ", " << row.what;
        if (w) continue;
        EXPECT_LE(squares(row.x, y), zeros) << reference.name << ", " << row.what;
      }
  }
}

// A row near the smallest scale of 2^-24 keeps what the type can hold of it.
TEST(Quantize, SmallNumbersAreKeptAsFarAsTheTypeCan) {
  Random random(38, 0);
  const std::vector<float> x = normal_row(random, 2048, 0x1p-18f);
  for (const Reference& reference : kReferences)
    EXPECT_LT(relative_error(x, stored(type_of(reference), x)), 0.35) << reference.name;
}

TEST(Quantize, NumbersBeyondTheRangeSaturate) {
  std::vector<float> x(256, 1);
  x[3] = FLT_MAX;
  x[40] = -FLT_MAX;
  x[90] = INFINITY;
  x[130] = NAN;
  for (const Reference& reference : kReferences) {
    const std::vector<float> y = stored(type_of(reference), x);
    for (float v : y) ASSERT_TRUE(std::isfinite(v)) << reference.name;
    EXPECT_GT(y[3], 1e4f) << reference.name;
    EXPECT_LE(y[130], y[3]) << reference.name;
  }
  EXPECT_EQ(stored(WeightType::f16, {1e6f, -FLT_MAX, 2}), (std::vector<float>{65504, -65504, 2}));
}

TEST(Quantize, PlainFloatsAreRoundedToNearest) {
  Random random(39, 0);
  std::vector<float> x = normal_row(random, 1000, 1);
  EXPECT_EQ(stored(WeightType::f32, x), x);
  EXPECT_LT(relative_error(x, stored(WeightType::f16, x)), 0x1p-12);
  EXPECT_LT(relative_error(x, stored(WeightType::bf16, x)), 0x1p-9);
  EXPECT_EQ(stored(WeightType::bf16, {0x1.01p0f, 0x1.03p0f}), (std::vector<float>{1, 0x1.04p0f}));
  EXPECT_EQ(stored(WeightType::f16, {0x1.002p0f, 0x1.006p0f}), (std::vector<float>{1, 0x1.008p0f}));
}

// The tables that this machine can run, as kernels() would choose them.
std::vector<const Search*> fast_searches() {
  std::vector<const Search*> tables;
  if (avx2_kernels() && kAvx2Search) tables.push_back(kAvx2Search);
  if (avx512_kernels() && kAvx512Search) tables.push_back(kAvx512Search);
  return tables;
}

bool same(const Fit& a, const Fit& b) {
  return weir::same(a.scale, b.scale) && weir::same(a.minimum, b.minimum) &&
         weir::same(a.scale_cost, b.scale_cost) && weir::same(a.minimum_cost, b.minimum_cost);
}

TEST(Search, EveryInstructionSetFindsTheSame) {
  Random random(40, 0);
  const Codes codes = {-8, 7, -11, 0.3f}, line = {0, 15, 13.7f, 0.25f}, curve = {0, 15, -170, 4};
  const Search& plain = kScalarSearch;
  for (const Search* fast : fast_searches())
    for (int round = 0; round < 200; ++round) {
      const int count = round % 2 ? 16 : 32;
      const Floats x = round % 5 ? normals(random, size_t(count)) : awkward(random, size_t(count));
      Floats w{size_t(count)};
      for (int i = 0; i < count; ++i) w[size_t(i)] = random.uniform() + 0x1p-20f;
      const Group g = {x.data(), w.data(), count};
      const Fit fit = plain.scale(g, codes), wave = plain.curve_scale(g, curve);
      ASSERT_TRUE(same(fast->scale(g, codes), fit));
      ASSERT_TRUE(same(fast->curve_scale(g, curve), wave));
      for (bool below : {false, true})
        ASSERT_TRUE(same(fast->line(g, line, below), plain.line(g, line, below)));
      const Choice choice = {0.03f, -32, 31, round % 60 - 40},
                   positive = {0.03f, 0, 15, round % 15};
      ASSERT_EQ(fast->multiple(g, codes, choice), plain.multiple(g, codes, choice));
      ASSERT_EQ(fast->curve_multiple(g, choice), plain.curve_multiple(g, choice));
      const Steps a = fast->line_multiples(g, line, positive, positive);
      const Steps b = plain.line_multiples(g, line, positive, positive);
      ASSERT_TRUE(a.scale == b.scale && a.minimum == b.minimum);
      uint8_t out[2][32] = {};
      fast->encode(g, codes, fit.scale, 0.1f, out[0]);
      plain.encode(g, codes, fit.scale, 0.1f, out[1]);
      ASSERT_EQ(std::memcmp(out[0], out[1], 32), 0);
      fast->curve_encode(g, wave.scale, out[0]);
      plain.curve_encode(g, wave.scale, out[1]);
      ASSERT_EQ(std::memcmp(out[0], out[1], 32), 0);
    }
  if (fast_searches().empty()) GTEST_SKIP() << "this machine has the plain loops only";
}

// The smallest error over the candidates, by trying them one by one in double precision.
TEST(Search, FindsTheBestOfItsCandidates) {
  Random random(41, 0);
  const Codes codes = {-8, 7, -11, 0.3f};
  for (int round = 0; round < 50; ++round) {
    const std::vector<float> x = normal_row(random, 32, 1);
    const std::vector<float> w(32, 1);
    float extreme = 0;
    for (float v : x) extreme = std::fabs(v) > std::fabs(extreme) ? v : extreme;
    auto error = [&](double scale, double inverse) {
      double sum = 0;
      for (float v : x) {
        const double q = std::min(7.0, std::max(-8.0, std::nearbyint(v * inverse)));
        sum += (v - scale * q) * (v - scale * q);
      }
      return sum;
    };
    double best = 1e30;
    for (int k = 0; k < 16; ++k) {
      const double inverse = double(codes.first + codes.step * float(k)) / double(extreme);
      double product = 0, square = 0;
      for (float v : x) {
        const double q = std::min(7.0, std::max(-8.0, std::nearbyint(v * inverse)));
        product += q * v;
        square += q * q;
      }
      best = std::min(best, error(product / square, inverse));
    }
    const double scale = double(search().scale({x.data(), w.data(), 32}, codes).scale);
    EXPECT_LE(error(scale, 1 / scale), best * 1.0001);
  }
}

}  // namespace
}  // namespace weir
