#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <system_error>

#include "base/check.h"
#include "base/clock.h"
#include "base/topology.h"
#include "base/zones.h"

namespace weir {
namespace {

// Operations inside one step follow each other within microseconds, and to wake a sleeping thread
// takes 5 to 100 us, so a thread waits awake at first. Now and then it offers its core to others,
// more and more rarely while nobody takes it. A thread that finds that somebody else had its core,
// be it after such an offer or by a jump of the clock, sleeps instead: awake it would take time
// from that program or, worse, from the thread of its own pool that everybody waits for.
constexpr int64_t kAwake_ns = 1'000'000;
constexpr int64_t kFirstOffer_ns = 5'000, kOffers_ns = 40'000;
constexpr int64_t kOthers_ns = 2'000;  // an offer that nobody takes lasts 0.3 to 1 us
constexpr int64_t kTaken_ns = 30'000;
constexpr int kPausesPerLook = 32;  // about a microsecond between two looks at the clock

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// True as soon as ready() is; false when it stayed false for the time above.
template <class Ready>
bool wait_awake(const Ready& ready) {
  auto watch = [&] {
    for (int i = 0; i < kPausesPerLook; ++i) {
      if (ready()) return true;
      pause();
    }
    return false;
  };
  if (watch()) return true;
  const int64_t began = monotonic_ns();
  int64_t seen = began, offered = began, patience = kFirstOffer_ns;
  for (;;) {
    if (watch()) return true;
    int64_t now = monotonic_ns();
    if (now - seen > kTaken_ns || now - began > kAwake_ns) return ready();
    if (now - offered > patience) {
      sched_yield();
      offered = monotonic_ns();
      if (offered - now > kTaken_ns) return ready();
      patience = offered - now > kOthers_ns ? kFirstOffer_ns : std::min(2 * patience, kOffers_ns);
      now = offered;
    }
    seen = now;
  }
}

// WEIR_PIN=1 binds each worker to a processor. "", "0" and no value: the system places the threads.
bool wants_pinning() {
  const char* value = std::getenv("WEIR_PIN");
  return value && *value && std::string(value) != "0";
}

// Fails silently: where the system refuses, it places the thread.
void pin(pthread_t thread, int cpu) {
  if (cpu >= CPU_SETSIZE) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(size_t(cpu), &set);
  pthread_setaffinity_np(thread, sizeof set, &set);
}

}  // namespace

int available_cores() { return default_threads(read_topology()); }

ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = available_cores();
  workers_.reserve(size_t(threads - 1));
  try {
    for (int t = 1; t < threads; ++t) workers_.emplace_back([this, t] { work(t); });
  } catch (const std::system_error&) {
    // The system has no more threads for us: those that started do the work.
  }
  threads_ = int(workers_.size()) + 1;
  if (workers_.empty() || !wants_pinning()) return;
  // The first processor of the order is left to the caller, who is not bound: what it starts later
  // would inherit that.
  const std::vector<int> order = pinning_order(read_topology());
  for (size_t t = 1; t <= workers_.size(); ++t)
    pin(workers_[t - 1].native_handle(), order[t % order.size()]);
}

ThreadPool::~ThreadPool() {
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
  zone_ = current_zone();
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
  std::optional<Zone> zone;
  // The load keeps idle threads from counting below zero without end.
  while (unclaimed_.load(std::memory_order_relaxed) > 0) {
    int left = unclaimed_.fetch_sub(1, std::memory_order_acq_rel);
    if (left <= 0) break;
    if (thread > 0 && !zone) zone.emplace(zone_ ? zone_ : "parallel");
    call_(body_, count_ - left, thread);
    ++finished;
  }
  zone.reset();  // before the caller may go on and end the trace
  // Until this report the job can not end, so every index above was of the same job.
  if (finished > 0 && unfinished_.fetch_sub(finished) == finished && caller_sleeps_.load()) {
    std::lock_guard lock(mutex_);
    end_.notify_one();
  }
}

void ThreadPool::work(int thread) {
  name_thread("worker " + std::to_string(thread));
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
  const Zone zone("wait for workers");
  if (wait_awake([this] { return unfinished_.load(std::memory_order_acquire) == 0; })) return;
  std::unique_lock lock(mutex_);
  caller_sleeps_.store(true);
  end_.wait(lock, [this] { return unfinished_.load() == 0; });
  caller_sleeps_.store(false);
}

}  // namespace weir
