// Values of spreadsheets as people see them, and sheets as tables.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "documents/document.h"
#include "documents/document_builder.h"

namespace weir {

// What a number format (ECMA-376, 18.8.30) shows: "yyyy-mm-dd", "#,##0.00", "0%".
struct CellFormat {
  bool is_date = false, has_time = false, has_day = false;
  bool is_percent = false, has_thousands = false;
  int decimals = -1;  // -1: as many as the number has
};
CellFormat parse_cell_format(std::string_view code);
// The format codes that have a number and no text: 14 is a date.
CellFormat built_in_cell_format(int id);

// `value` in the format; days since 1899-12-30, or 1904-01-01, for dates.
std::string cell_number(double value, const CellFormat& format, bool epoch_1904);

// 0 for "A1", 27 for "AB7"; -1 for no reference.
int column_of_reference(std::string_view reference);

// Tables are what blank rows separate; a row of one cell above is a paragraph. Long tables become
// several blocks of `rows_max` rows, with the head repeated.
void add_sheet(const std::vector<std::vector<std::string>>& rows, int rows_max,
               DocumentBuilder& document);

}  // namespace weir
