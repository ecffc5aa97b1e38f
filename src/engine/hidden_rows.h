// The hidden states of one pass that somebody reads, kept until it is known which rows count.
#pragma once
#include <span>
#include <vector>

#include "model/block_observer.h"

namespace weir {

class HiddenRows : public BlockObserver {
 public:
  struct Wanted {
    int row, block;  // of the batch; -1: after the final norm
  };
  void clear() { wanted_.clear(); }
  void want(int row, int block) { wanted_.push_back({row, block}); }
  bool is_empty() const { return wanted_.empty(); }
  const std::vector<Wanted>& wanted() const { return wanted_; }
  // Of wanted()[i], [hidden].
  std::span<const float> states(size_t i) const {
    return std::span(states_).subspan(i * width_, width_);
  }
  void observe(int block, const Tensor& x) override;

 private:
  std::vector<Wanted> wanted_;
  std::vector<float> states_;
  size_t width_ = 0;
};

}  // namespace weir
