// OpenDocument (ISO/IEC 26300): texts, presentations (a slide is a page) and spreadsheets (a sheet
// is a page).
#include <algorithm>

#include "base/text.h"
#include "documents/office_xml.h"
#include "documents/readers.h"
#include "documents/sheet_cells.h"

namespace weir {
namespace {

constexpr int64_t kColumnsMax = 16384, kRepeatsMax = 1000;
constexpr size_t kCellsMax = 20'000'000;

int64_t number_attribute(XmlNode node, std::string_view name, int64_t otherwise, int64_t most) {
  const Result<int64_t> value = parse_int(xml_attribute(node, name));
  return value ? std::clamp<int64_t>(*value, 0, most) : otherwise;
}

// White space of the XML is one blank; others are elements (ODF 1.3 part 3, 6.1.2).
std::string running_blanks(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\t' || c == '\r') c = ' ';
  return text;
}

class OpenDocumentReader {
 public:
  OpenDocumentReader(const DocumentLimits& limits, DocumentBuilder& document)
      : limits_(limits), document_(document) {}

  Result<void> read(XmlNode root) {
    const XmlNode body = xml_child(root, "body");
    if (const XmlNode text = xml_child(body, "text")) {
      read_blocks(text, -1);
    } else if (const XmlNode slides = xml_child(body, "presentation")) {
      read_slides(slides);
    } else if (const XmlNode sheets = xml_child(body, "spreadsheet")) {
      TRY(read_sheets(sheets));
    } else {
      return Error{"holds no text, presentation or spreadsheet"};
    }
    for (const std::string& note : notes_) document_.paragraph(note);
    return {};
  }

 private:
  void read_blocks(XmlNode node, int depth);
  void read_item(XmlNode item, int depth);
  void read_table(XmlNode table);
  void read_slides(XmlNode slides);
  void read_frames(XmlNode node, bool titles);
  Result<void> read_sheets(XmlNode sheets);
  // The text of one paragraph; footnotes are put aside, text boxes in it follow it.
  std::string text_of(XmlNode node);
  void append_text(XmlNode node, std::string& text);
  template <class Take>
  void for_rows(XmlNode table, Take take);

  const DocumentLimits& limits_;
  DocumentBuilder& document_;
  std::vector<std::string> notes_;
};

void OpenDocumentReader::append_text(XmlNode node, std::string& text) {
  for (const XmlNode child : node) {
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) {
      text += running_blanks(child.value());
      continue;
    }
    const std::string_view name = local_name(child);
    if (name == "s") {
      text += ' ';
    } else if (name == "tab") {
      text += '\t';
    } else if (name == "line-break") {
      text += '\n';
    } else if (name == "note") {
      const std::string note = running_text(text_of(xml_child(child, "note-body")));
      const std::string mark = "[" + std::to_string(notes_.size() + 1) + "]";
      text += mark;
      notes_.push_back(mark + " " + note);
    } else if (name == "annotation" || name == "tracked-changes" || name == "ruby-text") {
      continue;
    } else {
      append_text(child, text);
      if (name == "p" || name == "h") text += '\n';
    }
  }
}

std::string OpenDocumentReader::text_of(XmlNode node) {
  std::string text;
  append_text(node, text);
  return text;
}

void OpenDocumentReader::read_item(XmlNode item, int depth) {
  for (const XmlNode child : item) {
    const std::string_view name = local_name(child);
    if (name == "p" || name == "h")
      document_.list_item(depth, text_of(child));
    else if (name == "list")
      read_blocks(child, depth + 1);
  }
}

// `depth`: of the list whose items are read; -1 outside of lists.
void OpenDocumentReader::read_blocks(XmlNode node, int depth) {
  for (const XmlNode child : node) {
    const std::string_view name = local_name(child);
    if (name == "h") {
      document_.heading(int(number_attribute(child, "outline-level", 1, 6)), text_of(child));
    } else if (name == "p") {
      const std::string text = text_of(child);
      if (xml_attribute(child, "style-name") == "Title") {
        document_.set_title(text);
        document_.heading(1, text);
      } else {
        document_.paragraph(text);
      }
    } else if (name == "list-item" || name == "list-header") {
      read_item(child, std::max(depth, 0));
    } else if (name == "list") {
      read_blocks(child, depth + 1);
    } else if (name == "table") {
      read_table(child);
    } else if (name == "section" || name == "index-body" || name == "text-box") {
      read_blocks(child, depth);
    } else if (name == "frame") {
      if (const XmlNode box = xml_child(child, "text-box")) read_blocks(box, depth);
      if (const XmlNode table = xml_child(child, "table")) read_table(table);
    }
  }
}

template <class Take>
void OpenDocumentReader::for_rows(XmlNode table, Take take) {
  for (const XmlNode child : table) {
    const std::string_view name = local_name(child);
    if (name == "table-row")
      take(child);
    else if (name == "table-header-rows" || name == "table-rows" || name == "table-row-group")
      for_rows(child, take);
  }
}

void OpenDocumentReader::read_table(XmlNode table) {
  std::vector<std::vector<std::string>> rows;
  for_rows(table, [&](XmlNode row) {
    std::vector<std::string>& cells = rows.emplace_back();
    for (const XmlNode cell : row) {
      const bool is_covered = is_named(cell, "covered-table-cell");
      if (is_covered || is_named(cell, "table-cell"))
        cells.push_back(is_covered ? "" : text_of(cell));
    }
  });
  document_.table(rows);
}

void OpenDocumentReader::read_frames(XmlNode node, bool titles) {
  for (const XmlNode child : node) {
    const std::string_view name = local_name(child);
    if (name == "notes" || name == "forms") continue;
    const std::string_view kind = xml_attribute(child, "class");
    const bool is_title = kind == "title";
    if (name == "frame" && is_title == titles && kind != "page-number" && kind != "date-time" &&
        kind != "footer" && kind != "header") {
      const XmlNode box = xml_child(child, "text-box");
      if (is_title) {
        document_.heading(1, text_of(box));
        continue;
      }
      read_blocks(box, -1);
      if (const XmlNode table = xml_child(child, "table")) read_table(table);
    } else if (name == "custom-shape" || name == "rect" || name == "ellipse") {
      if (!titles) read_blocks(child, -1);
    } else if (name == "g") {
      read_frames(child, titles);
    }
  }
}

void OpenDocumentReader::read_slides(XmlNode slides) {
  int page = 0;
  for (const XmlNode slide : slides) {
    if (!is_named(slide, "page")) continue;
    document_.set_page(++page);
    read_frames(slide, true);
    read_frames(slide, false);
    if (const XmlNode notes = xml_child(slide, "notes"))
      for (const XmlNode frame : notes)
        if (xml_attribute(frame, "class") == "notes") read_blocks(xml_child(frame, "text-box"), -1);
  }
}

Result<void> OpenDocumentReader::read_sheets(XmlNode sheets) {
  int page = 0;
  for (const XmlNode sheet : sheets) {
    if (!is_named(sheet, "table")) continue;
    document_.set_page(++page);
    document_.heading(1, xml_attribute(sheet, "name"));
    std::vector<std::vector<std::string>> rows;
    size_t count = 0;
    for_rows(sheet, [&](XmlNode row) {
      std::vector<std::string> cells;
      for (const XmlNode cell : row) {
        if (!is_named(cell, "table-cell") && !is_named(cell, "covered-table-cell")) continue;
        const std::string text = text_of(cell);
        const int64_t times = number_attribute(cell, "number-columns-repeated", 1,
                                               text.empty() ? kColumnsMax : kRepeatsMax);
        if (int64_t(cells.size()) + times <= kColumnsMax)
          cells.insert(cells.end(), size_t(times), text);
      }
      while (!cells.empty() && trim(cells.back()).empty()) cells.pop_back();
      // A million blank rows at the end of a sheet are one element.
      const int64_t times =
          number_attribute(row, "number-rows-repeated", 1, cells.empty() ? 1 : kRepeatsMax);
      for (int64_t i = 0; i < times && count <= kCellsMax; ++i) {
        count += cells.size() + 1;
        rows.push_back(cells);
      }
    });
    if (count > kCellsMax)
      return Error{"more than " + std::to_string(kCellsMax) + " cells; save the sheet as CSV"};
    add_sheet(rows, limits_.rows_per_document, document_);
  }
  return {};
}

}  // namespace

Result<void> add_open_document(std::string_view bytes, const DocumentLimits& limits,
                               DocumentBuilder& document) {
  const ZipArchive zip = TRY(ZipArchive::read(bytes, limits, [](const std::string& name) {
    return name == "content.xml" || name == "meta.xml" || name == "META-INF/manifest.xml";
  }));
  if (const std::string* manifest = zip.find("META-INF/manifest.xml"))
    if (manifest->find("encryption-data") != manifest->npos)
      return Error{"is encrypted; save it without a password"};
  const XmlDocument content = TRY(XmlDocument::of_member(zip, "content.xml", limits));
  if (const std::string* meta = zip.find("meta.xml"))
    if (const Result<XmlDocument> parsed = XmlDocument::parse(*meta, limits))
      read_metadata(parsed->root(), document);
  return OpenDocumentReader(limits, document).read(content.root());
}

}  // namespace weir
