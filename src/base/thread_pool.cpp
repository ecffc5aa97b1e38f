#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>

namespace weir {
namespace {

// How long a worker waits awake for the next job. Operations inside one step follow each other
// within microseconds; between steps or while a user types, workers sleep.
constexpr int kSpins = 20000;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

int available_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, int(std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = available_cores();
  for (int t = 1; t < threads; ++t) workers_.emplace_back([this, t] { work(t); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (auto& w : workers_) w.join();
}

void ThreadPool::run(int count, Call call, const void* body) {
  count_ = count;
  call_ = call;
  body_ = body;
  next_.store(0, std::memory_order_relaxed);
  busy_.store(int(workers_.size()), std::memory_order_relaxed);
  epoch_.fetch_add(1);  // sequentially consistent: pairs with the check in work() before sleeping
  if (sleeping_.load() > 0) {
    std::lock_guard lock(mutex_);
    wake_.notify_all();
  }
  for (int i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count;) call(body, i, 0);
  int spins = 0;
  while (busy_.load(std::memory_order_acquire) != 0)
    if (++spins < kSpins) pause();
    else sched_yield();
}

void ThreadPool::work(int thread) {
  uint64_t seen = 0;
  for (;;) {
    int spins = 0;
    while (epoch_.load(std::memory_order_acquire) == seen && !stop_) {
      if (++spins < kSpins) {
        pause();
        continue;
      }
      std::unique_lock lock(mutex_);
      sleeping_.fetch_add(1);
      wake_.wait(lock, [&] { return epoch_.load() != seen || stop_; });
      sleeping_.fetch_sub(1);
    }
    if (stop_) return;
    seen = epoch_.load(std::memory_order_acquire);
    for (int i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) call_(body_, i, thread);
    busy_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace weir
