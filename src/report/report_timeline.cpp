// Stages side by side on one axis.
#include <algorithm>
#include <cmath>
#include <limits>

#include "report/r1_page.h"

namespace weir {
namespace {

constexpr double kLeastShare = 0.09;  // of the axis
constexpr size_t kCurvePoints = 400;

double weight_of(const StageReport& stage, bool by_time) {
  return by_time ? stage.seconds : double(stage.metrics.size());
}

// Shares of the axis: as the weights, but none below the least. What small stages are given is
// taken from the others in proportion.
std::vector<double> shares_of(const std::vector<const StageReport*>& stages) {
  const bool by_time = std::ranges::all_of(stages, [](auto* stage) { return stage->seconds > 0; });
  const double least = std::min(kLeastShare, 0.5 / double(stages.size()));
  std::vector<double> shares(stages.size(), 0);
  std::vector<bool> is_small(stages.size(), false);
  for (size_t round = 0; round < stages.size(); ++round) {
    double total = 0, room = 1;
    for (size_t i = 0; i < stages.size(); ++i) {
      if (is_small[i])
        room -= least;
      else
        total += weight_of(*stages[i], by_time);
    }
    bool changed = false;
    for (size_t i = 0; i < stages.size(); ++i) {
      shares[i] = is_small[i] ? least : room * weight_of(*stages[i], by_time) / total;
      if (is_small[i] || shares[i] >= least) continue;
      is_small[i] = changed = true;
    }
    if (!changed) break;
  }
  return shares;
}

}  // namespace

double metric_of(const Json& line, const std::string& key) {
  const Json* value = line.find(key);
  if (!value || !value->is_number()) return std::numeric_limits<double>::quiet_NaN();
  return *value->as_double();
}

bool has_metric(const StageReport& stage, const std::string& key) {
  return std::ranges::any_of(stage.metrics,
                             [&](const Json& line) { return std::isfinite(metric_of(line, key)); });
}

Timeline make_timeline(const std::vector<StageReport>& stages,
                       const std::function<bool(const StageReport&)>& is_shown) {
  Timeline timeline;
  for (size_t i = 0; i < stages.size(); ++i) {
    const StageReport& stage = stages[i];
    if (stage.metrics.empty() || !is_shown(stage)) continue;
    timeline.stages.push_back(&stage);
    ChartSpan span{clean_name(stage.name), stage_color(i)};
    const double first = metric_of(stage.metrics.front(), "step");
    const double last = metric_of(stage.metrics.back(), "step");
    span.first_step = std::isfinite(first) ? first : 1;
    span.last_step = std::isfinite(last) ? last : span.first_step;
    timeline.spans.push_back(span);
  }
  if (timeline.stages.empty()) return timeline;
  const std::vector<double> shares = shares_of(timeline.stages);
  double at = 0;
  for (size_t i = 0; i < shares.size(); ++i) {
    timeline.spans[i].begin = std::round(at);
    at += kTimelineLength * shares[i];
    timeline.spans[i].end = i + 1 == shares.size() ? kTimelineLength : std::round(at);
  }
  return timeline;
}

double place_of(const StageReport& stage, const ChartSpan& span, const Json& line) {
  double step = metric_of(line, "step");
  if (!std::isfinite(step)) step = span.first_step + double(&line - stage.metrics.data());
  const double steps = span.last_step - span.first_step;
  const double share = steps > 0 ? std::clamp((step - span.first_step) / steps, 0.0, 1.0) : 0.5;
  return span.begin + share * (span.end - span.begin);
}

std::vector<ChartPoint> timeline_curve(const Timeline& timeline, const std::string& key,
                                       double span) {
  std::vector<ChartPoint> curve;
  for (size_t i = 0; i < timeline.stages.size(); ++i) {
    const StageReport& stage = *timeline.stages[i];
    const ChartSpan& place = timeline.spans[i];
    std::vector<ChartPoint> points;
    for (const Json& line : stage.metrics)
      if (const double value = metric_of(line, key); std::isfinite(value))
        points.push_back({place_of(stage, place, line), value});
    if (points.empty()) continue;
    if (span > 0) points = smooth(points, std::clamp(span * double(points.size()), 1.0, 200.0));
    const double share = (place.end - place.begin) / kTimelineLength;
    points = thin(points, std::max<size_t>(20, size_t(share * kCurvePoints)));
    if (!curve.empty()) curve.push_back({place.begin, std::numeric_limits<double>::quiet_NaN()});
    curve.insert(curve.end(), points.begin(), points.end());
  }
  return curve;
}

}  // namespace weir
