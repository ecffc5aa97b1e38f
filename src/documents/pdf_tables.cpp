// Tables on a page: rows of words with wide gaps that stand above each other.
#include <algorithm>
#include <numeric>

#include "documents/pdf_layout.h"

namespace weir {
namespace {

constexpr std::ptrdiff_t kRowsMax = 400;  // of one table: columns are computed for each row added
constexpr double kGapEms = 1.2;           // between cells, at least
constexpr double kRowDistance = 2.6;      // of rows of one table, in heights of a row, at most
constexpr double kProseCharacters = 30;   // a cell of prose in columns has more

struct Cell {
  std::string text;
  double left, right;
};
struct Row {
  double top, bottom;
  std::vector<Cell> cells;
  std::vector<size_t> words;
};

std::vector<Row> rows_of(const std::vector<PageWord>& words) {
  std::vector<size_t> order(words.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::ranges::sort(order, [&](size_t a, size_t b) {
    return words[a].top + words[a].bottom < words[b].top + words[b].bottom;
  });
  std::vector<Row> rows;
  for (const size_t index : order) {
    const PageWord& word = words[index];
    const double middle = (word.top + word.bottom) / 2;
    // Compared with the row's first word, so that a row does not creep down the page.
    if (rows.empty() || middle > rows.back().bottom || middle < rows.back().top ||
        (rows.back().top + rows.back().bottom) / 2 < word.top)
      rows.push_back({word.top, word.bottom, {}, {}});
    rows.back().words.push_back(index);
  }
  for (Row& row : rows) {
    std::ranges::sort(row.words, {}, [&](size_t index) { return words[index].left; });
    const PageWord* last = nullptr;
    for (const size_t index : row.words) {
      const PageWord& word = words[index];
      const double gap = last ? word.left - last->right : 0;
      if (!last || gap > kGapEms * std::max(word.size, 1.0)) {
        row.cells.push_back({word.text, word.left, word.right});
      } else {
        Cell& cell = row.cells.back();
        if (last->space_after || gap > 0.12 * word.size) cell.text += ' ';
        cell.text += word.text;
        cell.right = std::max(cell.right, word.right);
      }
      last = &word;
    }
  }
  return rows;
}

struct Column {
  double left, right;
};

// The cells' ranges, those that overlap as one; sorted.
std::vector<Column> columns_of(std::vector<Row>::const_iterator begin,
                               std::vector<Row>::const_iterator end) {
  std::vector<Column> ranges;
  for (auto row = begin; row != end; ++row)
    for (const Cell& cell : row->cells) ranges.push_back({cell.left, cell.right});
  std::ranges::sort(ranges, {}, &Column::left);
  std::vector<Column> columns;
  for (const Column& range : ranges) {
    if (columns.empty() || range.left > columns.back().right)
      columns.push_back(range);
    else
      columns.back().right = std::max(columns.back().right, range.right);
  }
  return columns;
}

bool is_prose(std::vector<Row>::const_iterator begin, std::vector<Row>::const_iterator end) {
  double cells = 0, characters = 0;
  for (auto row = begin; row != end; ++row)
    for (const Cell& cell : row->cells) {
      cells += 1;
      for (const char c : cell.text) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }
  return characters > kProseCharacters * cells;
}

}  // namespace

std::vector<PageTable> take_tables(std::vector<PageWord>& words) {
  const std::vector<Row> rows = rows_of(words);
  std::vector<PageTable> tables;
  std::vector<bool> taken(words.size());
  for (auto begin = rows.begin(); begin != rows.end();) {
    if (begin->cells.size() < 2) {
      ++begin;
      continue;
    }
    auto end = begin + 1;
    while (end != rows.end() && end - begin < kRowsMax && end->cells.size() >= 2 &&
           end->top - (end - 1)->bottom < kRowDistance * ((end - 1)->bottom - (end - 1)->top) &&
           columns_of(begin, end + 1).size() >= 2)
      ++end;
    const std::vector<Column> columns = columns_of(begin, end);
    const bool is_table =
        end - begin >= 2 && columns.size() >= 2 && (columns.size() > 3 || !is_prose(begin, end));
    if (!is_table) {
      begin = end;
      continue;
    }
    PageTable& table = tables.emplace_back();
    table.word = words.size();
    table.top = begin->top;
    table.bottom = (end - 1)->bottom;
    for (auto row = begin; row != end; ++row) {
      std::vector<std::string>& cells = table.rows.emplace_back(columns.size());
      for (const Cell& cell : row->cells) {
        size_t column = 0;
        while (column + 1 < columns.size() && columns[column].right < cell.left) ++column;
        cells[column] += (cells[column].empty() ? "" : " ") + cell.text;
      }
      for (const size_t index : row->words) {
        taken[index] = true;
        table.word = std::min(table.word, index);
      }
    }
    begin = end;
  }
  if (tables.empty()) return tables;
  std::vector<PageWord> rest;
  std::vector<size_t> before(words.size() + 1);  // words that are left before each
  for (size_t i = 0; i < words.size(); ++i) {
    before[i] = rest.size();
    if (!taken[i]) rest.push_back(std::move(words[i]));
  }
  before[words.size()] = rest.size();
  for (PageTable& table : tables) table.word = before[table.word];
  std::ranges::stable_sort(tables, {}, &PageTable::word);
  words = std::move(rest);
  return tables;
}

}  // namespace weir
