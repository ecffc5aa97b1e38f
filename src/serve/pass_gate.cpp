#include "serve/pass_gate.h"

#include <algorithm>

#include "base/clock.h"

namespace weir {

void PassGate::Turn::begin() {
  std::unique_lock lock(gate_.mutex_);
  const int64_t now = monotonic_ns();
  if (gate_.holder_ == this)
    used_ns_ += now - began_ns_;
  else
    used_ns_ = std::max(used_ns_, gate_.least_ns_);
  if (gate_.holder_ && (gate_.holder_ != this || !gate_.waiting_.empty())) {
    gate_.waiting_.push_back(this);
    if (gate_.holder_ == this) gate_.hand_over();
    wake_.wait(lock, [&] { return gate_.holder_ == this; });
  }
  gate_.holder_ = this;
  gate_.least_ns_ = std::max(gate_.least_ns_, used_ns_);
  began_ns_ = monotonic_ns();
}

void PassGate::Turn::end() {
  std::lock_guard lock(gate_.mutex_);
  if (gate_.holder_ != this) return;
  used_ns_ += monotonic_ns() - began_ns_;
  gate_.holder_ = nullptr;
  gate_.hand_over();
}

// To the waiting one that has used the least; of equals, to the one that waits the longest.
void PassGate::hand_over() {
  if (waiting_.empty()) return;
  const auto next =
      std::min_element(waiting_.begin(), waiting_.end(),
                       [](const Turn* a, const Turn* b) { return a->used_ns_ < b->used_ns_; });
  holder_ = *next;
  waiting_.erase(next);
  holder_->wake_.notify_one();
}

}  // namespace weir
