#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <system_error>

#include "base/check.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

namespace weir {
namespace {

// Operations inside one step follow each other within microseconds, so a thread waits awake at
// first: a few microseconds without leaving the core, then offering it to others at every turn.
// After that it sleeps; the clock also runs while somebody else has the core, so that on a crowded
// machine a thread soon stops competing for it.
constexpr int64_t kSpin_ns = 5'000;
constexpr int64_t kYield_ns = 100'000;
constexpr int kPausesPerLook = 32;  // about a microsecond between two looks at the clock

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// True as soon as ready() is; false when it stayed false for the time above.
template <class Ready>
bool wait_awake(const Ready& ready) {
  for (int i = 0; i < kPausesPerLook; ++i) {
    if (ready()) return true;
    pause();
  }
  const int64_t began = monotonic_ns();
  for (;;) {
    int64_t waited = monotonic_ns() - began;
    if (waited > kYield_ns) return ready();
    if (waited > kSpin_ns) sched_yield();
    for (int i = 0; i < kPausesPerLook; ++i) {
      if (ready()) return true;
      pause();
    }
  }
}

// "200000 100000" is two cores; "max 100000" is no limit.
int cores_of_container() {
  auto text = read_file("/sys/fs/cgroup/cpu.max", 4096);
  if (!text) return INT32_MAX;
  std::vector<std::string> parts = split(trim(*text), ' ');
  if (parts.size() != 2) return INT32_MAX;
  auto quota = parse_double(parts[0]), period = parse_double(parts[1]);
  if (!quota || !period || *quota <= 0 || *period <= 0) return INT32_MAX;
  return int(std::min(1e6, std::max(1.0, std::ceil(*quota / *period))));
}

}  // namespace

int available_cores() {
  cpu_set_t set;
  int cores = sched_getaffinity(0, sizeof set, &set) == 0
                  ? CPU_COUNT(&set)
                  : int(std::thread::hardware_concurrency());
  return std::max(1, std::min(cores, cores_of_container()));
}

ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = available_cores();
  workers_.reserve(size_t(threads - 1));
  try {
    for (int t = 1; t < threads; ++t) workers_.emplace_back([this, t] { work(t); });
  } catch (const std::system_error&) {
    // The system has no more threads for us: those that started do the work.
  }
}

ThreadPool::~ThreadPool() {
  threads_ = int(workers_.size()) + 1;
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

// Why there is no race: an index is claimed by the fetch_sub in take_indices() alone. It reads from
// the store to unclaimed_ below (or from later fetch_subs, which continue that release sequence),
// so whoever gets an index sees the job it belongs to, even a worker that woke up for an earlier
// one. The next job is written only after unfinished_ reached 0, that is after everyone who held an
// index reported it. A worker that finds nothing unclaimed touches nothing of the job, so nobody
// waits for a worker that sleeps or has no core.
void ThreadPool::run(int count, Call call, const void* body) {
  CHECK(!in_run_.exchange(true, std::memory_order_acquire));  // one caller, no nested call
  count_ = count;
  call_ = call;
  body_ = body;
  unfinished_.store(count, std::memory_order_relaxed);
  unclaimed_.store(count);  // sequentially consistent, with sleeping_: see wait_for_work()
  if (int sleeping = sleeping_.load(); sleeping > 0) {
    std::lock_guard lock(mutex_);
    for (int i = std::min(sleeping, count - 1); i > 0; --i) wake_.notify_one();
  }
  take_indices(0);
  wait_for_end();
  in_run_.store(false, std::memory_order_release);
}

void ThreadPool::take_indices(int thread) {
  int finished = 0;
  // The load keeps idle threads from counting below zero without end.
  while (unclaimed_.load(std::memory_order_relaxed) > 0) {
    int left = unclaimed_.fetch_sub(1, std::memory_order_acq_rel);
    if (left <= 0) break;
    call_(body_, count_ - left, thread);
    ++finished;
  }
  // Until this report the job can not end, so every index above was of the same job.
  if (finished > 0 && unfinished_.fetch_sub(finished) == finished && caller_sleeps_.load()) {
    std::lock_guard lock(mutex_);
    end_.notify_one();
  }
}

void ThreadPool::work(int thread) {
  while (!stop_.load(std::memory_order_relaxed)) {
    take_indices(thread);
    wait_for_work();
  }
}

// No wake-up is lost: this thread announces itself in sleeping_ and then looks at unclaimed_; run()
// writes unclaimed_ and then looks at sleeping_. All four are sequentially consistent, so one of
// the two sees the other, and the mutex covers the moment between the look and the sleep.
void ThreadPool::wait_for_work() {
  auto ready = [this] {
    return unclaimed_.load(std::memory_order_relaxed) > 0 || stop_.load(std::memory_order_relaxed);
  };
  if (wait_awake(ready)) return;
  std::unique_lock lock(mutex_);
  sleeping_.fetch_add(1);
  wake_.wait(lock, [this] { return unclaimed_.load() > 0 || stop_.load(); });
  sleeping_.fetch_sub(1);
}

// The same handshake between caller_sleeps_ and unfinished_.
void ThreadPool::wait_for_end() {
  if (wait_awake([this] { return unfinished_.load(std::memory_order_acquire) == 0; })) return;
  std::unique_lock lock(mutex_);
  caller_sleeps_.store(true);
  end_.wait(lock, [this] { return unfinished_.load() == 0; });
  caller_sleeps_.store(false);
}

}  // namespace weir
