// Fork-join over a fixed set of workers. Indices are claimed one by one, so slow cores take fewer;
// which thread runs which must never change a result: tasks write disjoint outputs (docs/bench.md).
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace weir {

class ThreadPool {
 public:
  // `threads` counts the caller; 1 means everything runs inline. 0 means available_cores().
  explicit ThreadPool(int threads = 0);
  // A pool that runs nothing and starts no threads, but has `threads` for whoever sizes memory by
  // them. With an arena that only measures, the operations of a pass are run dry.
  struct Dry {
    int threads;
  };
  explicit ThreadPool(Dry dry) : threads_(dry.threads), is_dry_(true) {}
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }
  bool is_dry() const { return is_dry_; }

  // Calls body(index, thread) for every index in [0, count); returns when all are done. Not
  // reentrant: a body must not call parallel_for. `thread` is in [0, threads()), for scratch.
  template <class Body>
  void parallel_for(int count, const Body& body) {
    if (count <= 0 || is_dry_) return;
    if (workers_.empty() || count == 1) {
      for (int i = 0; i < count; ++i) body(i, 0);
      return;
    }
    run(
        count, [](const void* b, int i, int t) { (*static_cast<const Body*>(b))(i, t); }, &body);
  }
  // Work of the caller alone that touches memory: a dry pool leaves it out too.
  template <class Body>
  void run_here(const Body& body) const {
    if (!is_dry_) body();
  }

 private:
  using Call = void (*)(const void* body, int index, int thread);
  void run(int count, Call call, const void* body);
  void take_indices(int thread);
  void work(int thread);
  void wait_for_work();
  void wait_for_end();

  // The job. It belongs to the caller while nothing is unclaimed and unfinished, and does not
  // change while a thread holds an index: who claimed one may read it without a lock.
  int count_ = 0;
  Call call_ = nullptr;
  const void* body_ = nullptr;
  const char* zone_ = nullptr;  // the caller's, under which workers record their part
  std::atomic<bool> in_run_{false};

  // Each on a cache line of its own: the first is what idle workers watch.
  alignas(64) std::atomic<int> unclaimed_{0};   // indices nobody has taken; may fall below 0
  alignas(64) std::atomic<int> unfinished_{0};  // indices whose body has not been reported done
  alignas(64) std::atomic<int> sleeping_{0};    // workers in, or about to enter, wake_.wait
  std::atomic<bool> caller_sleeps_{false};
  std::atomic<bool> stop_{false};

  int threads_ = 1;
  const bool is_dry_ = false;
  std::mutex mutex_;
  std::condition_variable wake_, end_;
  std::vector<std::thread> workers_;
};

// default_threads(read_topology()): a thread for each fast physical core that this process may use.
int available_cores();

}  // namespace weir
