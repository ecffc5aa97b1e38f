#include "documents/csv.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kCellBytesMax = size_t(1) << 20, kCellsMax = 16384;
constexpr size_t kRowsLookedAt = 50, kBytesLookedAt = size_t(64) << 10;

}  // namespace

char detect_csv_separator(std::string_view text) {
  text = text.substr(0, kBytesLookedAt);
  char best = ',';
  double best_score = 0;
  for (const char separator : {',', ';', '\t', '|'}) {
    std::map<size_t, size_t> counts;  // cells -> rows
    size_t rows = 0;
    CsvParser parser(separator, [&](const CsvRow& row) -> Result<void> {
      if (rows == kRowsLookedAt) return Error{""};
      ++counts[row.size()];
      ++rows;
      return {};
    });
    (void)parser.add(text);
    if (rows == 0) (void)parser.finish();
    size_t cells = 0, most = 0;
    for (const auto& [count, times] : counts)
      if (count > 1 && times >= most) {
        cells = count;
        most = times;
      }
    if (most == 0) continue;
    // Regularity first, then the number of columns.
    const double score = double(most) / double(rows) + 0.001 * double(std::min<size_t>(cells, 99));
    if (score <= best_score) continue;
    best = separator;
    best_score = score;
  }
  return best;
}

bool is_csv_head(const CsvRow& row) {
  size_t numbers = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    const std::string_view cell = trim(row[i]);
    if (cell.empty() && i > 0) return false;
    std::string digits(cell);
    std::erase_if(digits, [](char c) { return c == ',' || c == ' ' || c == '%'; });
    const Result<double> number = parse_double(digits);
    const bool is_year = number && *number >= 1900 && *number <= 2100 && digits.size() == 4;
    numbers += number && !is_year;
  }
  return 2 * numbers <= row.size();
}

Error CsvParser::error(const std::string& what, uint64_t line) const {
  return Error{"line " + std::to_string(line) + ": " + what};
}

Result<void> CsvParser::end_cell() {
  if (row_.size() == kCellsMax)
    return error(
        "more than " + std::to_string(kCellsMax) + " cells in a row; is this a table of values?",
        row_line_);
  row_.push_back(std::move(cell_));
  cell_.clear();
  state_ = State::cell_begin;
  return {};
}

Result<void> CsvParser::end_row() {
  const bool is_open = !row_.empty() || !cell_.empty() || state_ != State::cell_begin;
  if (is_open) TRY(end_cell());
  CsvRow row;
  row.swap(row_);
  const bool is_blank =
      std::ranges::all_of(row, [](const std::string& cell) { return trim(cell).empty(); });
  if (!is_blank) TRY(take_(std::move(row)));
  return {};
}

Result<void> CsvParser::add(std::string_view piece) {
  for (size_t at = 0; at < piece.size();) {
    const char c = piece[at];
    const bool is_feed_of_return = after_return_ && c == '\n';
    after_return_ = false;
    if (is_feed_of_return && state_ != State::quoted) {
      ++at;
      continue;
    }
    if (state_ == State::quoted) {
      const size_t end = std::min(piece.find('"', at), piece.size());
      line_ += uint64_t(std::count(piece.begin() + std::ptrdiff_t(at),
                                   piece.begin() + std::ptrdiff_t(end), '\n'));
      cell_.append(piece.substr(at, end - at));
      if (cell_.size() > kCellBytesMax)
        return error("a quoted cell of more than 1 MiB; close its quote, or double quotes inside",
                     row_line_);
      if (end < piece.size()) state_ = State::quote_in_quoted;
      at = end + 1;
      continue;
    }
    if (state_ == State::quote_in_quoted && c == '"') {
      cell_ += '"';
      state_ = State::quoted;
    } else if (c == separator_) {
      TRY(end_cell());
      state_ = State::plain;  // the row goes on, if only with an empty cell
    } else if (c == '\n' || c == '\r') {
      TRY(end_row());
      state_ = State::cell_begin;
      ++line_;
      row_line_ = line_;
      after_return_ = c == '\r';
    } else if (c == '"' && cell_.empty() && state_ != State::quote_in_quoted) {
      state_ = State::quoted;
    } else {
      const char stops[] = {separator_, '\n', '\r'};
      const size_t end =
          std::min(piece.find_first_of(std::string_view(stops, 3), at + 1), piece.size());
      cell_.append(piece.substr(at, end - at));
      if (cell_.size() > kCellBytesMax)
        return error("a cell of more than 1 MiB; is this a table of values?", row_line_);
      state_ = State::plain;
      at = end;
      continue;
    }
    ++at;
  }
  return {};
}

Result<void> CsvParser::finish() {
  if (state_ == State::quoted)
    return error("a quote that is not closed; close it, or double quotes inside", row_line_);
  TRY(end_row());
  state_ = State::cell_begin;
  return {};
}

}  // namespace weir
