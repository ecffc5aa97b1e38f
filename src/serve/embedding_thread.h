// The one thread that calls an Embedder: texts of all waiting requests share its passes, one of
// each request in turn, so a long list does not delay a short one. It knows no text and no HTTP.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "embed/embedder.h"
#include "serve/pass_gate.h"

namespace weir {

class EmbeddingThread {
 public:
  // `jobs_max`: that have not ended. The embedder outlives this and is called by no one else, its
  // model by nobody but the holder of the gate's turn. The gate may be null and outlives this too.
  EmbeddingThread(Embedder& embedder, int jobs_max, PassGate* gate);
  ~EmbeddingThread();  // ends all jobs

  // Called once, on this thread, with the vectors in the order of the texts.
  using Done = std::function<void(Result<std::vector<std::vector<float>>>)>;
  // Queues texts as embed_tokens() takes them. Nothing when there is no room, or after stop(). Any
  // thread may call it.
  std::optional<uint64_t> submit(std::vector<std::vector<int>> texts, Done done);
  // `done` is not called any more, unless it runs. Any thread.
  void cancel(uint64_t job);
  void stop();

 private:
  struct Job {
    uint64_t id;
    std::vector<std::vector<int>> texts;
    Done done;
    std::vector<std::vector<float>> vectors = {};  // of the texts so far
  };
  struct Part {  // of a pass
    uint64_t job;
    size_t text;
  };
  void run();
  std::vector<Part> choose(std::vector<std::vector<int>>& tokens);
  void take(const std::vector<Part>& parts, Result<std::vector<std::vector<float>>> vectors);

  Embedder& embedder_;
  const size_t jobs_max_;
  std::optional<PassGate::Turn> turn_;  // of the thread
  std::mutex mutex_;                    // guards what follows
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  uint64_t next_job_ = 1;
  bool stops_ = false;
  std::thread thread_;
};

}  // namespace weir
