// Pages of the key/value cache on disk, for the next process: one file for each page (page_file.h),
// FOLDER/MODEL/OWNER/XX/KEY.page, where MODEL and OWNER are the first 16 digits of their hashes and
// XX the first two of the key. A page is 32 positions of all layers, mostly 0.1 to 4 MB: large
// enough to be read at the disk's speed, and with one file for each, conversations share what they
// have in common, any page can be removed alone, and processes need no locks: a file appears whole
// under a name that says what is in it, or not at all.
//
// A thread writes; the caller keeps a page unchanged until take_done() names it. Above the limit
// pages of all models and owners in the folder are removed, the greatest first by the time since
// their last use, times bytes, divided by the work that a page saves: of one model the least
// recently used, and rather those of a small model than those of a large one. A use sets the time
// of a file's last change, of page n of a text n ms earlier than of the first. Every trouble with
// the disk costs time and never a result: a file that is damaged counts as absent, after a full
// disk this process writes no more. The first of either prints a line on stderr.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "engine/page_file.h"

namespace weir {

struct PrefixStoreOptions {
  std::string folder = {};                  // "": nothing is stored
  uint64_t bytes_max = uint64_t(10) << 30;  // of all pages in the folder
  // What else tells this model from others (model_key.h): sizes and times of its files.
  std::string model_files = {};
};

class PrefixStore {
 public:
  // `page_bytes`: of the largest page. `work`: multiplications by weights for one token. Makes the
  // folder, for its owner only. An error where it cannot be made or the limit is below one page.
  static Result<std::unique_ptr<PrefixStore>> open(const PrefixStoreOptions& options,
                                                   size_t page_bytes, uint64_t work);
  // Writes what is left.
  ~PrefixStore();

  // Whether there is a file for the page.
  bool has(const PageIdentity& identity) const;
  // Reads a page; false where that fails. Several threads may read at once.
  bool load(const PageIdentity& identity, std::span<std::byte> page);
  // When a page is used now, in ns: the first page of a text `depth` 0, the others ms earlier.
  // `now_ns`: of all pages of the text.
  static int64_t now_ns();
  static int64_t used_ns(int64_t now_ns, int depth) { return now_ns - int64_t(depth) * 1000000; }
  // Marks the page as used then.
  void touch(const PageIdentity& identity, int64_t used_ns) const;

  // Queues a page for the writer.
  void put(uint64_t ticket, const PageIdentity& identity, int64_t used_ns,
           std::span<const std::byte> page);
  // Tickets of pages that the writer no longer reads, written or not.
  std::vector<uint64_t> take_done();
  // Takes back the pages that the writer has not begun, and waits for the one it has.
  std::vector<uint64_t> withdraw();
  // Waits until all are written.
  void flush();

  uint64_t written() const { return written_; }  // pages, by this process

 private:
  struct Job {
    uint64_t ticket;
    PageIdentity identity;
    std::span<const std::byte> page;
    int64_t used_ns;  // the file's time
  };
  PrefixStore(PrefixStoreOptions options, size_t page_bytes, uint64_t work);
  std::string path_of(const PageIdentity& identity, const std::string& key) const;
  void write_jobs();
  void write(const Job& job);
  Result<void> write_file(const std::string& path, const Job& job);
  void make_room();
  void warn(std::atomic<bool>& warned, const std::string& message) const;

  const PrefixStoreOptions options_;
  const size_t page_bytes_;
  const uint64_t work_;
  uint64_t folder_bytes_ = 0;  // about: other processes write too. The writer's.
  std::atomic<uint64_t> written_{0};
  mutable std::atomic<bool> warned_of_file_{false}, is_full_{false};

  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::deque<Job> jobs_;  // under the mutex, as the next three
  std::vector<uint64_t> done_;
  bool is_writing_ = false, ends_ = false;
  std::thread writer_;
};

}  // namespace weir
