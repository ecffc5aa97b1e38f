// Threads that read pieces of files into memory, several at a time, as disks like it. What is
// needed now goes before what may be needed soon.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/direct_file.h"

namespace weir {

class ExpertReader {
 public:
  struct Piece {
    const DirectFile* file;
    uint64_t offset;  // as DirectFile::read wants it, like `to`
    size_t bytes;
    std::byte* to;
    int ticket;  // whose piece it is
  };
  // Told of each piece by the thread that has read it.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void piece_read(int ticket, size_t bytes, const Result<void>& result) = 0;
  };

  // The listener outlives this.
  ExpertReader(int threads, Listener& listener);
  ~ExpertReader();  // pieces that nobody has begun are dropped
  ExpertReader(const ExpertReader&) = delete;
  ExpertReader& operator=(const ExpertReader&) = delete;

  void add(const std::vector<Piece>& pieces, bool is_urgent);
  // What was added as not urgent is now.
  void hurry(int ticket);

 private:
  void work();

  Listener& listener_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Piece> urgent_, early_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace weir
