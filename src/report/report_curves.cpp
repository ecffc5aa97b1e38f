// Which curves a report shows, and how each is scaled.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "report/page.h"
#include "report/report_chart.h"

namespace weir {
namespace {

constexpr size_t kCurvePoints = 400;

using Points = std::vector<ChartPoint>;
using Style = ChartSeries::Style;

// The steps that have a value.
template <class Value>
Points collect(const std::vector<StepMetrics>& metrics, const Value& value) {
  Points points;
  for (const StepMetrics& m : metrics)
    if (std::optional<double> y = value(m)) points.push_back({double(m.step), *y});
  return points;
}

// Noisy values as they are, with their moving average over about 2 % of the run on top.
void add_noisy(Chart& chart, const std::string& name, int color, const Points& points) {
  const double span = std::clamp(0.02 * double(points.size()), 1.0, 200.0);
  chart.series.push_back({name, color, Style::faint, thin(points, kCurvePoints, chart.log_x)});
  chart.series.push_back(
      {"smoothed", color, Style::line, thin(smooth(points, span), kCurvePoints, chart.log_x)});
}

Chart loss_chart(const std::vector<StepMetrics>& metrics, bool log) {
  Chart chart{.title = "Loss", .note = "nats per token", .series = {}, .log_x = log, .log_y = log};
  chart.tall = true;
  add_noisy(chart, "training", 0, collect(metrics, [](auto& m) { return std::optional(m.loss); }));
  Points held = collect(metrics, [](auto& m) { return m.validation_loss; });
  if (!held.empty()) chart.series.push_back({"held out", 1, Style::dots, thin(held, 100, log)});
  return chart;
}

// Spans a factor that a linear axis would hide.
bool wants_log(const Points& points) {
  double low = HUGE_VAL, high = 0;
  for (const ChartPoint& point : points) {
    if (!(point.y > 0)) return false;
    low = std::min(low, point.y);
    high = std::max(high, point.y);
  }
  return high > 30 * low;
}

}  // namespace

std::string curves_html(const std::vector<StepMetrics>& metrics) {
  if (metrics.empty()) return "";
  // The two scales are chosen between by style sheet alone.
  std::string html =
      "<section><h2>Learning</h2><div class=\"scales\">"
      "<input type=\"radio\" name=\"scale\" id=\"linear\" checked><label "
      "for=\"linear\">linear</label>"
      "<input type=\"radio\" name=\"scale\" id=\"log\"><label for=\"log\">log-log</label>"
      "<div class=\"card on-linear\">" +
      chart_html(loss_chart(metrics, false)) + "</div><div class=\"card on-log\">" +
      chart_html(loss_chart(metrics, true)) + "</div></div><div class=\"grid\">";
  auto card = [&](const Chart& chart) {
    html += "<div class=\"card\">" + chart_html(chart) + "</div>";
  };

  if (Points bits = collect(metrics, [](auto& m) { return m.bits_per_byte; }); bits.size() > 1)
    card({.title = "Held-out bits per byte",
          .note = {},
          .series = {{"bits per byte", 1, Style::dots, thin(bits, 100)}}});
  if (Points mtp = collect(metrics, [](auto& m) { return m.mtp_loss; }); !mtp.empty()) {
    Chart chart{.title = "Multi-token prediction", .note = "loss further ahead", .series = {}};
    add_noisy(chart, "MTP", 2, mtp);
    card(chart);
  }
  Chart rate{.title = "Learning rate", .note = {}, .series = {}, .from_zero = true};
  rate.series.push_back(
      {"learning rate", 3, Style::line,
       thin(collect(metrics, [](auto& m) { return std::optional(m.lr); }), kCurvePoints)});
  card(rate);

  Points norms = collect(metrics, [](auto& m) { return std::optional(m.grad_norm); });
  Chart norm{
      .title = "Gradient norm", .note = "before clipping", .series = {}, .log_y = wants_log(norms)};
  add_noisy(norm, "norm", 4, norms);
  card(norm);

  Chart speed{.title = "Speed", .note = "tokens per second", .series = {}, .from_zero = true};
  add_noisy(speed, "tokens/s", 5,
            collect(metrics, [](auto& m) { return std::optional(m.tokens_per_second); }));
  card(speed);

  if (Points balance = collect(metrics, [](auto& m) { return m.balance_loss; }); !balance.empty()) {
    Chart chart{
        .title = "Balance loss", .note = "weighted", .series = {}, .log_y = wants_log(balance)};
    add_noisy(chart, "balance", 2, balance);
    card(chart);
  }
  return html + "</div></section>\n";
}

}  // namespace weir
