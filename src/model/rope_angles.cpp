#include "model/rope_angles.h"

#include <algorithm>

#include "base/check.h"
#include "base/div_up.h"

namespace weir {

constexpr int kStep = 256;  // positions made at a time

RopeAngles::RopeAngles(const RopeConfig& rope, int width, int positions)
    : frequencies_(rope_frequencies(rope, width)),
      amplitude_(rope_amplitude(rope)),
      positions_(positions),
      memory_(2 * size_t(positions) * frequencies_.size() * sizeof(float)) {}

void RopeAngles::require(int count) {
  CHECK_LE(count, positions_);
  if (ready_.load(std::memory_order_acquire) >= count) return;
  const std::lock_guard lock(mutex_);
  const int ready = ready_.load(std::memory_order_relaxed);
  const int end = std::min(positions_, round_up(count, kStep));
  if (ready >= end) return;
  float* cos = memory_.floats();
  float* sin = cos + size_t(positions_) * frequencies_.size();
  fill_rope_table(frequencies_, amplitude_, ready, end, cos, sin);
  ready_.store(end, std::memory_order_release);
}

}  // namespace weir
