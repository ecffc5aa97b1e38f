// DOCX (ECMA-376, WordprocessingML): headings from styles and outline levels, lists from numbering,
// tables, footnotes; text of deleted revisions is left out.
#include <map>

#include "base/text.h"
#include "documents/office_xml.h"
#include "documents/readers.h"

namespace weir {
namespace {

int whole(std::string_view text, int otherwise) {
  const Result<int64_t> value = parse_int(text);
  return value && *value >= -1000 && *value <= 1000000 ? int(*value) : otherwise;
}

struct Style {
  std::string based_on;
  int level = 0;  // of a heading: 1 to 9
  bool is_title = false, is_list = false;
  int depth = 0;  // of a list
  std::string numbering;
};

class WordReader {
 public:
  WordReader(const ZipArchive& zip, const DocumentLimits& limits, DocumentBuilder& document)
      : zip_(zip), limits_(limits), document_(document) {}

  Result<void> read() {
    std::string main = "word/document.xml";
    const std::map<std::string, std::string> parts = TRY(read_relations(zip_, "", limits_));
    for (const auto& [id, member] : parts)
      if (member.ends_with("document.xml") || member.ends_with("document2.xml")) main = member;
    read_core_properties(zip_, limits_, document_);
    TRY(read_styles(resolve_member(main, "styles.xml")));
    TRY(read_notes(resolve_member(main, "footnotes.xml")));
    const XmlDocument body = TRY(XmlDocument::of_member(zip_, main, limits_));
    read_body(xml_child(body.root(), "body"));
    for (const std::string& note : used_notes_) document_.paragraph(note);
    return {};
  }

 private:
  Result<void> read_styles(const std::string& name);
  Result<void> read_notes(const std::string& name);
  void read_body(XmlNode node);
  void read_paragraph(XmlNode paragraph);
  void read_table(XmlNode table);
  const Style* style_of(XmlNode properties) const;
  std::string text_of(XmlNode node);
  void append_text(XmlNode node, std::string& text);

  const ZipArchive& zip_;
  const DocumentLimits& limits_;
  DocumentBuilder& document_;
  std::map<std::string, Style> styles_;
  std::map<std::string, std::string> notes_;
  std::vector<std::string> used_notes_;
};

Result<void> WordReader::read_styles(const std::string& name) {
  if (!zip_.find(name)) return {};
  const XmlDocument document = TRY(XmlDocument::of_member(zip_, name, limits_));
  for (const XmlNode node : document.root()) {
    if (is_named(node, "docDefaults"))
      document_.set_language(xml_attribute(xml_descendant(node, "lang"), "val"));
    if (!is_named(node, "style")) continue;
    Style style;
    style.based_on = xml_attribute(xml_child(node, "basedOn"), "val");
    // The English name is the same in files of all languages: "heading 1".
    std::string title(xml_attribute(xml_child(node, "name"), "val"));
    for (char& c : title)
      if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
    if (title.starts_with("heading ")) style.level = whole(title.substr(8), 0);
    style.is_title = title == "title";
    style.is_list = title.starts_with("list");
    // "list bullet 2" is the second depth.
    if (style.is_list && title.back() >= '2' && title.back() <= '9')
      style.depth = title.back() - '1';
    const XmlNode properties = xml_child(node, "pPr");
    if (const XmlNode outline = xml_child(properties, "outlineLvl"); outline && style.level == 0)
      if (const int level = whole(xml_attribute(outline, "val"), 9); level >= 0 && level < 9)
        style.level = level + 1;
    style.numbering = xml_attribute(xml_child(xml_child(properties, "numPr"), "numId"), "val");
    styles_[std::string(xml_attribute(node, "styleId"))] = std::move(style);
  }
  // What a style does not say, the one it is based on does.
  for (auto& [id, style] : styles_) {
    const Style* base = &style;
    for (int i = 0; i < 20 && style.level == 0; ++i) {
      const auto found = styles_.find(base->based_on);
      if (found == styles_.end()) break;
      base = &found->second;
      style.level = base->level;
      style.is_list |= base->is_list;
    }
  }
  return {};
}

Result<void> WordReader::read_notes(const std::string& name) {
  if (!zip_.find(name)) return {};
  const XmlDocument document = TRY(XmlDocument::of_member(zip_, name, limits_));
  for (const XmlNode note : document.root()) {
    const std::string type(xml_attribute(note, "type"));
    if (!type.empty() && type != "normal") continue;
    notes_[std::string(xml_attribute(note, "id"))] = running_text(text_of(note));
  }
  return {};
}

const Style* WordReader::style_of(XmlNode properties) const {
  const auto found =
      styles_.find(std::string(xml_attribute(xml_child(properties, "pStyle"), "val")));
  return found == styles_.end() ? nullptr : &found->second;
}

void WordReader::append_text(XmlNode node, std::string& text) {
  for (const XmlNode child : node) {
    const std::string_view name = local_name(child);
    if (name == "t") {
      text += xml_text(child);
    } else if (name == "tab" || name == "ptab") {
      text += '\t';
    } else if (name == "br" || name == "cr") {
      text += '\n';
    } else if (name == "noBreakHyphen") {
      text += '-';
    } else if (name == "sym" || name == "delText" || name == "instrText" || name == "pPr" ||
               name == "rPr" || name == "del" || name == "moveFrom" || name == "Fallback") {
      continue;
    } else if (name == "footnoteReference") {
      const auto found = notes_.find(std::string(xml_attribute(child, "id")));
      if (found == notes_.end() || found->second.empty()) continue;
      const std::string mark = "[" + std::to_string(used_notes_.size() + 1) + "]";
      text += mark;
      used_notes_.push_back(mark + " " + found->second);
    } else {
      append_text(child, text);
      // Paragraphs inside of a paragraph: a text box.
      if (name == "p") text += '\n';
    }
  }
}

std::string WordReader::text_of(XmlNode node) {
  std::string text;
  append_text(node, text);
  return text;
}

void WordReader::read_body(XmlNode node) {
  for (const XmlNode child : node) {
    const std::string_view name = local_name(child);
    if (name == "p")
      read_paragraph(child);
    else if (name == "tbl")
      read_table(child);
    else if (name == "sdt")
      read_body(xml_child(child, "sdtContent"));
    else if (name == "ins" || name == "moveTo" || name == "customXml" || name == "smartTag")
      read_body(child);
  }
}

void WordReader::read_paragraph(XmlNode paragraph) {
  const XmlNode properties = xml_child(paragraph, "pPr");
  const Style* style = style_of(properties);
  const std::string text = text_of(paragraph);
  int level = style ? style->level : 0;
  if (const XmlNode outline = xml_child(properties, "outlineLvl"))
    if (const int own = whole(xml_attribute(outline, "val"), 9); own >= 0 && own < 9)
      level = own + 1;
  if (style && style->is_title) {
    document_.set_title(text);
    return document_.heading(1, text);
  }
  if (level > 0) return document_.heading(level, text);
  const XmlNode numbering = xml_child(properties, "numPr");
  std::string id(xml_attribute(xml_child(numbering, "numId"), "val"));
  if (!numbering && style) id = style->numbering;
  if ((!id.empty() && id != "0") || (style && style->is_list))
    return document_.list_item(
        whole(xml_attribute(xml_child(numbering, "ilvl"), "val"), style ? style->depth : 0), text);
  document_.paragraph(text);
}

void WordReader::read_table(XmlNode table) {
  std::vector<std::vector<std::string>> rows;
  std::vector<XmlNode> cells_of_one;
  for (const XmlNode row : table) {
    if (!is_named(row, "tr")) continue;
    std::vector<std::string>& cells = rows.emplace_back();
    for (XmlNode cell : row) {
      if (is_named(cell, "sdt")) cell = xml_child(xml_child(cell, "sdtContent"), "tc");
      if (!is_named(cell, "tc")) continue;
      std::string text;
      append_text(cell, text);
      const XmlNode properties = xml_child(cell, "tcPr");
      // A cell that goes on from the row above repeats it.
      const XmlNode merged = xml_child(properties, "vMerge");
      if (merged && xml_attribute(merged, "val") != "restart" && rows.size() > 1 &&
          cells.size() < rows[rows.size() - 2].size())
        text = rows[rows.size() - 2][cells.size()];
      cells.push_back(std::move(text));
      cells_of_one.push_back(cell);
      const int wide = whole(xml_attribute(xml_child(properties, "gridSpan"), "val"), 1);
      for (int i = 1; i < std::min(wide, 100); ++i) cells.push_back("");
    }
  }
  // A frame around text is no table.
  if (cells_of_one.size() == 1) return read_body(cells_of_one[0]);
  document_.table(rows);
}

}  // namespace

Result<void> add_docx(std::string_view bytes, const DocumentLimits& limits,
                      DocumentBuilder& document) {
  const ZipArchive zip = TRY(ZipArchive::read(bytes, limits, [](const std::string& name) {
    return name.ends_with(".xml") || name.ends_with(".rels");
  }));
  return WordReader(zip, limits, document).read();
}

}  // namespace weir
