// The searches of quantize_search.h over the functions of one lanes_*-inl.h, included before it.
// Each of the 16 lanes is one candidate, and the numbers of the group pass by one after the other:
// sums stay in their lanes, and every instruction set adds in the same order.
#pragma once
#include "kernels/quant/quantize_search.h"
#include "kernels/quant/types.h"

namespace weir {
namespace {

// A group of smaller numbers is zero in every type (the smallest scale is 2^-24), and above it no
// square that matters below vanishes.
constexpr float kNothing = 0x1p-60f;

alignas(64) constexpr float kLane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

inline Lanes clamp(Lanes t, float lowest, float highest) {
  return max(min(t, splat(highest)), splat(lowest));
}

// Whole numbers: adding and subtracting 1.5 * 2^23 leaves the nearest one, ties to even.
struct WholeNumbers {
  float lowest, highest;
  Lanes value(Lanes t) const {
    const Lanes shift = splat(12582912.0f);
    return (clamp(t, lowest, highest) + shift) - shift;
  }
  Lanes code(Lanes t) const { return value(t) - splat(lowest); }
};

struct CurveValues {
  Lanes value(Lanes t) const {
    Lanes y = splat(kCurve[0]);
    for (int k = 1; k < 16; ++k)
      y = select_less(t, splat(0.5f * float(kCurve[k - 1] + kCurve[k])), y, splat(kCurve[k]));
    return y;
  }
  Lanes code(Lanes t) const {
    Lanes y = splat(0);
    for (int k = 1; k < 16; ++k)
      y = select_less(t, splat(0.5f * float(kCurve[k - 1] + kCurve[k])), y, splat(float(k)));
    return y;
  }
};

struct Extremes {
  float least, most;
};
inline Extremes extremes_of(const Group& g) {
  Lanes most = load(g.x), least = splat(0) - most;
  for (int i = 16; i < g.count; i += 16) {
    const Lanes x = load(g.x + i);
    most = max(most, x);
    least = max(least, splat(0) - x);
  }
  return {-lane_max(least), lane_max(most)};
}

// The first of the largest; no lane may be NaN.
inline int lane_of_largest(Lanes a) {
  const Lanes most = splat(lane_max(a));
  return -int(lane_max(select_less(a, most, splat(-15), splat(0) - load(kLane))));
}

// 1 / a, and 0 where a is 0 (then every code is worth the same) or so small that 1 / a is infinite.
inline Lanes inverse(Lanes a) {
  const Lanes zero = splat(0), size = max(a, zero - a);
  return select_less(splat(0x1p-120f), size, splat(1) / a, zero);
}

struct ScaleSums {
  Lanes product = splat(0), square = splat(0);  // sums of weight * code * x and weight * code^2
  template <class Values>
  ScaleSums(const Group& g, const Values& values, Lanes inverse_scale) {
    for (int i = 0; i < g.count; ++i) {
      const Lanes x = splat(g.x[i]);
      const Lanes q = values.value(x * inverse_scale), weighted = splat(g.weights[i]) * q;
      product = product + weighted * x;
      square = square + weighted * q;
    }
  }
};

// For given codes the error is least at scale = product / square, where it is smaller than that of
// zeros by product^2 / square.
template <class Values>
inline Fit fit_scale(const Group& g, const Values& values, float first, float step) {
  const Extremes r = extremes_of(g);
  const float extreme = r.most > -r.least ? r.most : r.least;
  if (!((extreme < 0 ? -extreme : extreme) >= kNothing)) return {};
  const ScaleSums sums(g, values, (splat(first) + splat(step) * load(kLane)) * splat(1 / extreme));
  const Lanes scale = sums.product * inverse(sums.square);
  alignas(64) float scales[16], squares[16];
  store(scales, scale);
  store(squares, sums.square);
  const int best = lane_of_largest(scale * sums.product);
  return {.scale = scales[best], .scale_cost = squares[best]};
}

Fit scale(const Group& g, const Codes& c) {
  return fit_scale(g, WholeNumbers{c.lowest, c.highest}, c.first, c.step);
}
Fit curve_scale(const Group& g, const Codes& c) {
  return fit_scale(g, CurveValues{}, c.first, c.step);
}

// x - base ~ scale * code + offset; loss is the error less that of zeros.
struct Line {
  Lanes scale, offset, loss;
};

struct LineSums {
  float weight = 0, x = 0;                                       // of w and w * x
  Lanes code = splat(0), square = splat(0), product = splat(0);  // of w * q, w * q^2, w * q * x
  LineSums(const Group& g, const WholeNumbers& values, float base, Lanes inverse_scale,
           Lanes from) {
    for (int i = 0; i < g.count; ++i) {
      const float w = g.weights[i], y = g.x[i] - base;
      const Lanes q = values.value((splat(y) - from) * inverse_scale), weighted = splat(w) * q;
      weight += w;
      x += w * y;
      code = code + weighted;
      square = square + weighted * q;
      product = product + weighted * splat(y);
    }
  }
  // Least squares: the errors' sum of squares is least where its derivatives by scale and offset
  // vanish, or, when the offset would exceed its limit, at the limit.
  Line solve(float most_offset) const {
    const Lanes w = splat(weight), sum = splat(x), limit = splat(most_offset), two = splat(2);
    // Codes that are all the same, or nearly so by weight, say nothing about the offset.
    const Lanes determinant = w * square - code * code, doubt = splat(1e-5f) * w * square;
    Lanes b = (square * sum - code * product) * inverse(determinant);
    b = min(select_less(doubt, determinant, b, splat(0)), limit);
    const Lanes s = (product - b * code) * inverse(square);
    const Lanes loss = s * (s * square + two * (b * code - product)) + b * (b * w - two * sum);
    return {s, b, loss};
  }
};

Fit line(const Group& g, const Codes& c, bool below_zero) {
  const Extremes r = extremes_of(g);
  const float base = below_zero && r.least > 0 ? 0 : r.least, width = r.most - base;
  if (!(width >= kNothing)) {
    LineSums sums(g, {0, 0}, 0, splat(0), splat(0));
    return {.minimum = -r.least, .minimum_cost = sums.weight};
  }
  const WholeNumbers values{0, c.highest};
  const float most_offset = below_zero ? -base : 3e38f;
  LineSums sums(g, values, base, (splat(c.first) + splat(c.step) * load(kLane)) * splat(1 / width),
                splat(0));
  Line found = sums.solve(most_offset);
  // The first candidates all begin at the smallest number; now each gets the codes that are nearest
  // under its own line.
  sums = LineSums(g, values, base, inverse(found.scale), found.offset);
  found = sums.solve(most_offset);
  alignas(64) float scales[16], offsets[16], squares[16];
  store(scales, found.scale);
  store(offsets, found.offset);
  store(squares, sums.square);
  const int best = lane_of_largest(splat(0) - found.loss);
  return {scales[best], -(base + offsets[best]), squares[best], sums.weight};
}

// The lane with the smallest error when lane k uses scales[k] and minima[k].
template <class Values>
inline int best_lane(const Group& g, const Values& values, Lanes scales, Lanes minima) {
  const Lanes inverse_scale = inverse(scales);
  Lanes error = splat(0);
  for (int i = 0; i < g.count; ++i) {
    const Lanes x = splat(g.x[i]) + minima;
    const Lanes rest = x - values.value(x * inverse_scale) * scales;
    error = error + splat(g.weights[i]) * rest * rest;
  }
  return lane_of_largest(splat(0) - error);
}

inline int limited(int i, const Choice& c) {
  return i < c.least ? c.least : i > c.most ? c.most : i;
}

template <class Values>
inline int best_multiple(const Group& g, const Values& values, const Choice& c) {
  alignas(64) float scales[16];
  for (int k = 0; k < 16; ++k) scales[k] = c.block_scale * float(limited(c.from + k, c));
  return limited(c.from + best_lane(g, values, load(scales), splat(0)), c);
}

int multiple(const Group& g, const Codes& c, const Choice& choice) {
  return best_multiple(g, WholeNumbers{c.lowest, c.highest}, choice);
}
int curve_multiple(const Group& g, const Choice& choice) {
  return best_multiple(g, CurveValues{}, choice);
}

Steps line_multiples(const Group& g, const Codes& c, const Choice& scale_choice,
                     const Choice& minimum_choice) {
  alignas(64) float scales[16], minima[16];
  for (int k = 0; k < 16; ++k) {
    scales[k] = scale_choice.block_scale * float(limited(scale_choice.from + k / 4, scale_choice));
    minima[k] =
        minimum_choice.block_scale * float(limited(minimum_choice.from + k % 4, minimum_choice));
  }
  const int best = best_lane(g, WholeNumbers{c.lowest, c.highest}, load(scales), load(minima));
  return {limited(scale_choice.from + best / 4, scale_choice),
          limited(minimum_choice.from + best % 4, minimum_choice)};
}

template <class Values>
inline void write_codes(const Group& g, const Values& values, float scale_of, float minimum,
                        uint8_t* codes) {
  const Lanes inverse_scale = inverse(splat(scale_of)), shift = splat(minimum);
  for (int i = 0; i < g.count; i += 16) {
    alignas(64) float q[16];
    store(q, values.code((load(g.x + i) + shift) * inverse_scale));
    for (int k = 0; k < 16; ++k) codes[i + k] = uint8_t(int(q[k]));
  }
}

void encode(const Group& g, const Codes& c, float scale_of, float minimum, uint8_t* codes) {
  write_codes(g, WholeNumbers{c.lowest, c.highest}, scale_of, minimum, codes);
}
void curve_encode(const Group& g, float scale_of, uint8_t* codes) {
  write_codes(g, CurveValues{}, scale_of, 0, codes);
}

constexpr Search make_search(const char* name) {
  return {
      .name = name,
      .scale = scale,
      .curve_scale = curve_scale,
      .line = line,
      .multiple = multiple,
      .curve_multiple = curve_multiple,
      .line_multiples = line_multiples,
      .encode = encode,
      .curve_encode = curve_encode,
  };
}

}  // namespace
}  // namespace weir
