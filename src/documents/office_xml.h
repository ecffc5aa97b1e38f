// The XML of office formats. pugixml expands no entities but XML's five and reads no DTD, so that
// no bomb can be written in them. Names are compared without their prefix: "w:p" is "p".
#pragma once
#include <pugixml.hpp>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "documents/document.h"
#include "documents/document_builder.h"
#include "documents/zip_archive.h"

namespace weir {

using XmlNode = pugi::xml_node;

class XmlDocument {
 public:
  // Errors: no XML, elements nested deeper than limits.depth.
  static Result<XmlDocument> parse(std::string_view xml, const DocumentLimits& limits);
  // A member of an archive; the error names it.
  static Result<XmlDocument> of_member(const ZipArchive& zip, const std::string& name,
                                       const DocumentLimits& limits);
  XmlNode root() const { return document_->document_element(); }

 private:
  std::unique_ptr<pugi::xml_document> document_;
};

// "p" of <w:p>.
std::string_view local_name(XmlNode node);
inline bool is_named(XmlNode node, std::string_view name) { return local_name(node) == name; }
// The first child, or attribute, of that local name; an empty node or "".
XmlNode xml_child(XmlNode node, std::string_view name);
std::string_view xml_attribute(XmlNode node, std::string_view name);
// All text below, in order.
std::string xml_text(XmlNode node);
// The first element of that name below, in document order.
XmlNode xml_descendant(XmlNode node, std::string_view name);

// Title and language of Dublin Core elements (docProps/core.xml, meta.xml, EPUB's metadata) below.
void read_metadata(XmlNode root, DocumentBuilder& document);
// The same from docProps/core.xml, where it is readable.
void read_core_properties(const ZipArchive& zip, const DocumentLimits& limits,
                          DocumentBuilder& document);

// Relations of a part ("word/document.xml"): id -> member.
Result<std::map<std::string, std::string>> read_relations(const ZipArchive& zip,
                                                          const std::string& part,
                                                          const DocumentLimits& limits);

}  // namespace weir
