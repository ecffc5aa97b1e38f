// The meaning of every stored type: quantized blocks against an independent decoder
// (tools/make_quant_golden.py), narrow floats against their definitions over all their values.
#include "kernels/quant/blocks.h"

#include <iterator>
#include <map>
#include <string>

#include "base/file.h"
#include "kernels/quant/narrow_floats.h"
#include "kernels/quant/types.h"
#include "testing/kernel_support.h"

namespace weir {
namespace {

struct Golden {
  std::vector<uint8_t> blocks;
  std::vector<float> numbers;
};

// By the name of the type; empty when the file cannot be read or breaks off.
std::map<std::string, Golden> read_goldens() {
  const Result<std::string> file =
      read_file(std::string(WEIR_SOURCE_DIR) + "/src/kernels/testdata/quant_blocks.bin");
  std::map<std::string, Golden> all;
  if (!file) return all;
  size_t at = 0;
  while (at + 12 <= file->size()) {
    const char* record = file->data() + at;
    const std::string name(record, strnlen(record, 8));
    uint32_t count;
    std::memcpy(&count, record + 8, 4);
    const TypeTraits* traits = find_type(name.c_str());
    if (!traits) return {};
    const size_t numbers = size_t(count) * size_t(traits->block);
    const size_t bytes = type_bytes(traits->type, numbers);
    at += 12 + bytes + 4 * numbers;
    if (at > file->size()) return {};
    Golden& golden = all[name];
    golden.blocks.assign(record + 12, record + 12 + bytes);
    golden.numbers.resize(numbers);
    std::memcpy(golden.numbers.data(), record + 12 + bytes, 4 * numbers);
  }
  return all;
}

bool has_blocks(const TypeTraits& traits) { return traits.block > 1; }

// Types that the package does not decode; tests of their own follow.
bool lacks_golden(const TypeTraits& traits) {
  return traits.type == WeightType::q1_0 || traits.type == WeightType::q2_0;
}

TEST(Blocks, DecodeToTheBitsOfAnIndependentDecoder) {
  const std::map<std::string, Golden> goldens = read_goldens();
  for (const TypeRow& row_of_type : kTypes) {
    const TypeTraits* traits = &row_of_type;
    if (!has_blocks(*traits) || lacks_golden(*traits)) continue;
    ASSERT_TRUE(goldens.contains(traits->name)) << "no golden blocks of " << traits->name;
    const Golden& golden = goldens.at(traits->name);
    const size_t count = golden.numbers.size();
    ASSERT_GE(count, size_t(traits->block) * 16);
    Guarded<uint8_t> row(golden.blocks.size());
    std::memcpy(row.data(), golden.blocks.data(), row.size());
    Floats decoded(count);
    dequantize_row(traits->type, row.data(), nullptr, decoded.data(), count);
    for (size_t i = 0; i < count; ++i)
      ASSERT_TRUE(same(decoded[i], golden.numbers[i]))
          << traits->name << " block " << i / size_t(traits->block) << " number "
          << i % size_t(traits->block) << ": " << decoded[i] << " should be " << golden.numbers[i];
    for (const Kernels* table : all_tables()) {
      Floats fast(count);
      table->dequantize(traits->type, row.data(), nullptr, fast.data(), count);
      EXPECT_TRUE(same(fast, decoded)) << table->name << ' ' << traits->name;
    }
  }
}

// ggml-common.h and ggml-quants.c of llama.cpp: the lowest bits first; a bit is the sign, and two
// bits are -1, 0, 1 or 2.
TEST(Blocks, OneAndTwoBitsFollowTheirDefinition) {
  std::vector<uint8_t> one = {0x00, 0x3c}, two = {0x00, 0xbc};  // 1 and -1 as halves
  for (int i = 0; i < 16; ++i) one.push_back(uint8_t(17 * i + 5)), two.push_back(uint8_t(29 * i));
  for (const Kernels* table : all_tables()) {
    Floats y(128);
    table->dequantize(WeightType::q1_0, one.data(), nullptr, y.data(), 128);
    for (size_t i = 0; i < 128; ++i)
      EXPECT_EQ(y[i], (17 * (i / 8) + 5) >> i % 8 & 1 ? 1 : -1) << table->name << ' ' << i;
    table->dequantize(WeightType::q2_0, two.data(), nullptr, y.data(), 64);
    for (size_t i = 0; i < 64; ++i)
      EXPECT_EQ(y[i], 1 - float(29 * (i / 4) % 256 >> 2 * (i % 4) & 3)) << table->name << ' ' << i;
  }
}

TEST(Blocks, TypesAreFoundByValueAndByName) {
  int types = 0;
  for (int value = -1; value < 300; ++value) {
    const TypeTraits* traits = find_type(value);
    if (!traits) continue;
    ++types;
    EXPECT_EQ(int(traits->type), value);
    EXPECT_EQ(find_type(traits->name), traits);
    EXPECT_EQ(type_bytes(traits->type, 512), size_t(512 / traits->block * traits->block_bytes));
  }
  EXPECT_EQ(types, int(std::size(kTypes)));
  EXPECT_EQ(types, 30);
  EXPECT_EQ(find_type(15), nullptr);
  EXPECT_EQ(find_type("q8_1"), nullptr);
}

// What the loops over the table rely on.
TEST(Blocks, RowsOfTheTableAreComplete) {
  for (const TypeRow& row : kTypes) {
    EXPECT_EQ(row.decode != nullptr, has_blocks(row)) << row.name;
    if (has_integer_products(row.type)) {
      EXPECT_NE(row.encode, nullptr) << row.name;
    }
    EXPECT_TRUE(*row.dtype || has_blocks(row)) << row.name << " is in no file";
    const TypeRow& stand_in = type_row(row.stand_in);
    EXPECT_LE(stand_in.block, 32) << row.name;
    EXPECT_EQ(row.block % stand_in.block, 0) << row.name;
    EXPECT_STREQ(type_row(row.type).name, row.name) << "its number is there twice";
  }
}

// IEEE 754: sign, exponent with the given bias, mantissa; no special values.
double value_of(int sign, int exponent, int bias, int mantissa, int mantissa_bits) {
  const double fraction = std::ldexp(double(mantissa), -mantissa_bits);
  const double size =
      exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias);
  return sign ? -size : size;
}

double half_value(int h) { return value_of(h >> 15, h >> 10 & 31, 15, h & 1023, 10); }

TEST(Blocks, HalvesFollowTheirDefinition) {
  std::vector<uint16_t> halves(65536);
  for (size_t h = 0; h < 65536; ++h) halves[h] = uint16_t(h);
  std::vector<float> f16(65536), bf16(65536);
  dequantize_row(WeightType::f16, halves.data(), nullptr, f16.data(), 65536);
  dequantize_row(WeightType::bf16, halves.data(), nullptr, bf16.data(), 65536);
  for (int h = 0; h < 65536; ++h) {
    ASSERT_EQ(bits(bf16[size_t(h)]), uint32_t(h) << 16);
    const float f = f16[size_t(h)];
    ASSERT_EQ(std::signbit(f), h >> 15);
    if ((h >> 10 & 31) == 31)
      ASSERT_TRUE((h & 1023) ? std::isnan(f) : std::isinf(f)) << h;
    else
      ASSERT_EQ(double(f), half_value(h)) << h;
  }
}

TEST(Blocks, BytesOfE4M3FollowTheirDefinition) {
  std::vector<uint8_t> bytes(256);
  for (size_t b = 0; b < 256; ++b) bytes[b] = uint8_t(b);
  const float scales[] = {0.375f, -3};  // of the first and the second 128 numbers
  std::vector<float> numbers(256);
  dequantize_row(WeightType::f8_e4m3, bytes.data(), scales, numbers.data(), 256);
  for (int b = 0; b < 256; ++b) {
    const double value = value_of(b >> 7, b >> 3 & 15, 7, b & 7, 3);
    if ((b & 127) == 127)
      EXPECT_TRUE(std::isnan(numbers[size_t(b)]));
    else
      EXPECT_EQ(double(numbers[size_t(b)]), value * double(scales[b / 128])) << b;
  }
  EXPECT_EQ(f8_to_f32(0x7e), 448);
  EXPECT_EQ(f8_to_f32(0x01), 0x1p-9f);
  EXPECT_TRUE(std::signbit(f8_to_f32(0x80)));
}

TEST(NarrowFloats, EveryHalfSurvivesTheRoundTrip) {
  for (int h = 0; h < 65536; ++h) {
    const uint16_t half = uint16_t(h);
    if (std::isnan(f16_to_f32(half)))
      ASSERT_EQ(f32_to_f16(f16_to_f32(half)), half | 0x200) << "quiet, same payload";
    else
      ASSERT_EQ(f32_to_f16(f16_to_f32(half)), half);
    if (std::isnan(bf16_to_f32(half)))
      ASSERT_EQ(f32_to_bf16(bf16_to_f32(half)), half | 0x40) << "quiet, same payload";
    else
      ASSERT_EQ(f32_to_bf16(bf16_to_f32(half)), half);
  }
}

// For neighbours h and h + 1: what lies between goes to the nearer, the middle to the even one.
template <class Narrow>
void expect_nearest(int h, float middle, Narrow narrow) {
  for (int sign : {0, 0x8000}) {
    const float s = sign ? -1.0f : 1.0f;
    ASSERT_EQ(narrow(s * middle), sign | (h + (h & 1))) << middle;
    ASSERT_EQ(narrow(s * std::nextafter(middle, 0.0f)), sign | h) << middle;
    ASSERT_EQ(narrow(s * std::nextafter(middle, INFINITY)), sign | (h + 1)) << middle;
  }
}

TEST(NarrowFloats, RoundingGoesToTheNearestAndFromTheMiddleToTheEven) {
  // h + 1 beyond the largest finite number is infinity, which takes the place of the next power.
  for (int h = 0; h < 0x7c00; ++h) {
    const double next = h + 1 == 0x7c00 ? 65536 : half_value(h + 1);
    expect_nearest(h, float(0.5 * (half_value(h) + next)), f32_to_f16);
  }
  for (int h = 0; h < 0x7f80; ++h) {
    const uint32_t between = uint32_t(h) << 16 | 0x8000;
    expect_nearest(h, std::bit_cast<float>(between), f32_to_bf16);
  }
}

TEST(NarrowFloats, BeyondTheRangeIsInfinityAndBelowItIsZero) {
  for (float x : {65520.0f, 1e6f, 3e38f, INFINITY}) {
    EXPECT_EQ(f32_to_f16(x), 0x7c00) << x;
    EXPECT_EQ(f32_to_f16(-x), 0xfc00) << x;
  }
  EXPECT_EQ(f32_to_f16(65519.99f), 0x7bff);
  EXPECT_EQ(f32_to_bf16(3.4e38f), 0x7f80);
  EXPECT_EQ(f32_to_bf16(-INFINITY), 0xff80);
  for (float x : {0x1p-25f, 0x1p-149f, 0.0f}) {
    EXPECT_EQ(f32_to_f16(x), 0) << x;
    EXPECT_EQ(f32_to_f16(-x), 0x8000) << x;
  }
  EXPECT_EQ(f32_to_f16(0x1.8p-25f), 1);
}

}  // namespace
}  // namespace weir
