// Metrics of a stage as the page's JSON: thinned columns, and the load of experts over time.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace weir {

// Values of one key by line; NaN where a line has none.
using MetricsColumn = std::pair<std::string, std::function<double(size_t line)>>;

// {"step": [...], "loss": [...], ...}: the first column names the steps. At most about `points_max`
// points, each the means over equal parts of the lines; the first part is divided by ratio, for
// logarithmic axes. The first and the last point are single lines. Columns without a value are left
// out, other places without one are null.
Json columns_json(size_t lines, const std::vector<MetricsColumn>& columns, size_t points_max);

using ExpertLoad = std::vector<std::vector<double>>;  // [layer][expert]: shares, of any unit
struct LoadLine {
  double step;
  const ExpertLoad* load;
};

// How evenly experts are used, over at most `columns_max` stretches of the lines: {"step": [...],
// "of": all layers, "layers": [{"layer", "experts", "rows": ["4453...", ...], "busiest": [...],
// "least", "most", "idle"}]}. Loads are in fair shares, 1 / experts. A row is one expert's levels
// of kLoadLevels, one digit per stretch; busiest is the fullest expert's load; least, most and the
// number of idle experts are of the last tenth. At most 12 layers. Null when there is no load.
// Lines of another shape than the last one, or than `shape` when it is not empty, are passed over;
// `shape` becomes the one that was used.
Json experts_json(std::vector<LoadLine> lines, size_t columns_max, std::vector<size_t>& shape);

// Five digits, enough for a curve; whole numbers without a fraction.
Json short_number(double value);

// Upper ends of the levels 0 to 7; the middle one, 4, is a fair share.
inline constexpr double kLoadLevels[] = {0.1, 0.4, 0.7, 0.9, 1.1, 1.4, 2.0, 3.0};
Json load_levels_json();

}  // namespace weir
