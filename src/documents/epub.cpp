// EPUB 2 and 3: the chapters in the order of the spine, through the reader of HTML.
#include <map>
#include <set>

#include "base/text.h"
#include "documents/html_blocks.h"
#include "documents/office_xml.h"
#include "documents/readers.h"

namespace weir {
namespace {

struct Item {
  std::string member, type;
  bool is_navigation = false;
};

bool is_chapter(const Item& item) {
  return item.type == "application/xhtml+xml" || item.type == "text/html" ||
         item.type == "application/x-dtbook+xml";
}

}  // namespace

Result<void> add_epub(std::string_view bytes, const DocumentLimits& limits,
                      DocumentBuilder& document) {
  const ZipArchive zip = TRY(ZipArchive::read(bytes, limits, [](const std::string& name) {
    for (const char* ending : {".xml", ".opf", ".xhtml", ".html", ".htm", ".ncx"})
      if (name.ends_with(ending)) return true;
    return false;
  }));
  const XmlDocument container = TRY(XmlDocument::of_member(zip, "META-INF/container.xml", limits));
  const std::string package(
      xml_attribute(xml_descendant(container.root(), "rootfile"), "full-path"));
  const XmlDocument opf = TRY(XmlDocument::of_member(zip, package, limits));
  read_metadata(xml_child(opf.root(), "metadata"), document);
  std::map<std::string, Item> items;
  for (const XmlNode node : xml_child(opf.root(), "manifest")) {
    if (!is_named(node, "item")) continue;
    const std::string href(xml_attribute(node, "href"));
    items[std::string(xml_attribute(node, "id"))] = {
        resolve_member(package, href), std::string(xml_attribute(node, "media-type")),
        xml_attribute(node, "properties").find("nav") != std::string_view::npos};
  }
  const std::string* encryption = zip.find("META-INF/encryption.xml");
  int parts = 0;
  std::set<std::string> seen;
  for (const XmlNode node : xml_child(opf.root(), "spine")) {
    if (!is_named(node, "itemref")) continue;
    const auto found = items.find(std::string(xml_attribute(node, "idref")));
    if (found == items.end() || !is_chapter(found->second) || found->second.is_navigation) continue;
    const std::string& member = found->second.member;
    if (!seen.insert(member).second) continue;
    const std::string* chapter = zip.find(member);
    if (++parts > limits.parts)
      return Error{"has more than " + std::to_string(limits.parts) + " chapters"};
    if (!chapter) {
      document.note("the chapter '" + printable(member) + "' is missing");
      continue;
    }
    // Readers of books decrypt chapters; fonts may be obfuscated in free ones.
    if (encryption && encryption->find(member) != encryption->npos)
      return Error{"is protected by digital rights management and cannot be read"};
    if (const Result<void> added = add_html_bytes(*chapter, "", document); !added)
      document.note("'" + printable(member) + "': " + added.error().message);
  }
  return {};
}

}  // namespace weir
