#include "base/stop_signal.h"

#include <signal.h>

#include <atomic>

namespace weir {
namespace {

// Written by a signal handler on any thread: lock-free, hence safe there.
std::atomic<bool> stop_signalled{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_stop_signal(int signal_number) {
  if (!stop_signalled.exchange(true)) return;
  signal(signal_number, SIG_DFL);  // the second one: as without a handler, once this one returns
  raise(signal_number);
}

}  // namespace

void catch_stop_signals() {
  // Without SA_RESTART: a thread that waits for input gets to look at stop_requested().
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGXFSZ, SIG_IGN);
}

bool stop_requested() { return stop_signalled.load(std::memory_order_relaxed); }

}  // namespace weir
