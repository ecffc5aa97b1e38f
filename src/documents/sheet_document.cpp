// XLSX (ECMA-376, SpreadsheetML): a sheet is a page with tables; values as their formats show them.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "documents/office_xml.h"
#include "documents/readers.h"
#include "documents/sheet_cells.h"

namespace weir {
namespace {

constexpr int kColumnsMax = 16384;
constexpr size_t kCellsMax = 20'000'000;  // of a sheet, blank ones between others included

class SheetReader {
 public:
  SheetReader(const ZipArchive& zip, const DocumentLimits& limits, DocumentBuilder& document)
      : zip_(zip), limits_(limits), document_(document) {}

  Result<void> read() {
    const std::string main = "xl/workbook.xml";
    const XmlDocument workbook = TRY(XmlDocument::of_member(zip_, main, limits_));
    const std::map<std::string, std::string> relations = TRY(read_relations(zip_, main, limits_));
    epoch_1904_ = is_true(xml_attribute(xml_child(workbook.root(), "workbookPr"), "date1904"));
    TRY(read_strings());
    TRY(read_formats());
    read_core_properties(zip_, limits_, document_);
    int page = 0;
    for (const XmlNode sheet : xml_child(workbook.root(), "sheets")) {
      if (!is_named(sheet, "sheet")) continue;
      document_.set_page(++page);
      const std::string name(xml_attribute(sheet, "name"));
      const std::string state(xml_attribute(sheet, "state"));
      const auto member = relations.find(std::string(xml_attribute(sheet, "id")));
      if (member == relations.end() || !zip_.find(member->second)) continue;  // a chart
      if (!state.empty() && state != "visible") document_.note("sheet '" + name + "' is hidden");
      document_.heading(1, name);
      TRY_IN("sheet '" + printable(name) + "'", read_sheet(member->second));
    }
    return {};
  }

 private:
  static bool is_true(std::string_view text) { return text == "1" || text == "true"; }
  Result<void> read_strings();
  Result<void> read_formats();
  Result<void> read_sheet(const std::string& member);
  std::string cell_text(XmlNode cell) const;

  const ZipArchive& zip_;
  const DocumentLimits& limits_;
  DocumentBuilder& document_;
  std::vector<std::string> strings_;
  std::vector<CellFormat> formats_;  // by the index of a cell's style
  bool epoch_1904_ = false;
};

// The runs of a rich text; phonetic ones (furigana) are not part of it.
std::string rich_text(XmlNode node) {
  std::string text;
  for (const XmlNode child : node) {
    if (is_named(child, "t")) text += xml_text(child);
    if (is_named(child, "r")) text += xml_text(xml_child(child, "t"));
  }
  return text;
}

Result<void> SheetReader::read_strings() {
  if (!zip_.find("xl/sharedStrings.xml")) return {};
  const XmlDocument document = TRY(XmlDocument::of_member(zip_, "xl/sharedStrings.xml", limits_));
  for (const XmlNode item : document.root())
    if (is_named(item, "si")) strings_.push_back(rich_text(item));
  return {};
}

Result<void> SheetReader::read_formats() {
  if (!zip_.find("xl/styles.xml")) return {};
  const XmlDocument document = TRY(XmlDocument::of_member(zip_, "xl/styles.xml", limits_));
  std::map<int64_t, CellFormat> own;
  for (const XmlNode node : xml_child(document.root(), "numFmts")) {
    const Result<int64_t> id = parse_int(xml_attribute(node, "numFmtId"));
    if (id) own[*id] = parse_cell_format(xml_attribute(node, "formatCode"));
  }
  for (const XmlNode node : xml_child(document.root(), "cellXfs")) {
    if (!is_named(node, "xf")) continue;
    const Result<int64_t> id = parse_int(xml_attribute(node, "numFmtId"));
    const auto found = id ? own.find(*id) : own.end();
    formats_.push_back(found != own.end() ? found->second
                       : id               ? built_in_cell_format(int(*id))
                                          : CellFormat());
  }
  return {};
}

std::string SheetReader::cell_text(XmlNode cell) const {
  const std::string_view type = xml_attribute(cell, "t");
  if (type == "inlineStr") return rich_text(xml_child(cell, "is"));
  const std::string value = xml_text(xml_child(cell, "v"));
  if (type == "s") {
    const Result<int64_t> index = parse_int(trim(value));
    return index && *index >= 0 && size_t(*index) < strings_.size() ? strings_[size_t(*index)] : "";
  }
  if (type == "b") return value == "1" ? "TRUE" : "FALSE";
  if (type == "str" || type == "e" || type == "d") return value;
  const Result<double> number = parse_double(trim(value));
  if (!number) return value;
  const Result<int64_t> style = parse_int(xml_attribute(cell, "s"));
  const bool has_format = style && *style >= 0 && size_t(*style) < formats_.size();
  return cell_number(*number, has_format ? formats_[size_t(*style)] : CellFormat(), epoch_1904_);
}

Result<void> SheetReader::read_sheet(const std::string& member) {
  const XmlDocument sheet = TRY(XmlDocument::of_member(zip_, member, limits_));
  std::vector<std::vector<std::string>> rows;
  int64_t last = 0;
  size_t count = 0;
  for (const XmlNode row : xml_child(sheet.root(), "sheetData")) {
    if (!is_named(row, "row")) continue;
    const Result<int64_t> number = parse_int(xml_attribute(row, "r"));
    // Rows that are not stored are blank: one is enough to end a table.
    if (number && *number > last + 1 && !rows.empty()) rows.emplace_back();
    last = number ? *number : last + 1;
    std::vector<std::string>& cells = rows.emplace_back();
    for (const XmlNode cell : row) {
      if (!is_named(cell, "c")) continue;
      const int column = column_of_reference(xml_attribute(cell, "r"));
      if (column >= kColumnsMax) continue;
      if (column > int(cells.size())) cells.resize(size_t(column));
      std::string text = cell_text(cell);
      if (column >= 0 && column < int(cells.size()))
        cells[size_t(column)] = std::move(text);
      else
        cells.push_back(std::move(text));
    }
    while (!cells.empty() && cells.back().empty()) cells.pop_back();
    count += cells.size();
    if (count > kCellsMax)
      return Error{"more than " + std::to_string(kCellsMax) + " cells; save it as CSV"};
  }
  add_sheet(rows, limits_.rows_per_document, document_);
  return {};
}

}  // namespace

Result<void> add_xlsx(std::string_view bytes, const DocumentLimits& limits,
                      DocumentBuilder& document) {
  const ZipArchive zip = TRY(ZipArchive::read(bytes, limits, [](const std::string& name) {
    return name.ends_with(".rels") || (name.ends_with(".xml") && !name.starts_with("xl/drawings"));
  }));
  if (zip.find("xl/workbook.bin")) return Error{"is a binary workbook (.xlsb); save it as .xlsx"};
  return SheetReader(zip, limits, document).read();
}

}  // namespace weir
