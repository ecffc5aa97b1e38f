// Asks the model that a guard's policy names as judge: one of the server's, or of another server.
// Every question ends within the policy's time.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "guard/judge.h"
#include "serve/model_pool.h"

namespace weir {

class ServedJudge {
 public:
  // Fails for a model that the pool does not have, a URL that can not be read, or a key. The pool
  // outlives it.
  static Result<std::unique_ptr<ServedJudge>> create(ModelPool& pool, const PolicyJudge& judge);
  ~ServedJudge();
  // What is open, and what is asked from now on, is answered with nothing.
  void stop();

  // Called once, on any thread; it must not wait. The probability of a Yes; nothing: no answer.
  using Ready = std::function<void(std::optional<double>)>;
  // `own`: the model that serves the request.
  void ask(JudgePrompt prompt, const ModelLease& own, Ready ready);

 private:
  class Call;
  ServedJudge(ModelPool& pool, PolicyJudge judge) : pool_(pool), judge_(std::move(judge)) {}
  void watch();
  void ask_server();
  void submit(const std::shared_ptr<Call>& call, const ModelLease& lease);

  ModelPool& pool_;
  const PolicyJudge judge_;
  size_t model_ = 0;  // of the pool
  std::string key_ = {};
  std::mutex mutex_;  // guards the next four
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Call>> calls_;    // in the order of their deadlines
  std::deque<std::shared_ptr<Call>> waiting_;  // for another server
  bool stops_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace weir
