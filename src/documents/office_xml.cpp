#include "documents/office_xml.h"

#include "base/text.h"

namespace weir {

Result<XmlDocument> XmlDocument::parse(std::string_view xml, const DocumentLimits& limits) {
  XmlDocument parsed;
  parsed.document_ = std::make_unique<pugi::xml_document>();
  const pugi::xml_parse_result result = parsed.document_->load_buffer(
      xml.data(), xml.size(), pugi::parse_default | pugi::parse_ws_pcdata);
  if (!result)
    return Error{"damaged XML at byte " + std::to_string(result.offset) + ": " +
                 result.description()};
  // Readers recurse, so the depth is checked first, without recursion.
  int depth = 0;
  XmlNode node = *parsed.document_;
  for (;;) {
    if (const XmlNode child = node.first_child()) {
      node = child;
      if (++depth > limits.depth)
        return Error{"XML nested deeper than " + std::to_string(limits.depth) + " elements"};
      continue;
    }
    while (node && !node.next_sibling()) {
      node = node.parent();
      --depth;
    }
    if (!node) break;
    node = node.next_sibling();
  }
  if (!parsed.root()) return Error{"XML without an element"};
  return parsed;
}

Result<XmlDocument> XmlDocument::of_member(const ZipArchive& zip, const std::string& name,
                                           const DocumentLimits& limits) {
  const std::string* member = zip.find(name);
  if (!member)
    return Error{"has no '" + printable(name) + "', which this format needs; is it damaged?"};
  return TRY_IN(printable(name), parse(*member, limits));
}

std::string_view local_name(XmlNode node) {
  const std::string_view name = node.name();
  const size_t colon = name.find(':');
  return colon == name.npos ? name : name.substr(colon + 1);
}

XmlNode xml_child(XmlNode node, std::string_view name) {
  for (const XmlNode child : node)
    if (is_named(child, name)) return child;
  return {};
}

std::string_view xml_attribute(XmlNode node, std::string_view name) {
  for (const pugi::xml_attribute attribute : node.attributes()) {
    std::string_view local = attribute.name();
    if (const size_t colon = local.find(':'); colon != local.npos) local.remove_prefix(colon + 1);
    if (local == name) return attribute.value();
  }
  return "";
}

std::string xml_text(XmlNode node) {
  std::string text = node.value();
  for (const XmlNode child : node) text += xml_text(child);
  return text;
}

XmlNode xml_descendant(XmlNode node, std::string_view name) {
  for (const XmlNode child : node) {
    if (is_named(child, name)) return child;
    if (const XmlNode found = xml_descendant(child, name)) return found;
  }
  return {};
}

void read_metadata(XmlNode root, DocumentBuilder& document) {
  document.set_title(xml_text(xml_descendant(root, "title")));
  document.set_language(xml_text(xml_descendant(root, "language")));
}

void read_core_properties(const ZipArchive& zip, const DocumentLimits& limits,
                          DocumentBuilder& document) {
  const std::string* member = zip.find("docProps/core.xml");
  if (!member) return;
  if (const Result<XmlDocument> core = XmlDocument::parse(*member, limits))
    read_metadata(core->root(), document);
}

Result<std::map<std::string, std::string>> read_relations(const ZipArchive& zip,
                                                          const std::string& part,
                                                          const DocumentLimits& limits) {
  std::map<std::string, std::string> relations;
  const size_t slash = part.rfind('/');
  const std::string folder = slash == part.npos ? "" : part.substr(0, slash + 1);
  const std::string name =
      folder + "_rels/" + (slash == part.npos ? part : part.substr(slash + 1)) + ".rels";
  if (!zip.find(name)) return relations;
  const XmlDocument document = TRY(XmlDocument::of_member(zip, name, limits));
  for (const XmlNode relation : document.root()) {
    if (xml_attribute(relation, "TargetMode") == "External") continue;
    const std::string target(xml_attribute(relation, "Target"));
    relations[std::string(xml_attribute(relation, "Id"))] = resolve_member(part, target);
  }
  return relations;
}

}  // namespace weir
