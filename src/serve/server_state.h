// What the page shows of the server itself, beside /metrics: its runs of training, its memory, the
// errors of late.
#pragma once
#include <cstdint>
#include <ctime>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "serve/knowledge_shelf.h"
#include "serve/run_folders.h"

namespace weir {

// The newest lines of the log that report an error; never a prompt. Any thread.
class RecentErrors {
 public:
  struct Entry {
    int64_t time;  // seconds since 1970
    std::string line;
  };
  void add(std::string line) {
    std::lock_guard lock(mutex_);
    entries_.push_back({int64_t(std::time(nullptr)), std::move(line)});
    if (entries_.size() > kEntriesMax) entries_.pop_front();
  }
  std::vector<Entry> list() const {  // the newest first
    std::lock_guard lock(mutex_);
    return {entries_.rbegin(), entries_.rend()};
  }

 private:
  static constexpr size_t kEntriesMax = 50;
  mutable std::mutex mutex_;
  std::deque<Entry> entries_;
};

class GuardDesk;

struct ServerState {
  RunFolders runs = {};
  KnowledgeShelf knowledge = {};
  RecentErrors errors = {};
  std::shared_ptr<GuardDesk> guard = nullptr;
  int64_t started = int64_t(std::time(nullptr));  // seconds since 1970
};

}  // namespace weir
