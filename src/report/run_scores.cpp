#include "report/run_scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/report_table.h"

namespace weir {
namespace {

constexpr char kWholeCost[] = "core-minutes of the run";

// As the table of docs shows it: percent, tokens, minutes.
double shown_value(double value, CellFormat format) {
  return format == CellFormat::share || format == CellFormat::points ? 100 * value : value;
}

// A table that is filled run by run.
class Gathered {
 public:
  void add(const std::string& row, size_t column, double value) {
    const auto known = std::ranges::find(rows_, row, &Row::name);
    Row& at = known == rows_.end() ? rows_.emplace_back(Row{row, {}}) : *known;
    if (at.values.size() <= column) at.values.resize(column + 1);
    at.values[column].push_back(value);
  }

  // All rows of one stage of one run; the column is that of `table`.
  void add_column(const StageTable& table, size_t from, size_t column) {
    std::string total;
    for (const StageRow& row : table.rows) {
      if (row.kind == StageRow::Kind::group) continue;
      if (row.kind == StageRow::Kind::total) total = row.name;
      const StageCell& cell = row.cells[from];
      const bool is_detail = row.kind == StageRow::Kind::detail;
      const std::string name = (is_detail ? total + ", " + row.name : row.name) +
                               (row.is_untrained ? " (untrained)" : "");
      if (cell.has_value) add(name, column, shown_value(cell.value, row.format));
    }
  }

  MeanTable means(std::vector<std::string> columns) const {
    MeanTable table;
    for (const Row& row : rows_) {
      MeanRow mean{row.name, {}};
      for (size_t i = 0; i < columns.size(); ++i)
        mean.cells.push_back(i < row.values.size() ? mean_of(row.values[i]) : MeanCell{});
      table.rows.push_back(std::move(mean));
    }
    table.columns = std::move(columns);
    return table;
  }

 private:
  struct Row {
    std::string name;
    std::vector<std::vector<double>> values;  // by column, one per run
  };

  static MeanCell mean_of(const std::vector<double>& values) {
    MeanCell cell{!values.empty(), int(values.size())};
    for (double value : values) cell.mean += value / double(values.size());
    double squares = 0;
    for (double value : values) squares += (value - cell.mean) * (value - cell.mean);
    if (values.size() > 1) cell.deviation = std::sqrt(squares / double(values.size() - 1));
    return cell;
  }

  std::vector<Row> rows_;
};

}  // namespace

MeanTable mean_of_stages(const RunArm& arm) {
  Gathered gathered;
  std::vector<std::string> columns;
  for (const std::vector<StageReport>& run : arm.runs) {
    const StageTable table = make_stage_table(run);
    for (size_t i = 0; i < table.columns.size(); ++i) {
      auto known = std::ranges::find(columns, table.columns[i].name);
      const auto column = size_t(known - columns.begin());
      if (known == columns.end()) columns.push_back(table.columns[i].name);
      gathered.add_column(table, i, column);
    }
  }
  return gathered.means(std::move(columns));
}

MeanTable mean_of_arms(const std::vector<RunArm>& arms, const std::string& stage) {
  Gathered gathered;
  std::vector<std::string> columns;
  for (const RunArm& arm : arms) {
    for (const std::vector<StageReport>& run : arm.runs) {
      const StageTable table = make_stage_table(run);
      double core_seconds = 0;
      std::string shown = stage;
      for (const StageReport& one : run) {
        core_seconds += one.core_seconds;
        if (stage.empty() && !one.scores.empty() && equal_cost_of(one).empty()) shown = one.name;
      }
      for (size_t i = 0; i < table.columns.size(); ++i)
        if (table.columns[i].name == shown) gathered.add_column(table, i, columns.size());
      gathered.add(kWholeCost, columns.size(), core_seconds / 60);
    }
    columns.push_back(arm.name);
  }
  return gathered.means(std::move(columns));
}

std::string mean_markdown(const MeanTable& table) {
  const auto cell_of = [](std::string text) {
    for (char& c : text)
      if (c == '|' || c == '\n') c = '/';
    return text;
  };
  std::string text = "| |", line = "|---|";
  for (const std::string& column : table.columns) {
    text += fmt::format(" {} |", cell_of(column));
    line += "---|";
  }
  text += "\n" + line + "\n";
  for (const MeanRow& row : table.rows) {
    text += fmt::format("| {} |", cell_of(row.name));
    for (const MeanCell& cell : row.cells)
      text += !cell.has_value  ? " - |"
              : cell.runs == 1 ? fmt::format(" {:.1f} |", cell.mean)
                               : fmt::format(" {:.1f} ± {:.1f} |", cell.mean, cell.deviation);
    text += "\n";
  }
  return text;
}

Json mean_json(const MeanTable& table) {
  Json rows = Json::array();
  for (const MeanRow& row : table.rows) {
    Json cells = Json::object();
    for (size_t i = 0; i < row.cells.size(); ++i) {
      if (!row.cells[i].has_value) continue;
      Json cell = Json::object();
      cell.set("mean", row.cells[i].mean);
      cell.set("deviation", row.cells[i].deviation);
      cell.set("runs", row.cells[i].runs);
      cells.set(table.columns[i], std::move(cell));
    }
    Json one = Json::object();
    one.set("row", row.name);
    one.set("columns", std::move(cells));
    rows.push(std::move(one));
  }
  return rows;
}

}  // namespace weir
