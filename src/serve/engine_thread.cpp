#include "serve/engine_thread.h"

#include <utility>

namespace weir {

EngineThread::EngineThread(Engine& engine, int sequences_max, PassGate* gate)
    : engine_(engine), sequences_max_(sequences_max) {
  if (gate) turn_.emplace(*gate);
  thread_ = std::thread([this] { run(); });
}

EngineThread::~EngineThread() { stop(); }

std::optional<uint64_t> EngineThread::submit(std::vector<TokenRequest> requests,
                                             std::shared_ptr<TokenReceiver> receiver) {
  std::lock_guard lock(mutex_);
  const int count = int(requests.size());
  if (stops_ || sequences_ + count > sequences_max_) return {};
  sequences_ += count;
  new_jobs_.push_back({next_job_, std::move(requests), std::move(receiver)});
  wake_.notify_one();
  return next_job_++;
}

void EngineThread::cancel(uint64_t job) { cancel(job, -1); }

void EngineThread::cancel(uint64_t job, int sequence) {
  std::lock_guard lock(mutex_);
  cancels_.push_back({job, sequence});
  wake_.notify_one();
}

void EngineThread::stop() {
  {
    std::lock_guard lock(mutex_);
    stops_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

EngineState EngineThread::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

void EngineThread::run() {
  while (take_orders()) {
    if (!jobs_.empty()) step();
    if (jobs_.empty() && turn_) turn_->end();
  }
  if (turn_) turn_->end();
  while (!jobs_.empty()) {
    const auto receiver = jobs_.begin()->second.receiver;
    end(jobs_.begin()->first, -1);
    receiver->fail("the server stops");
  }
}

// New jobs and cancellations since the last pass; waits for them while there is nothing to do.
// False: stop.
bool EngineThread::take_orders() {
  std::vector<Job> jobs;
  std::vector<Cancel> cancels;
  bool stops;
  {
    std::unique_lock lock(mutex_);
    if (jobs_.empty())
      wake_.wait(lock, [&] { return stops_ || !new_jobs_.empty() || !cancels_.empty(); });
    jobs.swap(new_jobs_);
    cancels.swap(cancels_);
    stops = stops_;
  }
  for (Job& job : jobs) start(std::move(job));
  for (const Cancel& cancel : cancels) end(cancel.job, cancel.sequence);
  if (!cancels.empty()) publish();
  return !stops;
}

void EngineThread::start(Job job) {
  const int count = int(job.requests.size());
  Active& active = jobs_[job.id];
  active.receiver = job.receiver;
  active.left = count;
  for (int i = 0; i < count; ++i) {
    Result<SequenceId> id = engine_.submit(std::move(job.requests[size_t(i)]));
    if (!id) {
      active.left -= count - i;
      sequences_ -= count - i;
      if (active.left == 0)
        jobs_.erase(job.id);
      else
        end(job.id, -1);
      return job.receiver->fail(id.error().message);
    }
    active.sequences.push_back(*id);
    places_[*id] = {job.id, i};
  }
}

// What has ended already is left alone.
void EngineThread::end(uint64_t job, int sequence) {
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) return;
  Active& active = found->second;
  for (int i = 0; i < int(active.sequences.size()); ++i) {
    SequenceId& id = active.sequences[size_t(i)];
    if (id < 0 || (sequence >= 0 && i != sequence)) continue;
    engine_.cancel(id);
    places_.erase(id);
    id = -1;
    --active.left;
    --sequences_;
  }
  if (active.left == 0) jobs_.erase(found);
}

void EngineThread::step() {
  if (turn_) turn_->begin();
  std::vector<uint64_t> touched;
  for (Drawn& drawn : engine_.step()) {
    const auto place = places_.find(drawn.sequence);
    if (place == places_.end()) continue;
    const auto [job, sequence] = place->second;
    Active& active = jobs_.at(job);
    if (active.drawn.empty()) touched.push_back(job);
    if (drawn.is_last) {
      places_.erase(place);
      active.sequences[size_t(sequence)] = -1;
      --active.left;
      --sequences_;
    }
    active.drawn.push_back({sequence, std::move(drawn)});
  }
  publish();
  for (const uint64_t job : touched) {
    Active& active = jobs_.at(job);
    const auto receiver = active.receiver;
    std::vector<TokenReceiver::Token> drawn = std::exchange(active.drawn, {});
    if (active.left == 0) jobs_.erase(job);
    receiver->take(std::move(drawn));
  }
}

void EngineThread::publish() {
  std::lock_guard lock(mutex_);
  state_.running = int(places_.size());
  state_.statistics = engine_.statistics();
}

}  // namespace weir
