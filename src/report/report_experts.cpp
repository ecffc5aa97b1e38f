// How evenly the experts are used: a map per MoE layer, experts by time, and the busiest expert's
// share as a curve. All shares are in units of the fair one, 1 / experts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/page.h"
#include "report/report_chart.h"

namespace weir {
namespace {

constexpr size_t kColumns = 96;
constexpr size_t kLayersShown = 12;

// Upper ends of the colour classes h0 ... h8; the middle one is a fair share.
constexpr double kLevels[] = {0.1, 0.4, 0.7, 0.9, 1.1, 1.4, 2.0, 3.0};
constexpr size_t kLevelCount = std::size(kLevels) + 1;

struct LoadMap {
  std::vector<std::vector<double>> columns;  // [time][expert], 1 = fair share
  std::vector<ChartPoint> busiest;           // of the fullest expert, by step
};

size_t level_of(double load) {
  return size_t(std::upper_bound(std::begin(kLevels), std::end(kLevels), load) -
                std::begin(kLevels));
}

LoadMap collect(const std::vector<const StepMetrics*>& steps, size_t layer) {
  LoadMap map;
  const size_t experts = steps.back()->expert_load[layer].size();
  const size_t columns = std::min(kColumns, steps.size());
  for (size_t c = 0; c < columns; ++c) {
    const size_t begin = c * steps.size() / columns, end = (c + 1) * steps.size() / columns;
    std::vector<double> sum(experts, 0);
    for (size_t i = begin; i < end; ++i)
      for (size_t e = 0; e < experts; ++e) sum[e] += steps[i]->expert_load[layer][e];
    double total = 0;
    for (double share : sum) total += share;
    for (double& share : sum) share *= total > 0 ? double(experts) / total : 0;
    map.busiest.push_back({double(steps[end - 1]->step), *std::ranges::max_element(sum)});
    map.columns.push_back(std::move(sum));
  }
  return map;
}

// Cells of one colour become one path, neighbours in time one rectangle.
std::string map_svg(const LoadMap& map) {
  const size_t columns = map.columns.size(), experts = map.columns[0].size();
  std::string paths[kLevelCount];
  for (size_t e = 0; e < experts; ++e)
    for (size_t c = 0; c < columns;) {
      const size_t level = level_of(map.columns[c][e]);
      size_t end = c + 1;
      while (end < columns && level_of(map.columns[end][e]) == level) ++end;
      paths[level] += fmt::format("M{} {}h{}v1h-{}z", c, e, end - c, end - c);
      c = end;
    }
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\" "
      "role=\"img\" aria-label=\"share of each expert over time\">",
      columns, experts);
  for (size_t level = 0; level < kLevelCount; ++level)
    if (!paths[level].empty())
      svg += fmt::format("<path class=\"h{}\" d=\"{}\"/>", level, paths[level]);
  return svg + "</svg>";
}

// Over the last tenth of the run.
std::string summary_of(const LoadMap& map) {
  const size_t experts = map.columns[0].size(), count = (map.columns.size() + 9) / 10;
  std::vector<double> mean(experts, 0);
  for (size_t c = map.columns.size() - count; c < map.columns.size(); ++c)
    for (size_t e = 0; e < experts; ++e) mean[e] += map.columns[c][e] / double(count);
  const auto [least, most] = std::ranges::minmax(mean);
  const auto idle = std::ranges::count_if(mean, [](double load) { return load < 0.1; });
  return fmt::format("at the end {:.2f} to {:.2f} of a fair share{}", least, most,
                     idle > 0 ? fmt::format(", {} nearly idle", idle) : "");
}

// Columns are of equal width whatever the steps between them: the column where each span begins.
std::string spans_of(const LoadMap& map, std::vector<ChartSpan> spans) {
  const auto column_of = [&](double step) {
    return double(std::ranges::count_if(map.busiest, [&](auto& p) { return p.x < step; }));
  };
  for (ChartSpan& span : spans) {
    span.begin = &span == spans.data() ? 0 : column_of(span.begin);
    span.end = &span == &spans.back() ? double(map.columns.size()) : column_of(span.end);
  }
  std::erase_if(spans, [](const ChartSpan& span) { return span.begin >= span.end; });
  return spans_html(spans, 0, double(map.columns.size()));
}

std::string map_html(const LoadMap& map, size_t layer, const std::vector<ChartSpan>& spans) {
  const size_t experts = map.columns[0].size();
  return fmt::format(
      "<div class=\"card\"><figure class=\"map\"><figcaption><b>MoE layer "
      "{}</b><i>{}</i></figcaption>"
      "<div class=\"cells{}\" style=\"height:{}px\">{}{}<span class=\"from\">expert 0</span>"
      "<span class=\"to\">{}</span></div></figure></div>",
      layer, summary_of(map), spans.empty() ? "" : " staged",
      std::clamp<size_t>(experts * 8, 96, 320), map_svg(map), spans_of(map, spans), experts - 1);
}

std::string scale_html() {
  std::string html = "<p class=\"scale\"><span>unused</span>";
  for (size_t level = 0; level < kLevelCount; ++level) {
    const std::string range = level == 0 ? fmt::format("below {}", kLevels[0])
                              : level == kLevelCount - 1
                                  ? fmt::format("above {}", kLevels[level - 1])
                                  : fmt::format("{} to {}", kLevels[level - 1], kLevels[level]);
    html += fmt::format("<i class=\"h{}\" title=\"{} of a fair share\"></i>", level, range);
  }
  return html + "<span>over 3 fair shares; grey is a fair share</span></p>";
}

// Lines that have the shape of the last one: a resumed run cannot change it, a strange file may.
std::vector<const StepMetrics*> with_load(const std::vector<StepMetrics>& metrics) {
  std::vector<const StepMetrics*> steps;
  for (const StepMetrics& m : metrics)
    if (!m.expert_load.empty()) steps.push_back(&m);
  if (steps.empty()) return steps;
  const auto& last = steps.back()->expert_load;
  std::erase_if(steps, [&](const StepMetrics* m) {
    return !std::ranges::equal(m->expert_load, last, {}, &std::vector<double>::size,
                               &std::vector<double>::size);
  });
  return steps;
}

// Not connected from one span to the next.
std::vector<ChartPoint> parted(const std::vector<ChartPoint>& curve,
                               const std::vector<ChartSpan>& spans) {
  std::vector<ChartPoint> parts;
  for (const ChartPoint& point : curve) {
    for (const ChartSpan& span : spans)
      if (!parts.empty() && parts.back().x < span.begin && point.x >= span.begin)
        parts.push_back({span.begin, std::nan("")});
    parts.push_back(point);
  }
  return parts;
}

}  // namespace

std::string experts_html(const std::vector<StepMetrics>& metrics,
                         const std::vector<ChartSpan>& spans) {
  const std::vector<const StepMetrics*> steps = with_load(metrics);
  if (steps.empty()) return "";
  const size_t layers = steps.back()->expert_load.size();
  Chart chart{
      .title = "Busiest expert", .note = "in fair shares; 1 is perfect balance", .series = {}};
  chart.spans = spans;
  chart.tall = true;
  std::string maps;
  const size_t shown = std::min(layers, kLayersShown);
  for (size_t i = 0; i < shown; ++i) {
    // The first, the last, and evenly between.
    const size_t layer = shown == 1 ? 0 : i * (layers - 1) / (shown - 1);
    if (steps.back()->expert_load[layer].empty()) continue;
    const LoadMap map = collect(steps, layer);
    maps += map_html(map, layer, spans);
    chart.series.push_back({fmt::format("layer {}", layer), int(i % 6), ChartSeries::Style::line,
                            parted(map.busiest, spans)});
  }
  if (chart.series.empty()) return "";
  std::string note =
      shown < layers ? fmt::format("<p>{} of {} MoE layers.</p>", shown, layers) : "";
  return "<section><h2>Experts</h2>" + note + "<div class=\"card\">" + chart_html(chart) +
         "</div>" + scale_html() + "<div class=\"grid\">" + maps + "</div></section>\n";
}

}  // namespace weir
