// report.html: what a run left for people.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir {

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
