// report.html of `weir train`: what a run left for people.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "train/metrics.h"

namespace weir {

struct ReportInput {
  std::string title;
  std::string metrics_path;
  Json recipe;  // resolved
  std::vector<std::pair<std::string, std::string>>
      facts;  // "parameters" -> "10.7 M (2.6 M active)"
  std::vector<std::pair<std::string, std::string>> samples;  // prompt -> continuation
};

// One self-contained HTML file: headline numbers, curves of loss (training, held-out), learning
// rate, gradient norm, tokens per second, expert load per layer, samples, the resolved recipe and
// the machine. Written atomically.
Result<void> write_report(const std::string& path, const ReportInput& input);

// What the page shows.
Json training_report_json(const ReportInput& input, const std::vector<StepMetrics>& metrics);

}  // namespace weir
