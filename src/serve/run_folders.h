// Folders of training runs (docs/run-folder.md), read for the page and never written: which there
// are, the lines of their metrics, their reports and samples. Runs are named by opaque ids, so that
// no path comes in from a client.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir {

struct TrainingRun {
  std::string id;       // 16 hexadecimal digits, of the path
  std::string name;     // "base", "quick / cold": a run of training, or a stage of a run of R1's
  std::string folder;   // with metrics.jsonl
  std::string run;      // with report.html and .lock; the folder itself unless it is a stage
  int64_t changed = 0;  // of metrics.jsonl, seconds since 1970
};

class RunFolders {
 public:
  RunFolders() = default;
  // Each a run, or a folder in which runs lie, at most four levels down. The error names a root
  // that is no folder.
  static Result<RunFolders> create(std::vector<std::string> roots);

  bool is_empty() const { return roots_.empty(); }
  // What is there now, the newest first; at most 500.
  std::vector<TrainingRun> list() const;
  std::optional<TrainingRun> find(const std::string& id) const;

 private:
  std::vector<std::string> roots_;
};

// Whether a process writes this run (its lock is held) and the stage has not ended.
bool is_running(const TrainingRun& run);

// The whole lines of metrics.jsonl from byte `from` on, about `bytes_max` bytes at most. An error
// when the file is shorter than `from`: the run was resumed from an earlier step.
Result<std::string> metrics_from(const TrainingRun& run, int64_t from, size_t bytes_max);
// The last whole line, parsed; null without one.
Json last_metrics(const TrainingRun& run);

bool has_report(const TrainingRun& run);
Result<std::string> report_of(const TrainingRun& run);
// The first lines of samples.jsonl, conversations that a stage of rejection sampling drew; "":
// none.
std::string samples_of(const TrainingRun& run);

}  // namespace weir
