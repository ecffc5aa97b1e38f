// Encoders of the blocks of 256 numbers, whose groups of 16 or 32 have multiples of the block's
// scale: Q2_K to Q6_K and IQ4_XS.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/quant/quantize_encoders.h"
#include "kernels/quant/quantize_search.h"
#include "kernels/quant/types.h"

namespace weir {
namespace {

constexpr int kBlock = 256;
constexpr int kMostGroups = 16;

// How a type divides its block.
struct Layout {
  Codes codes;
  bool is_curve = false;
  int groups;
  Codes multiples;  // of the block's scale, and where to begin the search for that
};

struct Plan {
  uint16_t scale, minimum;  // halves
  Steps steps[kMostGroups];
  uint8_t codes[kBlock];
};

// As in quantize_small.cpp, chosen by the errors they give.
constexpr Codes kSixBitScales = {.lowest = 0, .highest = 63, .first = 54, .step = 0.7f};
constexpr Codes kSignedScales = {.lowest = -32, .highest = 31, .first = -34, .step = 0.5f};
constexpr Layout kQ2 = {.codes = {.lowest = 0, .highest = 3, .first = 2.2f, .step = 0.2f},
                        .groups = 16,
                        .multiples = {.lowest = 0, .highest = 15, .first = 13, .step = 0.25f}};
constexpr Layout kQ3 = {.codes = {.lowest = -4, .highest = 3, .first = -6, .step = 0.2f},
                        .groups = 16,
                        .multiples = kSignedScales};
constexpr Layout kQ4 = {.codes = {.lowest = 0, .highest = 15, .first = 13.7f, .step = 0.25f},
                        .groups = 8,
                        .multiples = kSixBitScales};
constexpr Layout kQ5 = {.codes = {.lowest = 0, .highest = 31, .first = 29.5f, .step = 0.25f},
                        .groups = 8,
                        .multiples = kSixBitScales};
constexpr Layout kQ6 = {.codes = {.lowest = -32, .highest = 31, .first = -44, .step = 1},
                        .groups = 16,
                        .multiples = {.lowest = -128, .highest = 127, .first = -138, .step = 1.5f}};
constexpr Layout kXs = {.codes = {.lowest = 0, .highest = 15, .first = -170, .step = 4},
                        .is_curve = true,
                        .groups = 8,
                        .multiples = kSignedScales};

Group group_of(const float* x, const float* weights, const Layout& layout, int g) {
  const int count = kBlock / layout.groups;
  return {x + g * count, weights + g * count, count};
}

// The scale of a block from those wanted by its groups: the groups are 16 numbers whose codes are
// the multiples.
uint16_t block_scale(const float* wanted, const float* costs, const Codes& multiples) {
  return half_of_scale(search().scale({wanted, costs, kMostGroups}, multiples).scale);
}

// How many whole times `scale` goes into `wanted`.
int times(float wanted, float scale) {
  constexpr float kMost = 1000;  // any number beyond the multiples of every type
  return scale == 0 ? 0 : int(std::floor(std::clamp(wanted / scale, -kMost, kMost)));
}

// Types without minima.
void plan_scales(const float* x, const float* weights, const Layout& layout, Plan& plan) {
  alignas(64) float wanted[kMostGroups] = {}, costs[kMostGroups] = {};
  for (int g = 0; g < layout.groups; ++g) {
    const Group group = group_of(x, weights, layout, g);
    const Fit fit = layout.is_curve ? search().curve_scale(group, layout.codes)
                                    : search().scale(group, layout.codes);
    wanted[g] = fit.scale;
    costs[g] = fit.scale_cost;
  }
  plan.scale = block_scale(wanted, costs, layout.multiples);
  const float d = f16_to_f32(plan.scale);
  const int least = int(layout.multiples.lowest), most = int(layout.multiples.highest);
  for (int g = 0; g < layout.groups; ++g) {
    const Group group = group_of(x, weights, layout, g);
    uint8_t* codes = plan.codes + g * group.count;
    const Choice choice = {d, least, most, times(wanted[g], d) - 7};
    plan.steps[g].scale = layout.is_curve ? search().curve_multiple(group, choice)
                                          : search().multiple(group, layout.codes, choice);
    const float scale = d * float(plan.steps[g].scale);
    if (layout.is_curve)
      search().curve_encode(group, scale, codes);
    else
      search().encode(group, layout.codes, scale, 0, codes);
  }
}

// Types with minima.
void plan_lines(const float* x, const float* weights, const Layout& layout, Plan& plan) {
  alignas(64) float scales[kMostGroups] = {}, costs[kMostGroups] = {};
  alignas(64) float minima[kMostGroups] = {}, minimum_costs[kMostGroups] = {};
  for (int g = 0; g < layout.groups; ++g) {
    const Fit fit = search().line(group_of(x, weights, layout, g), layout.codes, true);
    scales[g] = fit.scale;
    costs[g] = fit.scale_cost;
    minima[g] = fit.minimum;
    minimum_costs[g] = fit.minimum_cost;
  }
  plan.scale = block_scale(scales, costs, layout.multiples);
  plan.minimum = block_scale(minima, minimum_costs, layout.multiples);
  const float d = f16_to_f32(plan.scale), least = f16_to_f32(plan.minimum);
  const int most = int(layout.multiples.highest);
  for (int g = 0; g < layout.groups; ++g) {
    const Group group = group_of(x, weights, layout, g);
    const Choice scale = {d, 0, most, times(scales[g], d) - 1};
    const Choice minimum = {least, 0, most, times(minima[g], least) - 1};
    const Steps steps = search().line_multiples(group, layout.codes, scale, minimum);
    plan.steps[g] = steps;
    search().encode(group, layout.codes, d * float(steps.scale), least * float(steps.minimum),
                    plan.codes + g * group.count);
  }
}

// Two bits of each code: four planes of 32 elements share 32 bytes, twice.
void put_two_bits(uint8_t* qs, const uint8_t* codes) {
  for (int half = 0; half < 2; ++half)
    for (int l = 0; l < 32; ++l) {
      const uint8_t* c = codes + 128 * half + l;
      qs[32 * half + l] =
          uint8_t((c[0] & 3) | (c[32] & 3) << 2 | (c[64] & 3) << 4 | (c[96] & 3) << 6);
    }
}

}  // namespace

void encoders::q2_k(const float* x, const float* weights, uint8_t* b) {
  Plan plan;
  plan_lines(x, weights, kQ2, plan);
  for (int g = 0; g < 16; ++g) b[g] = uint8_t(plan.steps[g].scale | plan.steps[g].minimum << 4);
  put_two_bits(b + 16, plan.codes);
  put_half(b + 80, plan.scale);
  put_half(b + 82, plan.minimum);
}

void encoders::q3_k(const float* x, const float* weights, uint8_t* b) {
  Plan plan;
  plan_scales(x, weights, kQ3, plan);
  for (int l = 0; l < 32; ++l) {
    unsigned mask = 0;
    for (int plane = 0; plane < 8; ++plane)
      mask |= unsigned(plan.codes[32 * plane + l] >> 2 & 1) << plane;
    b[l] = uint8_t(mask);
  }
  put_two_bits(b + 32, plan.codes);
  std::memset(b + 96, 0, 12);
  for (int k = 0; k < 16; ++k) {
    const int scale = plan.steps[k].scale + 32;
    b[96 + k % 8] |= uint8_t((scale & 15) << (k < 8 ? 0 : 4));
    b[104 + k % 4] |= uint8_t((scale >> 4) << (2 * (k / 4)));
  }
  put_half(b + 108, plan.scale);
}

namespace {

// Eight scales and eight minima of six bits in 12 bytes.
void put_six_bits(uint8_t* a, const Steps* steps) {
  for (int j = 0; j < 4; ++j) {
    const Steps low = steps[j], high = steps[j + 4];
    a[j] = uint8_t(low.scale | (high.scale >> 4) << 6);
    a[j + 4] = uint8_t(low.minimum | (high.minimum >> 4) << 6);
    a[j + 8] = uint8_t((high.scale & 15) | (high.minimum & 15) << 4);
  }
}

// The low four bits of 64 codes in 32 bytes, four times.
void put_nibbles(uint8_t* qs, const uint8_t* codes) {
  for (int part = 0; part < 4; ++part)
    for (int l = 0; l < 32; ++l)
      qs[32 * part + l] =
          uint8_t((codes[64 * part + l] & 15) | (codes[64 * part + 32 + l] & 15) << 4);
}

}  // namespace

void encoders::q4_k(const float* x, const float* weights, uint8_t* b) {
  Plan plan;
  plan_lines(x, weights, kQ4, plan);
  put_half(b, plan.scale);
  put_half(b + 2, plan.minimum);
  put_six_bits(b + 4, plan.steps);
  put_nibbles(b + 16, plan.codes);
}

void encoders::q5_k(const float* x, const float* weights, uint8_t* b) {
  Plan plan;
  plan_lines(x, weights, kQ5, plan);
  put_half(b, plan.scale);
  put_half(b + 2, plan.minimum);
  put_six_bits(b + 4, plan.steps);
  for (int l = 0; l < 32; ++l) {
    unsigned high = 0;
    for (int j = 0; j < 8; ++j) high |= unsigned(plan.codes[32 * j + l] >> 4) << j;
    b[16 + l] = uint8_t(high);
  }
  put_nibbles(b + 48, plan.codes);
}

void encoders::q6_k(const float* x, const float* weights, uint8_t* b) {
  Plan plan;
  plan_scales(x, weights, kQ6, plan);
  for (int half = 0; half < 2; ++half)
    for (int l = 0; l < 32; ++l) {
      const uint8_t* c = plan.codes + 128 * half + l;
      b[64 * half + l] = uint8_t((c[0] & 15) | (c[64] & 15) << 4);
      b[64 * half + 32 + l] = uint8_t((c[32] & 15) | (c[96] & 15) << 4);
      b[128 + 32 * half + l] =
          uint8_t(c[0] >> 4 | (c[32] >> 4) << 2 | (c[64] >> 4) << 4 | (c[96] >> 4) << 6);
    }
  for (int g = 0; g < 16; ++g) b[192 + g] = uint8_t(plan.steps[g].scale);
  put_half(b + 208, plan.scale);
}

void encoders::iq4_xs(const float* x, const float* weights, uint8_t* b) {
  Plan plan;
  plan_scales(x, weights, kXs, plan);
  put_half(b, plan.scale);
  unsigned high = 0;
  for (int j = 0; j < 8; ++j) high |= unsigned((plan.steps[j].scale + 32) >> 4) << (2 * j);
  put_half(b + 2, uint16_t(high));
  for (int j = 0; j < 4; ++j)
    b[4 + j] = uint8_t(((plan.steps[2 * j].scale + 32) & 15) |
                       ((plan.steps[2 * j + 1].scale + 32) & 15) << 4);
  for (int j = 0; j < 8; ++j)
    for (int l = 0; l < 16; ++l)
      b[8 + 16 * j + l] = uint8_t(plan.codes[32 * j + l] | plan.codes[32 * j + 16 + l] << 4);
}

}  // namespace weir
