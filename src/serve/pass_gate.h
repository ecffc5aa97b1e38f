// Turns of several engines on the same cores. A pass keeps every core busy and waits for all of its
// threads, so two passes at once would wait for each other's; with a gate one runs at a time.
//
// Turns are fair in time, not in passes: whoever has used the least begins the next pass, so a
// small model makes many passes for one of a large model (start-time fair queueing: Goyal, Vin and
// Cheng 1996). An engine that was idle has no credit for it.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

namespace weir {

class PassGate {
 public:
  // An engine's place, of one thread. The gate outlives it.
  class Turn {
   public:
    explicit Turn(PassGate& gate) : gate_(gate) {}
    ~Turn() { end(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    // Before each pass: waits until it may run. What went by since the last begin() counts as its
    // time.
    void begin();
    // There is nothing to do: others go on.
    void end();

   private:
    friend class PassGate;
    PassGate& gate_;
    int64_t used_ns_ = 0;  // virtual: never behind those of others that were busy meanwhile
    int64_t began_ns_ = 0;
    std::condition_variable wake_;
  };

 private:
  void hand_over();
  std::mutex mutex_;
  Turn* holder_ = nullptr;  // guarded, as are the turns' times
  std::vector<Turn*> waiting_;
  int64_t least_ns_ = 0;  // the virtual time of the pass that began last
};

}  // namespace weir
