// A line chart as HTML: an SVG that stretches with the page under labels that do not, so that text
// and strokes keep their size on a phone. The data lies beside it for the script that shows
// readings.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct ChartPoint {
  double x, y;
};

struct ChartSeries {
  enum class Style { line, faint, dots };
  std::string name;
  int color = 0;  // 0 to 5: CSS variables --c0 ... --c5
  Style style = Style::line;
  std::vector<ChartPoint> points;  // by rising x; those that are not finite are left out
};

// A stretch of the x axis that has a name and counts its own steps: one stage of several.
struct ChartSpan {
  std::string name;
  int color = 0;
  double begin = 0, end = 1;             // on the x axis
  double first_step = 0, last_step = 1;  // what readings say there
};

struct Chart {
  std::string title, note;
  std::vector<ChartSeries> series;
  std::vector<ChartSpan> spans = {};  // these name the x axis when there are any, numbers otherwise
  bool log_x = false, log_y = false;
  bool from_zero = false;  // the y axis begins at 0
  bool tall = false;
};

// Nothing but the title when no series has a point.
std::string chart_html(const Chart& chart);
// The names of spans under something as wide as the x axis from `low` to `high`.
std::string spans_html(const std::vector<ChartSpan>& spans, double low, double high);

// At most `count` points: means of equal parts of the list, or of parts of equal ratio for a
// logarithmic x axis.
std::vector<ChartPoint> thin(const std::vector<ChartPoint>& points, size_t count,
                             bool log_x = false);
// Exponential moving average of y over about `span` points, over fewer near the beginning.
std::vector<ChartPoint> smooth(const std::vector<ChartPoint>& points, double span);

// "12 k", "0.031", "1.5e-7": short, for labels.
std::string format_label(double value);

}  // namespace weir
