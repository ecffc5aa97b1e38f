#include "serve/embedding_thread.h"

#include <algorithm>
#include <utility>

namespace weir {
namespace {

constexpr size_t kRowsOfPass = 1024;  // tokens; others wait for the cores so long

}  // namespace

EmbeddingThread::EmbeddingThread(Embedder& embedder, int jobs_max, PassGate* gate)
    : embedder_(embedder), jobs_max_(size_t(jobs_max)) {
  if (gate) turn_.emplace(*gate);
  thread_ = std::thread([this] { run(); });
}

EmbeddingThread::~EmbeddingThread() { stop(); }

std::optional<uint64_t> EmbeddingThread::submit(std::vector<std::vector<int>> texts, Done done) {
  CHECK(!texts.empty());
  std::lock_guard lock(mutex_);
  if (stops_ || jobs_.size() >= jobs_max_) return {};
  jobs_.push_back({next_job_, std::move(texts), std::move(done)});
  wake_.notify_one();
  return next_job_++;
}

void EmbeddingThread::cancel(uint64_t job) {
  Done gone;  // destroyed without the lock
  std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(jobs_.begin(), jobs_.end(), [job](const Job& j) { return j.id == job; });
  if (found == jobs_.end()) return;
  gone = std::move(found->done);
  jobs_.erase(found);
}

void EmbeddingThread::stop() {
  {
    std::lock_guard lock(mutex_);
    stops_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void EmbeddingThread::run() {
  for (;;) {
    std::vector<std::vector<int>> tokens;
    std::vector<Part> parts;
    {
      std::unique_lock lock(mutex_);
      if (jobs_.empty() && turn_) turn_->end();
      wake_.wait(lock, [&] { return stops_ || !jobs_.empty(); });
      if (stops_) break;
      parts = choose(tokens);
    }
    if (turn_) turn_->begin();
    take(parts, embedder_.embed_tokens(tokens));
  }
  if (turn_) turn_->end();
  std::deque<Job> jobs;
  {
    std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
  }
  for (const Job& job : jobs) job.done(Error{"the server stops"});
}

// The next text of each job, round by round, as long as the pass has room.
std::vector<EmbeddingThread::Part> EmbeddingThread::choose(std::vector<std::vector<int>>& tokens) {
  std::vector<Part> parts;
  size_t rows = 0;
  for (size_t round = 0;; ++round) {
    bool is_over = true;
    for (const Job& job : jobs_) {
      const size_t text = job.vectors.size() + round;
      if (text >= job.texts.size()) continue;
      if (!parts.empty() && rows + job.texts[text].size() > kRowsOfPass) return parts;
      rows += job.texts[text].size();
      tokens.push_back(job.texts[text]);
      parts.push_back({job.id, text});
      is_over = false;
    }
    if (is_over) return parts;
  }
}

// The texts of a job are in order, so each vector is the next one.
void EmbeddingThread::take(const std::vector<Part>& parts,
                           Result<std::vector<std::vector<float>>> vectors) {
  std::vector<Job> ended;
  {
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < parts.size(); ++i) {
      const auto job = std::find_if(jobs_.begin(), jobs_.end(),
                                    [&](const Job& j) { return j.id == parts[i].job; });
      if (job == jobs_.end()) continue;  // cancelled, or failed
      if (vectors) job->vectors.push_back(std::move((*vectors)[i]));
      if (vectors && job->vectors.size() < job->texts.size()) continue;
      ended.push_back(std::move(*job));
      jobs_.erase(job);
    }
  }
  for (Job& job : ended) {
    if (vectors)
      job.done(std::move(job.vectors));
    else
      job.done(Error{vectors.error().message});
  }
}

}  // namespace weir
