// Comma, semicolon, tab or bar separated values as rows of cells (RFC 4180), piece by piece.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

using CsvRow = std::vector<std::string>;

// The separator with which the first rows of `text` have the most regular columns; ',' if none has
// two.
char detect_csv_separator(std::string_view text);

// Whether the first row names the columns: it is not mostly numbers (years are names), and no cell
// of it is empty but the first.
bool is_csv_head(const CsvRow& row);

class CsvParser {
 public:
  // `take` is called for every row that is not blank; its error ends the reading.
  CsvParser(char separator, std::function<Result<void>(CsvRow)> take)
      : separator_(separator), take_(std::move(take)) {}

  // A quote begins a quoted cell where a cell begins, "" inside it is one quote, and what follows
  // the closing quote up to the separator belongs to the cell. Errors give the line: a cell of more
  // than 1 MiB (a quote that is not closed), more than 16,384 cells.
  Result<void> add(std::string_view piece);
  Result<void> finish();
  uint64_t line() const { return line_; }

 private:
  enum class State { cell_begin, plain, quoted, quote_in_quoted };
  Result<void> end_cell();
  Result<void> end_row();
  Error error(const std::string& what, uint64_t line) const;

  char separator_;
  std::function<Result<void>(CsvRow)> take_;
  State state_ = State::cell_begin;
  CsvRow row_;
  std::string cell_;
  uint64_t line_ = 1, row_line_ = 1;
  bool after_return_ = false;
};

}  // namespace weir
