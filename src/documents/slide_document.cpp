// PPTX (ECMA-376, PresentationML): a slide is a page; its title is a heading, outlines are lists,
// the speaker's notes follow.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "documents/office_xml.h"
#include "documents/readers.h"

namespace weir {
namespace {

// The text of one <a:p>.
std::string paragraph_text(XmlNode paragraph) {
  std::string text;
  for (const XmlNode run : paragraph) {
    if (is_named(run, "r") || is_named(run, "fld")) text += xml_text(xml_child(run, "t"));
    if (is_named(run, "br")) text += '\n';
  }
  return text;
}

std::string body_text(XmlNode body) {
  std::string text;
  for (const XmlNode paragraph : body)
    if (is_named(paragraph, "p")) text += paragraph_text(paragraph) + "\n";
  return text;
}

std::string_view placeholder(XmlNode shape) {
  const XmlNode mark = xml_descendant(xml_child(shape, "nvSpPr"), "ph");
  if (!mark) return "";
  const std::string_view type = xml_attribute(mark, "type");
  return type.empty() ? "body" : type;
}

class SlideReader {
 public:
  explicit SlideReader(DocumentBuilder& document) : document_(document) {}

  void read(XmlNode slide) {
    const XmlNode tree = xml_descendant(slide, "spTree");
    // The title stands first, wherever its shape is drawn.
    read_shapes(tree, true);
    read_shapes(tree, false);
  }
  void read_notes(XmlNode notes) { read_notes_in(xml_descendant(notes, "spTree")); }

 private:
  void read_shapes(XmlNode tree, bool titles);
  void read_shape(XmlNode shape, bool titles);
  void read_table(XmlNode table);
  void read_notes_in(XmlNode tree);

  DocumentBuilder& document_;
};

void SlideReader::read_shapes(XmlNode tree, bool titles) {
  for (const XmlNode shape : tree) {
    const std::string_view name = local_name(shape);
    if (name == "sp") read_shape(shape, titles);
    if (name == "grpSp") read_shapes(shape, titles);
    if (name == "graphicFrame" && !titles)
      if (const XmlNode table = xml_descendant(shape, "tbl")) read_table(table);
    if (name == "AlternateContent") read_shapes(xml_child(shape, "Choice"), titles);
  }
}

void SlideReader::read_shape(XmlNode shape, bool titles) {
  const std::string_view kind = placeholder(shape);
  const bool is_title = kind == "title" || kind == "ctrTitle";
  if (is_title != titles || kind == "sldNum" || kind == "ftr" || kind == "dt") return;
  const XmlNode body = xml_child(shape, "txBody");
  if (is_title) return document_.heading(1, body_text(body));
  if (kind == "subTitle") return document_.paragraph(body_text(body));
  for (const XmlNode paragraph : body) {
    if (!is_named(paragraph, "p")) continue;
    const XmlNode properties = xml_child(paragraph, "pPr");
    const Result<int64_t> level = parse_int(xml_attribute(properties, "lvl"));
    const bool has_bullet = xml_child(properties, "buChar") || xml_child(properties, "buAutoNum");
    if ((kind == "body" && !xml_child(properties, "buNone")) || has_bullet)
      document_.list_item(level ? int(std::clamp<int64_t>(*level, 0, 8)) : 0,
                          paragraph_text(paragraph));
    else
      document_.paragraph(paragraph_text(paragraph));
  }
}

void SlideReader::read_table(XmlNode table) {
  std::vector<std::vector<std::string>> rows;
  for (const XmlNode row : table) {
    if (!is_named(row, "tr")) continue;
    std::vector<std::string>& cells = rows.emplace_back();
    for (const XmlNode cell : row)
      if (is_named(cell, "tc")) cells.push_back(body_text(xml_child(cell, "txBody")));
  }
  document_.table(rows);
}

void SlideReader::read_notes_in(XmlNode tree) {
  for (const XmlNode shape : tree)
    if (is_named(shape, "sp") && placeholder(shape) == "body")
      document_.paragraph(body_text(xml_child(shape, "txBody")));
}

}  // namespace

Result<void> add_pptx(std::string_view bytes, const DocumentLimits& limits,
                      DocumentBuilder& document) {
  const ZipArchive zip = TRY(ZipArchive::read(bytes, limits, [](const std::string& name) {
    return name.ends_with(".xml") || name.ends_with(".rels");
  }));
  const std::string main = "ppt/presentation.xml";
  const XmlDocument presentation = TRY(XmlDocument::of_member(zip, main, limits));
  const std::map<std::string, std::string> relations = TRY(read_relations(zip, main, limits));
  read_core_properties(zip, limits, document);
  SlideReader reader(document);
  int page = 0;
  for (const XmlNode entry : xml_child(presentation.root(), "sldIdLst")) {
    if (!is_named(entry, "sldId")) continue;
    document.set_page(++page);
    // Two attributes have the local name "id": of the slide, and r:id of the relation.
    std::string member;
    for (const pugi::xml_attribute attribute : entry.attributes())
      if (const auto found = relations.find(attribute.value()); found != relations.end())
        member = found->second;
    const Result<XmlDocument> slide = XmlDocument::of_member(zip, member, limits);
    if (!slide) {
      document.note("slide " + std::to_string(page) + ": " + slide.error().message);
      continue;
    }
    if (xml_attribute(slide->root(), "show") == "0")
      document.note("slide " + std::to_string(page) + " is hidden");
    reader.read(slide->root());
    const std::map<std::string, std::string> parts = TRY(read_relations(zip, member, limits));
    for (const auto& [id, other] : parts) {
      if (other.find("notesSlide") == other.npos) continue;
      if (const Result<XmlDocument> notes = XmlDocument::of_member(zip, other, limits))
        reader.read_notes(notes->root());
    }
  }
  return {};
}

}  // namespace weir
