#include "tensor/expert_reader.h"

#include <algorithm>

namespace weir {

ExpertReader::ExpertReader(int threads, Listener& listener) : listener_(listener) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ExpertReader::~ExpertReader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ExpertReader::add(const std::vector<Piece>& pieces, bool is_urgent) {
  {
    const std::lock_guard lock(mutex_);
    std::deque<Piece>& queue = is_urgent ? urgent_ : early_;
    queue.insert(queue.end(), pieces.begin(), pieces.end());
  }
  pieces.size() == 1 ? wake_.notify_one() : wake_.notify_all();
}

void ExpertReader::hurry(int ticket) {
  const std::lock_guard lock(mutex_);
  const auto others = std::stable_partition(
      early_.begin(), early_.end(), [&](const Piece& piece) { return piece.ticket == ticket; });
  urgent_.insert(urgent_.end(), early_.begin(), others);
  early_.erase(early_.begin(), others);
}

void ExpertReader::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stop_ || !urgent_.empty() || !early_.empty(); });
    if (stop_) return;
    std::deque<Piece>& queue = urgent_.empty() ? early_ : urgent_;
    const Piece piece = queue.front();
    queue.pop_front();
    lock.unlock();
    listener_.piece_read(piece.ticket, piece.bytes,
                         piece.file->read(piece.to, piece.offset, piece.bytes));
    lock.lock();
  }
}

}  // namespace weir
