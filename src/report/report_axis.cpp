#include "report/report_axis.h"

#include <algorithm>
#include <cmath>

namespace weir {
namespace {

// 1, 2 or 5 times a power of ten, at least `step`.
double round_step(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (double factor : {1.0, 2.0, 5.0})
    if (factor * power >= step * 0.999) return factor * power;
  return 10 * power;
}

std::vector<double> linear_ticks(double low, double high, int count) {
  const double step = round_step((high - low) / count);
  std::vector<double> ticks;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k)
    ticks.push_back(k * step);
  return ticks;
}

std::vector<double> log_ticks(double low, double high, int count) {
  const std::vector<std::vector<double>> choices = {
      {1}, {1, 3}, {1, 2, 5}, {1, 1.5, 2, 3, 4, 5, 6, 8}};
  std::vector<double> ticks;
  for (const std::vector<double>& factors : choices) {
    std::vector<double> tried;
    for (double e = std::floor(std::log10(low)); e <= std::ceil(std::log10(high)); ++e)
      for (double factor : factors)
        if (double tick = factor * std::pow(10, e); tick >= low * 0.999 && tick <= high * 1.001)
          tried.push_back(tick);
    if (!ticks.empty() && int(tried.size()) > 2 * count) break;
    ticks = tried;
    if (int(ticks.size()) >= count) break;
  }
  // Many decades: every n-th.
  if (const size_t every = (ticks.size() + size_t(count) - 1) / size_t(count); every > 2) {
    std::vector<double> kept;
    for (size_t i = 0; i < ticks.size(); i += every) kept.push_back(ticks[i]);
    return kept;
  }
  return ticks.size() >= 2 ? ticks : linear_ticks(low, high, count);
}

}  // namespace

double Axis::place(double value) const {
  if (log) return std::log(value / low) / std::log(high / low);
  return (value - low) / (high - low);
}

Axis make_axis(double low, double high, bool log, bool from_zero, int count) {
  Axis axis{.low = low, .high = high, .log = log, .ticks = {}};
  if (log) {
    const double room = std::max(std::pow(high / low, 0.04), 1.0001);
    axis.low /= room;
    axis.high *= room;
    axis.ticks = log_ticks(axis.low, axis.high, count);
    return axis;
  }
  if (from_zero) axis.low = std::min(low, 0.0);
  double room = (axis.high - axis.low) * 0.05;
  // A constant would have no height.
  if (!(room > std::abs(high) * 1e-9)) room = high == 0 ? 1 : std::abs(high) * 0.1;
  axis.high += room;
  if (!from_zero) axis.low -= room;
  axis.ticks = linear_ticks(axis.low, axis.high, count);
  return axis;
}

}  // namespace weir
