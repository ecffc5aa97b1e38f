// The one thread that calls the engine: takes requests from a bounded queue, steps, and hands the
// tokens to whoever asked. It knows no text and no HTTP.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "serve/pass_gate.h"

namespace weir {

// Receives the tokens of one job, on the engine's thread: it must not wait.
class TokenReceiver {
 public:
  virtual ~TokenReceiver() = default;
  // Tokens that a pass drew for this job; `sequence` counts its requests from 0. After the last
  // token of each sequence nothing comes.
  struct Token {
    int sequence;
    Drawn drawn;
  };
  virtual void take(std::vector<Token> tokens) = 0;
  // The engine refused the job, or it ends because the server stops.
  virtual void fail(const std::string& error) = 0;
};

struct EngineState {
  int running = 0;  // sequences that the engine has, waiting ones among them
  GenerateStatistics statistics = {};
};

class EngineThread {
 public:
  // `sequences_max`: of all jobs that have not ended. The engine outlives this and is called by no
  // one else. `gate`: of engines that share the cores; it outlives this too.
  EngineThread(Engine& engine, int sequences_max, PassGate* gate = nullptr);
  ~EngineThread();  // ends all jobs

  // Queues a job. Nothing when there is no room, or after stop(). Any thread may call it.
  std::optional<uint64_t> submit(std::vector<TokenRequest> requests,
                                 std::shared_ptr<TokenReceiver> receiver);
  // Ends a job before the next pass; its receiver hears nothing more. Any thread.
  void cancel(uint64_t job);
  // Ends one sequence of a job, whose text has ended; the others go on.
  void cancel(uint64_t job, int sequence);
  // Ends all jobs, takes no more, and waits until that is done.
  void stop();

  int sequences_max() const { return sequences_max_; }
  int sequences() const { return sequences_.load(std::memory_order_relaxed); }
  EngineState state() const;

 private:
  struct Job {
    uint64_t id;
    std::vector<TokenRequest> requests;
    std::shared_ptr<TokenReceiver> receiver;
  };
  struct Cancel {
    uint64_t job;
    int sequence;  // -1: all
  };
  struct Active {
    std::shared_ptr<TokenReceiver> receiver;
    std::vector<SequenceId> sequences;             // -1: ended
    int left = 0;                                  // that have not ended
    std::vector<TokenReceiver::Token> drawn = {};  // in this pass
  };
  using Place = std::pair<uint64_t, int>;  // job and number of the sequence

  void run();
  bool take_orders();
  void start(Job job);
  void end(uint64_t job, int sequence);
  void step();
  void publish();

  Engine& engine_;
  const int sequences_max_;
  std::optional<PassGate::Turn> turn_;  // of the engine's thread
  std::atomic<int> sequences_{0};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> new_jobs_;  // of these and the next three, the mutex is the guard
  std::vector<Cancel> cancels_;
  bool stops_ = false;
  EngineState state_;
  uint64_t next_job_ = 1;

  std::map<uint64_t, Active> jobs_;  // of the engine's thread alone
  std::map<SequenceId, Place> places_;
  std::thread thread_;
};

}  // namespace weir
