// The angles of rotary positions for one configuration: plain, linear, YaRN, or Llama 3
// scaling.
#pragma once
#include <vector>

#include "config/config.h"

namespace weir {

// Frequency of each pair, [width / 2]: theta^(-2i/width), changed by the scaling.
//   linear: divided by the factor (Chen et al. 2023).
//   YaRN (Peng et al. 2023; DeepSeek's static form): interpolated below beta_slow rotations, kept
//   above beta_fast, a linear ramp between.     Llama 3: by wavelength, as in its reference code.
//   LongRoPE (Ding et al. 2024): divided by a factor of each pair.
std::vector<double> rope_frequencies(const RopeConfig& rope, int width);

// 0.1 mscale ln(factor) + 1: how YaRN makes up for the softer attention of longer contexts.
double yarn_mscale(double factor, double mscale);

// Factor on cos and sin: yarn's mscale / mscale_all_dim, 1 for every released DeepSeek model, or
// its attention_factor.
double rope_amplitude(const RopeConfig& rope);

// cos then sin, each [positions][width / 2].
void fill_rope_table(const RopeConfig& rope, int width, int positions, float* cos, float* sin);
// Positions [begin, end) of the same, of given frequencies and amplitude.
void fill_rope_table(const std::vector<double>& frequencies, double amplitude, int begin, int end,
                     float* cos, float* sin);

}  // namespace weir
