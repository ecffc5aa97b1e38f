#include "report/report_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iterator>

#include "report/page.h"

namespace weir {
namespace {

constexpr size_t kLayersShown = 12;
constexpr double kIdle = 0.1;  // of a fair share

// Where the points end: after lines [0, end).
std::vector<size_t> ends_of_points(size_t lines, size_t points_max) {
  std::vector<size_t> ends;
  if (lines <= points_max) {
    for (size_t i = 1; i <= lines; ++i) ends.push_back(i);
    return ends;
  }
  const size_t part = lines / points_max;
  for (double end = 1; end < double(part); end = std::max(end + 1, end * 1.1))
    ends.push_back(size_t(end));
  for (size_t i = 1; i < points_max; ++i) ends.push_back(i * lines / points_max);
  ends.push_back(lines - 1);
  ends.push_back(lines);
  std::ranges::sort(ends);
  const auto same = std::ranges::unique(ends);
  ends.erase(same.begin(), same.end());
  return ends;
}

// Mean of the finite values of lines [begin, end); NaN when there is none.
double mean_of(const MetricsColumn& column, size_t begin, size_t end) {
  double sum = 0, count = 0;
  for (size_t line = begin; line < end; ++line)
    if (const double value = column.second(line); std::isfinite(value)) {
      sum += value;
      ++count;
    }
  return sum / count;
}

bool is_load(const ExpertLoad& load) {
  return !load.empty() && std::ranges::none_of(load, [](const std::vector<double>& layer) {
    return layer.empty() || std::ranges::any_of(layer, [](double share) {
             return !(share >= 0) || !std::isfinite(share);
           });
  });
}

std::vector<size_t> shape_of(const ExpertLoad& load) {
  std::vector<size_t> shape;
  for (const std::vector<double>& layer : load) shape.push_back(layer.size());
  return shape;
}

char level_of(double load) {
  return char('0' + (std::ranges::upper_bound(kLoadLevels, load) - std::begin(kLoadLevels)));
}

// The loads of one layer in fair shares, one list per column.
Json layer_json(size_t layer, std::vector<std::vector<double>> columns) {
  const size_t experts = columns[0].size(), count = (columns.size() + 9) / 10;
  Json busiest = Json::array(), rows = Json::array();
  std::vector<std::string> levels(experts);
  std::vector<double> end(experts, 0);
  for (size_t c = 0; c < columns.size(); ++c) {
    double total = 0;
    for (double share : columns[c]) total += share;
    for (double& share : columns[c]) share *= total > 0 ? double(experts) / total : 0;
    for (size_t e = 0; e < experts; ++e) {
      levels[e] += level_of(columns[c][e]);
      if (c + count >= columns.size()) end[e] += columns[c][e] / double(count);
    }
    busiest.push(short_number(*std::ranges::max_element(columns[c])));
  }
  for (std::string& row : levels) rows.push(std::move(row));
  const auto [least, most] = std::ranges::minmax(end);
  const auto idle = std::ranges::count_if(end, [](double load) { return load < kIdle; });
  Json json = json_object({{"layer", int64_t(layer)},
                           {"experts", int64_t(experts)},
                           {"least", short_number(least)},
                           {"most", short_number(most)},
                           {"idle", int64_t(idle)}});
  json.set("busiest", std::move(busiest));
  json.set("rows", std::move(rows));
  return json;
}

}  // namespace

Json columns_json(size_t lines, const std::vector<MetricsColumn>& columns, size_t points_max) {
  const std::vector<size_t> ends = ends_of_points(lines, points_max);
  Json all = Json::object();
  for (const MetricsColumn& column : columns) {
    Json values = Json::array();
    bool any = false;
    size_t begin = 0;
    for (size_t end : ends) {
      const double mean = mean_of(column, begin, end);
      values.push(std::isfinite(mean) ? short_number(mean) : Json());
      any |= std::isfinite(mean);
      begin = end;
    }
    if (any) all.set(column.first, std::move(values));
  }
  return all;
}

Json experts_json(std::vector<LoadLine> lines, size_t columns_max, std::vector<size_t>& shape) {
  std::erase_if(lines, [](const LoadLine& line) { return !is_load(*line.load); });
  if (shape.empty() && !lines.empty()) shape = shape_of(*lines.back().load);
  std::erase_if(lines, [&](const LoadLine& line) { return shape_of(*line.load) != shape; });
  if (lines.empty()) return {};
  const size_t columns = std::min(columns_max, lines.size()), layers = shape.size();
  // The first layer, the last, and evenly between.
  const size_t shown = std::min(layers, kLayersShown);
  const auto layer_at = [&](size_t i) { return shown == 1 ? 0 : i * (layers - 1) / (shown - 1); };
  std::vector<std::vector<std::vector<double>>> sums(shown);  // [shown layer][column][expert]
  Json steps = Json::array();
  for (size_t c = 0; c < columns; ++c) {
    const size_t begin = c * lines.size() / columns, end = (c + 1) * lines.size() / columns;
    steps.push(short_number((lines[begin].step + lines[end - 1].step) / 2));
    for (size_t i = 0; i < shown; ++i) {
      std::vector<double>& sum = sums[i].emplace_back(shape[layer_at(i)], 0.0);
      for (size_t line = begin; line < end; ++line)
        for (size_t e = 0; e < sum.size(); ++e) sum[e] += (*lines[line].load)[layer_at(i)][e];
    }
  }
  Json all = Json::array();
  for (size_t i = 0; i < shown; ++i) all.push(layer_json(layer_at(i), std::move(sums[i])));
  Json json = Json::object();
  json.set("step", std::move(steps));
  json.set("of", int64_t(layers));
  json.set("layers", std::move(all));
  return json;
}

Json short_number(double value) {
  value = std::strtod(fmt::format("{:.5g}", value).c_str(), nullptr);
  if (std::fabs(value) < 1e15 && value == std::trunc(value)) return int64_t(value);
  return value;
}

Json load_levels_json() {
  Json levels = Json::array();
  for (double level : kLoadLevels) levels.push(level);
  return levels;
}

}  // namespace weir
