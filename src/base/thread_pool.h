// Fork-join over a fixed set of workers. Work is handed out by index; which thread runs which index
// must never change a result, so tasks write disjoint outputs.
#pragma once
#include <atomic>
#include <cstdint>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace weir {

class ThreadPool {
 public:
  // `threads` counts the caller; 1 means everything runs inline. 0 means one per available core.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return int(workers_.size()) + 1; }

  // Calls body(index, thread) for every index in [0, count); returns when all are done. Not
  // reentrant: a body must not call parallel_for. `thread` is in [0, threads()), for scratch.
  template <class Body>
  void parallel_for(int count, const Body& body) {
    if (count <= 0) return;
    if (workers_.empty() || count == 1) {
      for (int i = 0; i < count; ++i) body(i, 0);
      return;
    }
    run(count, [](const void* b, int i, int t) { (*static_cast<const Body*>(b))(i, t); }, &body);
  }

 private:
  using Call = void (*)(const void* body, int index, int thread);
  void run(int count, Call call, const void* body);
  void work(int thread);

  // One job at a time. `epoch_` names it; workers spin briefly for a new one, then sleep.
  std::atomic<uint64_t> epoch_{0};
  std::atomic<int> next_{0}, busy_{0};
  std::atomic<bool> stop_{false};
  int count_ = 0;
  Call call_ = nullptr;
  const void* body_ = nullptr;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<int> sleeping_{0};
  std::vector<std::thread> workers_;
};

// Cores this process may use.
int available_cores();

}  // namespace weir
