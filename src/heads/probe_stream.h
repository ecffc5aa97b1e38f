// One text under way through a head. Scores wait until somebody asks: of prompts only the last ones
// count.
#pragma once
#include <span>
#include <vector>

#include "guard/head.h"
#include "heads/pooled_states.h"
#include "heads/probe_head.h"

namespace weir {

class ProbeStream : public HeadStream {
 public:
  // The head outlives it.
  explicit ProbeStream(const ProbeHead& head)
      : head_(head),
        state_(head.width()),
        pooled_(2 * size_t(head.width())),
        scores_(head.categories().size(), 0.f) {}

  void push(std::span<const float> hidden) override {
    state_.push(hidden);
    is_scored_ = false;
  }
  std::span<const float> scores() const override {
    if (!is_scored_ && state_.tokens() > 0) {
      state_.write(pooled_);
      head_.score(pooled_, scores_);
    }
    is_scored_ = true;
    return scores_;
  }
  const PooledState& state() const { return state_; }
  // Goes on from here.
  void set_state(const PooledState& state) {
    state_ = state;
    is_scored_ = false;
  }

 private:
  const ProbeHead& head_;
  PooledState state_;
  mutable std::vector<float> pooled_, scores_;
  mutable bool is_scored_ = false;
};

}  // namespace weir
