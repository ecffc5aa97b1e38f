// The loop of weir train and of every stage of weir r1: steps until the last one or until the
// process is asked to stop, with a checkpoint whenever one is due, after the last step, and before
// stopping.
#pragma once
#include <cstdint>

#include "base/result.h"

namespace weir {

class RunLoop {
 public:
  explicit RunLoop(int64_t checkpoint_every) : checkpoint_every_(checkpoint_every) {}
  virtual ~RunLoop() = default;
  int64_t step() const { return step_; }  // done

 protected:
  // Steps step() to `last`. True when a stop was requested before; everything is saved then.
  Result<bool> run_steps(int64_t last);
  // The steps of the checkpoint that is continued.
  void continue_after(int64_t step) { step_ = saved_ = step; }

  // Makes step number step() + 1. False: a stop was requested before anything was learned.
  virtual Result<bool> advance() = 0;
  // Writes a checkpoint of the steps done so far.
  virtual Result<void> save() = 0;

 private:
  int64_t checkpoint_every_;
  int64_t step_ = 0, saved_ = 0;  // saved: of the newest checkpoint
};

}  // namespace weir
