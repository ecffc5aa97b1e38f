// metrics.jsonl and report.html: what a run left for people and programs.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir {

// One line of metrics.jsonl. Absent values are not written.
struct StepMetrics {
  int64_t step = 0;
  double loss = 0;  // mean over the step's tokens, natural log
  std::optional<double> mtp_loss = {}, balance_loss = {};
  std::optional<double> validation_loss = {},
                        bits_per_byte = {};  // "val_loss", "val_bits_per_byte"
  double lr = 0, grad_norm = 0, tokens_per_second = 0, seconds = 0;  // seconds: of training so far
  int64_t tokens = 0;                                                // trained so far
  std::vector<std::vector<double>> expert_load =
      {};  // per MoE layer: share of tokens of each expert
};

// Appends lines; open() with the step of the checkpoint resumed from drops later lines first
// (atomically), so that a killed and resumed run leaves each step once. A new run passes 0, which
// drops everything.
class MetricsLog {
 public:
  static Result<MetricsLog> open(const std::string& path, int64_t resume_step);
  MetricsLog(MetricsLog&&) noexcept;
  MetricsLog& operator=(MetricsLog&&) noexcept;
  ~MetricsLog();
  // One write per line, so that readers never see half of one; not synced.
  Result<void> append(const StepMetrics& metrics);
  // Any object with a member "step".
  Result<void> append(const Json& metrics);

 private:
  explicit MetricsLog(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_ = -1;
};

// All lines in order. A last line without its newline, as a killed run leaves it, is passed over;
// any other bad line is an error. Values that were not finite read as NaN.
Result<std::vector<StepMetrics>> read_metrics(const std::string& path);

// One self-contained HTML file (inline CSS and script, no network): headline numbers, curves of
// loss (training, held-out), lr, gradient norm, tokens per second, expert load per layer, samples,
// the resolved recipe and the machine. Text is escaped; readable in light and dark, on a phone, and
// printed; without scripts only the readings under the pointer are missing.
struct ReportInput {
  std::string title;
  std::string metrics_path;
  Json recipe;  // resolved
  std::vector<std::pair<std::string, std::string>>
      facts;  // "parameters" -> "10.7 M (2.6 M active)"
  std::vector<std::pair<std::string, std::string>> samples;  // prompt -> continuation
};
Result<void> write_report(const std::string& path, const ReportInput& input);

}  // namespace weir
