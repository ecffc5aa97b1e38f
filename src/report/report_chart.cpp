#include "report/report_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "report/page.h"
#include "report/report_axis.h"

namespace weir {
namespace {

// The SVG's own units; the page stretches them.
constexpr double kUnits = 1000;

bool is_drawable(const ChartPoint& point, const Chart& chart) {
  return std::isfinite(point.x) && std::isfinite(point.y) && (!chart.log_x || point.x > 0) &&
         (!chart.log_y || point.y > 0);
}

struct Frame {
  Axis x, y;
  std::string at(const ChartPoint& point) const {
    return fmt::format("{:.1f} {:.1f}", kUnits * x.place(point.x), kUnits * (1 - y.place(point.y)));
  }
};

// False when there is nothing to draw.
bool make_frame(const Chart& chart, Frame& frame) {
  bool any = false;
  double left = 0, right = 0, low = 0, high = 0;
  for (const ChartSeries& series : chart.series)
    for (const ChartPoint& point : series.points) {
      if (!is_drawable(point, chart)) continue;
      left = any ? std::min(left, point.x) : point.x;
      right = any ? std::max(right, point.x) : point.x;
      low = any ? std::min(low, point.y) : point.y;
      high = any ? std::max(high, point.y) : point.y;
      any = true;
    }
  if (!any) return false;
  frame.y = make_axis(low, high, chart.log_y, chart.from_zero, chart.tall ? 6 : 4);
  // Curves touch both sides: no room along x.
  frame.x = make_axis(left, right, chart.log_x, false, 6);
  if (left < right) {
    frame.x.low = left;
    frame.x.high = right;
  }
  if (!chart.spans.empty()) {
    frame.x.low = chart.spans.front().begin;
    frame.x.high = chart.spans.back().end;
    frame.x.ticks.clear();
  }
  std::erase_if(frame.x.ticks, [&](double t) { return t < frame.x.low || t > frame.x.high; });
  return true;
}

std::string path_of(const ChartSeries& series, const Chart& chart, const Frame& frame) {
  const bool dots = series.style == ChartSeries::Style::dots;
  std::string path;
  bool connected = false;
  for (const ChartPoint& point : series.points) {
    if (!is_drawable(point, chart)) {
      connected = false;
      continue;
    }
    // A dot is a stroke without length: round caps keep it round however the SVG is stretched.
    path += (dots || !connected ? "M" : "L") + frame.at(point) + (dots || !connected ? "h0" : "");
    connected = true;
  }
  return path;
}

std::string svg_of(const Chart& chart, const Frame& frame) {
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {0} {0}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{1}\">"
      "<path class=\"grid\" d=\"",
      kUnits, escape_html(chart.title));
  for (double tick : frame.y.ticks)
    svg += fmt::format("M0 {:.1f}H{}", kUnits * (1 - frame.y.place(tick)), kUnits);
  for (const ChartSpan& span : chart.spans)
    if (&span != chart.spans.data())
      svg += fmt::format("M{:.1f} 0V{}", kUnits * frame.x.place(span.begin), kUnits);
  svg += "\"/>";
  for (const ChartSeries& series : chart.series) {
    if (series.style == ChartSeries::Style::dots) {
      ChartSeries line = series;
      line.style = ChartSeries::Style::line;
      svg += fmt::format("<path class=\"line c{}\" d=\"{}\"/>", series.color,
                         path_of(line, chart, frame));
    }
    const char* style = series.style == ChartSeries::Style::faint  ? "faint"
                        : series.style == ChartSeries::Style::dots ? "dots"
                                                                   : "line";
    svg += fmt::format("<path class=\"{} c{}\" d=\"{}\"/>", style, series.color,
                       path_of(series, chart, frame));
  }
  return svg + "</svg>";
}

std::string labels_of(const Chart& chart, const Frame& frame) {
  std::string labels = chart.spans.empty() ? "<span class=\"x step\">step</span>"
                                           : spans_html(chart.spans, frame.x.low, frame.x.high);
  for (double tick : frame.y.ticks)
    labels += fmt::format("<span class=\"y\" style=\"top:{:.2f}%\">{}</span>",
                          100 * (1 - frame.y.place(tick)), format_label(tick));
  for (double tick : frame.x.ticks)
    labels += fmt::format("<span class=\"x\" style=\"left:{:.2f}%\">{}</span>",
                          100 * frame.x.place(tick), format_label(tick));
  return labels;
}

double five_digits(double value) {
  return std::strtod(fmt::format("{:.5g}", value).c_str(), nullptr);
}

// What the script needs to show readings.
std::string data_of(const Chart& chart, const Frame& frame) {
  Json data = Json::object();
  data.set("low", frame.x.low);
  data.set("high", frame.x.high);
  data.set("log", frame.x.log);
  Json all = Json::array();
  for (const ChartSeries& series : chart.series) {
    Json points = Json::array();
    for (const ChartPoint& point : series.points) {
      if (!is_drawable(point, chart)) continue;
      points.push(five_digits(point.x));
      points.push(five_digits(point.y));
    }
    Json one = Json::object();
    one.set("name", series.name);
    one.set("color", series.color);
    one.set("points", std::move(points));
    all.push(std::move(one));
  }
  data.set("series", std::move(all));
  Json spans = Json::array();
  for (const ChartSpan& span : chart.spans) {
    Json one = Json::object();
    one.set("name", span.name);
    one.set("begin", five_digits(span.begin));
    one.set("end", five_digits(span.end));
    one.set("first", span.first_step);
    one.set("last", span.last_step);
    spans.push(std::move(one));
  }
  if (spans.size() > 0) data.set("spans", std::move(spans));
  return "<script type=\"application/json\">" + script_json(data) + "</script>";
}

std::string legend_of(const Chart& chart) {
  if (chart.series.size() < 2) return "";
  std::string legend = "<span class=\"legend\">";
  for (const ChartSeries& series : chart.series)
    legend += fmt::format("<span class=\"key c{}{}\">{}</span>", series.color,
                          series.style == ChartSeries::Style::faint ? " faint" : "",
                          escape_html(series.name));
  return legend + "</span>";
}

}  // namespace

std::string chart_html(const Chart& chart) {
  std::string html = fmt::format("<figure class=\"chart{}\"><figcaption><b>{}</b>{}{}</figcaption>",
                                 chart.tall ? " tall" : "", escape_html(chart.title),
                                 chart.note.empty() ? "" : "<i>" + escape_html(chart.note) + "</i>",
                                 legend_of(chart));
  Frame frame;
  if (!make_frame(chart, frame)) return html + "<p class=\"none\">no values</p></figure>\n";
  html += "<div class=\"plot\"><div class=\"area\">" + svg_of(chart, frame) +
          labels_of(chart, frame) + "</div>" + data_of(chart, frame) + "</div></figure>\n";
  return html;
}

std::string spans_html(const std::vector<ChartSpan>& spans, double low, double high) {
  std::string html;
  for (const ChartSpan& span : spans) {
    const double left = 100 * (span.begin - low) / (high - low);
    html += fmt::format(
        "<span class=\"span c{0}\" style=\"left:{1:.2f}%;width:{2:.2f}%\" "
        "title=\"{3}\">{3}</span>",
        span.color, left, 100 * (span.end - low) / (high - low) - left, escape_html(span.name));
  }
  return html;
}

std::vector<ChartPoint> thin(const std::vector<ChartPoint>& points, size_t count, bool log_x) {
  const size_t all = points.size();
  if (all <= count) return points;
  std::vector<ChartPoint> means;
  for (size_t begin = 0, i = 1; begin < all; ++i) {
    size_t end = i * all / count;
    if (log_x) end = size_t(std::pow(double(all), double(i) / double(count)));
    end = i >= count ? all : std::clamp(end, begin + 1, all);
    ChartPoint sum{0, 0};
    for (size_t j = begin; j < end; ++j) {
      sum.x += points[j].x;
      sum.y += points[j].y;
    }
    means.push_back({sum.x / double(end - begin), sum.y / double(end - begin)});
    begin = end;
  }
  // Where a curve begins and ends is read off by eye: those two are values, not means.
  means.front() = points.front();
  means.back() = points.back();
  return means;
}

std::vector<ChartPoint> smooth(const std::vector<ChartPoint>& points, double span) {
  std::vector<ChartPoint> out;
  double sum = 0, weight = 0;
  for (const ChartPoint& point : points) {
    if (std::isfinite(point.y)) {
      // The first steps fall too fast to be averaged over much.
      const double keep = std::exp(-1 / std::min(span, 0.5 + 0.05 * double(out.size())));
      sum = keep * sum + point.y;
      weight = keep * weight + 1;
    }
    out.push_back({point.x, weight > 0 ? sum / weight : point.y});
  }
  return out;
}

std::string format_label(double value) {
  const double size = std::abs(value);
  if (size < 1e-12) return "0";
  if (size >= 1e6) return fmt::format("{:.3g} M", value / 1e6);
  if (size >= 1e4) return fmt::format("{:.4g} k", value / 1e3);
  if (size < 1e-3) {  // "3e-5" rather than the "3e-05" of printf
    const int exponent = int(std::floor(std::log10(size) + 1e-9));
    return fmt::format("{:.3g}e{}", value / std::pow(10, exponent), exponent);
  }
  return fmt::format("{:.4g}", value);
}

}  // namespace weir
