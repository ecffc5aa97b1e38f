// metrics.jsonl: one JSON object per step, appended while training and cut back on resume.
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

// "expert_load" of a line: five digits of each share are enough for a curve, and a full line would
// be four times as long.
Json expert_load_json(const std::vector<std::vector<double>>& shares);

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

// All lines in order. A last line without its newline, as a killed run leaves it, is skipped;
// any other bad line is an error. Values that were not finite read as NaN.
Result<std::vector<StepMetrics>> read_metrics(const std::string& path);

}  // namespace weir
