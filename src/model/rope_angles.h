// The angles of rotary positions of one model, computed when a position is first met: a model may
// have 131,072 positions, which take half a second, and a run a few hundred.
#pragma once
#include <atomic>
#include <mutex>
#include <vector>

#include "config/rope_table.h"
#include "tensor/buffer.h"

namespace weir {

class RopeAngles {
 public:
  RopeAngles(const RopeConfig& rope, int width, int positions);

  // Makes positions [0, count) ready. Any thread may call it while others read what is ready.
  void require(int count);
  // [positions][width / 2]; they do not move.
  const float* cos() const { return memory_.floats(); }
  const float* sin() const { return memory_.floats() + size_t(positions_) * frequencies_.size(); }

 private:
  const std::vector<double> frequencies_;
  const double amplitude_;
  const int positions_;
  Buffer memory_;
  std::mutex mutex_;
  std::atomic<int> ready_{0};
};

}  // namespace weir
