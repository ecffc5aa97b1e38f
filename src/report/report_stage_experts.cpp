// Expert load across stages: each stage's lines are averaged into as many columns as its stretch of
// the axis has room for, then the training report draws them.
#include <algorithm>
#include <cmath>

#include "report/page.h"
#include "report/r1_page.h"

namespace weir {
namespace {

constexpr double kColumns = 96;                 // of a map
using Load = std::vector<std::vector<double>>;  // [layer][expert]

// Empty when the line has none, or one that is not all numbers.
Load load_of(const Json& line) {
  Load load;
  const Json* layers = line.find("expert_load");
  if (!layers) return load;
  for (const Json& layer : layers->items()) {
    std::vector<double>& shares = load.emplace_back();
    for (const Json& share : layer.items()) {
      Result<double> value = share.as_double();
      if (!value || !(*value >= 0) || !std::isfinite(*value)) return {};
      shares.push_back(*value);
    }
    if (shares.empty()) return {};
  }
  return load;
}

bool same_shape(const Load& a, const Load& b) {
  return std::ranges::equal(a, b, {}, &std::vector<double>::size, &std::vector<double>::size);
}

struct Column {
  Load sum;
  double first = 0, last = 0;  // places on the axis
};

void add_to(Column& column, const Load& load, double place) {
  column.last = place;
  if (column.sum.empty()) {
    column.sum = load;
    column.first = place;
    return;
  }
  for (size_t layer = 0; layer < load.size(); ++layer)
    for (size_t e = 0; e < load[layer].size(); ++e) column.sum[layer][e] += load[layer][e];
}

bool has_load(const StageReport& stage) {
  return std::ranges::any_of(stage.metrics,
                             [](const Json& line) { return !load_of(line).empty(); });
}

}  // namespace

std::string stage_experts_html(const std::vector<StageReport>& stages) {
  const Timeline timeline = make_timeline(stages, has_load);
  Load shape;
  std::vector<StepMetrics> all;
  for (size_t i = 0; i < timeline.stages.size(); ++i) {
    const StageReport& stage = *timeline.stages[i];
    const ChartSpan& span = timeline.spans[i];
    const double share = (span.end - span.begin) / kTimelineLength;
    const size_t wanted = std::max<size_t>(1, size_t(std::round(kColumns * share)));
    std::vector<Column> columns(std::min(wanted, stage.metrics.size()));
    for (size_t l = 0; l < stage.metrics.size(); ++l) {
      const Load load = load_of(stage.metrics[l]);
      if (load.empty()) continue;
      if (shape.empty()) shape = load;
      if (same_shape(load, shape))
        add_to(columns[l * columns.size() / stage.metrics.size()], load,
               place_of(stage, span, stage.metrics[l]));
    }
    for (const Column& column : columns) {
      if (column.sum.empty()) continue;
      StepMetrics metrics;
      // Inside its span also when it is the span's last.
      metrics.step = int64_t(std::min((column.first + column.last) / 2, span.end - 1));
      metrics.expert_load = column.sum;
      all.push_back(std::move(metrics));
    }
  }
  return experts_html(all, timeline.spans);
}

}  // namespace weir
