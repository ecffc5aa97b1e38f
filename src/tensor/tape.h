// Backward steps in the order the forward pass made them. A step is a closure of handles and
// pointers, placed in the arena, so recording costs a few nanoseconds and nothing is freed one by
// one.
#pragma once
#include <new>
#include <type_traits>
#include <vector>

#include "base/arena.h"
#include "base/zones.h"

namespace weir {

class Tape {
 public:
  explicit Tape(Arena& arena) : arena_(arena) {}

  template <class Step>
  void record(Step step) {
    static_assert(std::is_trivially_destructible_v<Step>,
                  "capture tensors, pointers and numbers only");
    auto* at = new (arena_.take(sizeof(Step))) Step(step);
    steps_.push_back({[](void* s) { (*static_cast<Step*>(s))(); }, at, current_zone()});
  }
  // Runs the steps last to first and forgets them.
  void backward() {
    const Zone zone("backward");
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
      const Zone of_step(step->zone ? step->zone : "step");
      step->call(step->closure);
    }
    steps_.clear();
  }
  size_t size() const { return steps_.size(); }

 private:
  struct Entry {
    void (*call)(void*);
    void* closure;
    const char* zone;  // the forward's; null unless it was traced
  };
  Arena& arena_;
  std::vector<Entry> steps_;
};

}  // namespace weir
