// Any bytes as the main parts of DOCX, PPTX, XLSX, OpenDocument and EPUB, put into a ZIP file that
// stores them: an error, or a document of clean text. The first byte tells the format.
#include <cstdint>
#include <string>

#include "documents/readers.h"
#include "fuzz/document_check.h"

namespace {

void put(std::string& out, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += char(value >> (8 * i) & 0xFF);
}

uint32_t crc32_of(std::string_view bytes) {
  uint32_t crc = ~uint32_t(0);
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

// A ZIP file whose members are stored as they are.
class StoredZip {
 public:
  void add(const std::string& name, std::string_view bytes) {
    const uint32_t place = uint32_t(out_.size()), crc = crc32_of(bytes);
    out_ += "PK\x03\x04";
    std::string common;
    put(common, 20, 2);
    for (int i = 0; i < 4; ++i) put(common, 0, 2);
    put(common, crc, 4);
    put(common, uint32_t(bytes.size()), 4);
    put(common, uint32_t(bytes.size()), 4);
    put(common, uint32_t(name.size()), 2);
    put(common, 0, 2);
    out_ += common + name + std::string(bytes);
    directory_ += "PK\x01\x02";
    put(directory_, 20, 2);
    directory_ += common;
    put(directory_, 0, 2);
    put(directory_, 0, 2);
    put(directory_, 0, 2);
    put(directory_, 0, 4);
    put(directory_, place, 4);
    directory_ += name;
    ++count_;
  }
  std::string finish() const {
    std::string all = out_ + directory_ + "PK\x05\x06";
    put(all, 0, 4);
    put(all, count_, 2);
    put(all, count_, 2);
    put(all, uint32_t(directory_.size()), 4);
    put(all, uint32_t(out_.size()), 4);
    put(all, 0, 2);
    return all;
  }

 private:
  std::string out_, directory_;
  uint32_t count_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view xml(reinterpret_cast<const char*>(data) + 1, size - 1);
  StoredZip zip;
  std::string name;
  switch (data[0] % 5) {
    case 0:
      name = "a.docx";
      zip.add("word/document.xml", xml);
      zip.add("word/styles.xml", xml);
      zip.add("word/footnotes.xml", xml);
      break;
    case 1:
      name = "a.pptx";
      zip.add("ppt/presentation.xml", "<p><sldIdLst><sldId id='1'/></sldIdLst></p>");
      zip.add("ppt/_rels/presentation.xml.rels", "<r><Relationship Id='1' Target='s.xml'/></r>");
      zip.add("ppt/s.xml", xml);
      break;
    case 2:
      name = "a.xlsx";
      zip.add("xl/workbook.xml", "<w><sheets><sheet name='s' id='1'/></sheets></w>");
      zip.add("xl/_rels/workbook.xml.rels", "<r><Relationship Id='1' Target='s.xml'/></r>");
      zip.add("xl/s.xml", xml);
      zip.add("xl/sharedStrings.xml", xml);
      zip.add("xl/styles.xml", xml);
      break;
    case 3:
      name = "a.odt";
      zip.add("content.xml", xml);
      zip.add("meta.xml", xml);
      break;
    default:
      name = "a.epub";
      zip.add("META-INF/container.xml", "<c><rootfile full-path='p.opf'/></c>");
      zip.add("p.opf", xml);
      zip.add("a.html", xml);
  }
  weir::DocumentLimits limits;
  limits.memory_bytes = 16 << 20;
  if (const auto document = weir::read_document_bytes(name, zip.finish(), limits))
    check_document(*document);
  return 0;
}
