#include "engine/prefix_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <map>
#include <utility>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/text.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".page";

struct StoredPage {
  std::string path;
  fs::file_time_type used;
  uint64_t bytes = 0;
  double idle = 0;  // prefix_store.h: what decides
};

// Files that vanish meanwhile were removed by another process.
std::vector<StoredPage> list_pages(const std::string& folder) {
  std::vector<StoredPage> pages;
  std::error_code code;
  fs::recursive_directory_iterator entry(folder, code);
  for (const fs::recursive_directory_iterator end; !code && entry != end; entry.increment(code)) {
    if (!entry->path().string().ends_with(kEnding)) continue;
    std::error_code gone;
    StoredPage page{entry->path().string(), entry->last_write_time(gone)};
    if (!gone) page.bytes = entry->file_size(gone);
    if (!gone) pages.push_back(std::move(page));
  }
  return pages;
}

// Pages of one model save equal work, so one header of each folder tells it. A page that cannot be
// read saves none.
void weigh(std::vector<StoredPage>& pages, const std::string& folder) {
  const auto now = fs::file_time_type::clock::now();
  std::map<std::string, double> work;
  for (StoredPage& page : pages) {
    const std::string model = page.path.substr(0, page.path.find('/', folder.size() + 1));
    const auto [found, is_new] = work.try_emplace(model, 1e-9);
    if (is_new)
      if (const auto header = read_page_header(page.path))
        found->second = std::max<double>(1, double(header->work));
    const double seconds = std::chrono::duration<double>(now - page.used).count();
    page.idle = seconds * double(page.bytes) / found->second;
  }
}

// What killed processes were writing. Another engine of this process may be writing now.
void remove_asides(const std::string& folder) {
  std::error_code code;
  fs::recursive_directory_iterator entry(folder, code);
  for (const fs::recursive_directory_iterator end; !code && entry != end; entry.increment(code))
    if (is_stale_aside(entry->path().filename().string(), false)) ::unlink(entry->path().c_str());
}

constexpr int64_t kSecond = 1000000000;

void set_time(const std::string& path, int64_t ns) {
  const timespec at{time_t(ns / kSecond), long(ns % kSecond)};
  const timespec times[] = {at, at};
  utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

}  // namespace

Result<std::unique_ptr<PrefixStore>> PrefixStore::open(const PrefixStoreOptions& options,
                                                       size_t page_bytes, uint64_t work) {
  if (options.bytes_max < page_bytes + kPageHeaderBytes)
    return Error{options.folder + ": the limit of the prefix cache on disk, " +
                 format_bytes(double(options.bytes_max)) + ", is below one page of " +
                 format_bytes(double(page_bytes)) + "; raise it"};
  // Its owner alone may read what was said.
  if (!is_directory(options.folder)) TRY(make_private_directories(options.folder));
  return std::unique_ptr<PrefixStore>(new PrefixStore(options, page_bytes, work));
}

PrefixStore::PrefixStore(PrefixStoreOptions options, size_t page_bytes, uint64_t work)
    : options_(std::move(options)),
      page_bytes_(page_bytes),
      work_(work),
      writer_([this] { write_jobs(); }) {}

PrefixStore::~PrefixStore() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  wake_.notify_one();
  writer_.join();
}

std::string PrefixStore::path_of(const PageIdentity& identity, const std::string& key) const {
  return options_.folder + "/" + identity.model.substr(0, 16) + "/" + identity.owner.substr(0, 16) +
         "/" + key.substr(0, 2) + "/" + key + std::string(kEnding);
}

bool PrefixStore::has(const PageIdentity& identity) const {
  return access(path_of(identity, identity.key()).c_str(), R_OK) == 0;
}

// A file that cannot be used is removed, so that a good one takes its place.
bool PrefixStore::load(const PageIdentity& identity, std::span<std::byte> page) {
  const std::string path = path_of(identity, identity.key());
  const Result<bool> read = read_page_file(path, identity, page);
  if (read) return *read;
  warn(warned_of_file_, read.error().message + "; it is not used");
  ::unlink(path.c_str());
  return false;
}

int64_t PrefixStore::now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

void PrefixStore::touch(const PageIdentity& identity, int64_t used_ns) const {
  set_time(path_of(identity, identity.key()), used_ns);
}

void PrefixStore::put(uint64_t ticket, const PageIdentity& identity, int64_t used_ns,
                      std::span<const std::byte> page) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({ticket, identity, page, used_ns});
  }
  wake_.notify_one();
}

std::vector<uint64_t> PrefixStore::take_done() {
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, {});
}

std::vector<uint64_t> PrefixStore::withdraw() {
  std::vector<uint64_t> tickets;
  std::unique_lock lock(mutex_);
  for (const Job& job : jobs_) tickets.push_back(job.ticket);
  jobs_.clear();
  idle_.wait(lock, [&] { return !is_writing_; });
  return tickets;
}

void PrefixStore::flush() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return jobs_.empty() && !is_writing_; });
}

void PrefixStore::write_jobs() {
  remove_asides(options_.folder);
  for (const StoredPage& page : list_pages(options_.folder)) folder_bytes_ += page.bytes;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return !jobs_.empty() || ends_; });
    if (jobs_.empty()) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    is_writing_ = true;
    lock.unlock();
    if (!is_full_) write(job);
    lock.lock();
    is_writing_ = false;
    done_.push_back(job.ticket);
    idle_.notify_all();
  }
}

void PrefixStore::write(const Job& job) {
  const std::string path = path_of(job.identity, job.identity.key());
  if (access(path.c_str(), F_OK) == 0) return set_time(path, job.used_ns);
  const uint64_t bytes = kPageHeaderBytes + job.page.size();
  if (folder_bytes_ + bytes > options_.bytes_max) make_room();
  const Result<void> done = write_file(path, job);
  if (!done) return warn(is_full_, done.error().message + "; no further pages are stored");
  set_time(path, job.used_ns);
  folder_bytes_ += bytes;
  ++written_;
}

Result<void> PrefixStore::write_file(const std::string& path, const Job& job) {
  const std::string folder = path.substr(0, path.rfind('/'));
  const std::string of_model = options_.folder + "/" + job.identity.model.substr(0, 16);
  if (!is_directory(of_model)) TRY(make_private_directories(of_model));
  TRY(make_directories(folder));
  const PageHeaderBytes header = page_header(job.identity, job.page, work_);
  AtomicFiles file;
  TRY(file.begin(path, kPageHeaderBytes + job.page.size()));
  TRY(file.write(header.data(), header.size()));
  TRY(file.write(job.page.data(), job.page.size()));
  TRY(file.end());
  return file.rename_all();
}

// Removes pages down to nine tenths of the limit, and counts the others.
void PrefixStore::make_room() {
  std::vector<StoredPage> pages = list_pages(options_.folder);
  weigh(pages, options_.folder);
  std::sort(pages.begin(), pages.end(),
            [](const StoredPage& a, const StoredPage& b) { return a.idle > b.idle; });
  folder_bytes_ = 0;
  for (const StoredPage& page : pages) folder_bytes_ += page.bytes;
  const uint64_t target =
      std::min(options_.bytes_max - options_.bytes_max / 10,
               options_.bytes_max - std::min(options_.bytes_max, kPageHeaderBytes + page_bytes_));
  for (const StoredPage& page : pages) {
    if (folder_bytes_ <= target) return;
    if (::unlink(page.path.c_str()) == 0 || errno == ENOENT) folder_bytes_ -= page.bytes;
  }
}

void PrefixStore::warn(std::atomic<bool>& warned, const std::string& message) const {
  if (!warned.exchange(true)) fputs(("weir: prefix cache: " + message + "\n").c_str(), stderr);
}

}  // namespace weir
