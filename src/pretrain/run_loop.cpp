#include "pretrain/run_loop.h"

#include "base/stop_signal.h"

namespace weir {

Result<bool> RunLoop::run_steps(int64_t last) {
  while (step_ < last) {
    const bool is_done = TRY(advance());
    step_ += is_done;
    const bool stops = !is_done || (stop_requested() && step_ < last);
    const bool is_due = stops || step_ % checkpoint_every_ == 0 || step_ == last;
    if (is_due && step_ > saved_) {
      TRY(save());
      saved_ = step_;
    }
    if (stops) return true;
  }
  return false;
}

}  // namespace weir
