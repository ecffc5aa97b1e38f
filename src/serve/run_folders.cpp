#include "serve/run_folders.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr int kDepthMax = 4;
constexpr size_t kRunsMax = 500, kFoldersMax = 5000;
constexpr size_t kReportMax = size_t(64) << 20, kLineMax = size_t(256) << 10;
constexpr size_t kSamplesMax = size_t(128) << 10;

// A regular file that is not a link, opened for reading.
class ReadOnly {
 public:
  explicit ReadOnly(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) {
    struct stat status;
    if (fd_ >= 0 && fstat(fd_, &status) == 0 && S_ISREG(status.st_mode)) {
      is_open_ = true;
      size_ = status.st_size;
      changed_ = status.st_mtime;
    }
  }
  ReadOnly(const ReadOnly&) = delete;
  ReadOnly& operator=(const ReadOnly&) = delete;
  ~ReadOnly() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool is_open() const { return is_open_; }
  int64_t size() const { return size_; }
  int64_t changed() const { return changed_; }
  // Fewer bytes at the end of the file.
  std::string read(int64_t from, size_t bytes) const {
    std::string text(std::min(bytes, size_t(std::max<int64_t>(0, size_ - from))), 0);
    size_t done = 0;
    while (done < text.size()) {
      const ssize_t n = pread(fd_, text.data() + done, text.size() - done, from + off_t(done));
      if (n <= 0) break;
      done += size_t(n);
    }
    text.resize(done);
    return text;
  }
  // Whether another open descriptor has the lock that weir's writers take (FileLock).
  bool is_locked() const {
    struct flock region {};
    region.l_type = F_RDLCK;
    region.l_whence = SEEK_SET;
    return is_open_ && fcntl(fd_, F_OFD_GETLK, &region) == 0 && region.l_type == F_WRLCK;
  }

 private:
  int fd_;
  bool is_open_ = false;
  int64_t size_ = 0, changed_ = 0;
};

bool is_real_folder(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

class Search {
 public:
  void look(const std::string& folder, const std::string& name, const std::string& run, int depth) {
    if (++folders_ > kFoldersMax || runs_.size() >= kRunsMax) return;
    if (const ReadOnly metrics(join_path(folder, "metrics.jsonl")); metrics.is_open()) {
      runs_.push_back({fmt::format("{:016x}", fnv1a(folder)), name, folder,
                       run.empty() ? folder : run, metrics.changed()});
      return;
    }
    const auto entries = list_directory(folder);
    if (!entries || depth == kDepthMax) return;
    for (const std::string& entry : *entries) {
      const std::string path = join_path(folder, entry);
      if (entry.starts_with('.') || !is_real_folder(path)) continue;
      if (entry == "stages")
        look(path, name, folder, depth + 1);
      else
        look(path, name.empty() ? entry : name + " / " + entry, run, depth + 1);
    }
  }
  std::vector<TrainingRun> take() { return std::move(runs_); }

 private:
  std::vector<TrainingRun> runs_;
  size_t folders_ = 0;
};

// Without the part of a line at the end.
std::string whole_lines(std::string text) {
  const size_t end = text.rfind('\n');
  text.resize(end == text.npos ? 0 : end + 1);
  return text;
}

}  // namespace

Result<RunFolders> RunFolders::create(std::vector<std::string> roots) {
  for (const std::string& root : roots)
    if (!is_directory(root))
      return Error{"--runs " + printable(root) + ": there is no such folder"};
  RunFolders made;
  made.roots_ = std::move(roots);
  return made;
}

std::vector<TrainingRun> RunFolders::list() const {
  Search search;
  for (const std::string& root : roots_) {
    const bool is_run =
        file_exists(join_path(root, "metrics.jsonl")) || is_real_folder(join_path(root, "stages"));
    search.look(root, is_run ? base_name(root) : "", "", 0);
  }
  std::vector<TrainingRun> runs = search.take();
  std::ranges::stable_sort(runs,
                           [](const auto& a, const auto& b) { return a.changed > b.changed; });
  return runs;
}

std::optional<TrainingRun> RunFolders::find(const std::string& id) const {
  for (TrainingRun& run : list())
    if (run.id == id) return std::move(run);
  return {};
}

bool is_running(const TrainingRun& run) {
  const bool has_ended =
      run.run != run.folder && file_exists(join_path(run.folder, "manifest.json"));
  return !has_ended && ReadOnly(join_path(run.run, ".lock")).is_locked();
}

Result<std::string> metrics_from(const TrainingRun& run, int64_t from, size_t bytes_max) {
  const ReadOnly file(join_path(run.folder, "metrics.jsonl"));
  if (!file.is_open()) return Error{run.name + " has no metrics any more"};
  if (from > file.size()) return Error{run.name + " was resumed from an earlier step"};
  std::string text = whole_lines(file.read(from, bytes_max));
  // A line that is longer than all that was asked for would stop a reader for ever.
  if (text.empty()) text = whole_lines(file.read(from, bytes_max + kLineMax));
  return text;
}

Json last_metrics(const TrainingRun& run) {
  const ReadOnly file(join_path(run.folder, "metrics.jsonl"));
  if (!file.is_open()) return {};
  std::string text =
      whole_lines(file.read(std::max<int64_t>(0, file.size() - int64_t(kLineMax)), kLineMax));
  if (text.empty()) return {};
  text.pop_back();
  auto line = parse_json(std::string_view(text).substr(text.rfind('\n') + 1));
  return line && line->is_object() ? *std::move(line) : Json();
}

bool has_report(const TrainingRun& run) {
  return ReadOnly(join_path(run.run, "report.html")).is_open();
}

Result<std::string> report_of(const TrainingRun& run) {
  const ReadOnly file(join_path(run.run, "report.html"));
  if (!file.is_open() || file.size() > int64_t(kReportMax))
    return Error{run.name + " has no report yet"};
  return file.read(0, kReportMax);
}

std::string samples_of(const TrainingRun& run) {
  const ReadOnly file(join_path(run.folder, "samples.jsonl"));
  return file.is_open() ? whole_lines(file.read(0, kSamplesMax)) : "";
}

}  // namespace weir
