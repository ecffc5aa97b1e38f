// PDF through poppler: words with their boxes and fonts, the outline, title and pages without text.
#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-page.h>
#include <poppler-toc.h>

#include <memory>

#include "base/text.h"
#include "documents/pdf_layout.h"
#include "documents/readers.h"

namespace weir {
namespace {

constexpr int kOutlineDepthMax = 6;

// poppler's own conversion opens a converter for each word.
std::string to_utf8(const poppler::ustring& text) {
  std::string utf8;
  for (size_t i = 0; i < text.size(); ++i) {
    char32_t code = text[i];
    if (code >= 0xD800 && code < 0xDC00 && i + 1 < text.size() && text[i + 1] >= 0xDC00 &&
        text[i + 1] < 0xE000)
      code = 0x10000 + ((code - 0xD800) << 10) + (char32_t(text[++i]) - 0xDC00);
    append_utf8(utf8, code >= 0xD800 && code < 0xE000 ? char32_t(0xFFFD) : code);
  }
  return utf8;
}

void read_outline(const poppler::toc_item& item, int level, OutlineLevels& outline) {
  if (level > kOutlineDepthMax || outline.size() > 100000) return;
  for (const poppler::toc_item* child : item.children()) {
    const std::string key = heading_key(to_utf8(child->title()));
    if (!key.empty()) outline.emplace(key, level);
    read_outline(*child, level + 1, outline);
  }
}

PageText read_page(const poppler::page& page) {
  PageText text;
  const poppler::rectf box = page.page_rect();
  text.width = box.width();
  text.height = box.height();
  std::vector<poppler::text_box> boxes = page.text_list(poppler::page::text_list_include_font);
  size_t rotated = 0;
  for (const poppler::text_box& word : boxes) rotated += word.rotation() != 0;
  for (const poppler::text_box& word : boxes) {
    // Watermarks and labels of axes are not part of the text.
    if (word.rotation() != 0 && 2 * rotated < boxes.size()) continue;
    const poppler::rectf place = word.bbox();
    PageWord& added = text.words.emplace_back();
    added.text = to_utf8(word.text());
    added.left = place.left();
    added.right = place.right();
    added.top = std::min(place.top(), place.bottom());
    added.bottom = std::max(place.top(), place.bottom());
    added.space_after = word.has_space_after();
    added.size = added.bottom - added.top;
    if (word.has_font_info()) {
      added.size = word.get_font_size();
      const std::string font = word.get_font_name();
      const auto has = [&](const char* part) { return font.find(part) != font.npos; };
      added.is_bold = has("Bold") || has("bold") || has("Black") || has("Heavy");
      added.is_mono = has("Mono") || has("Courier") || has("Consol") || has("Typewriter") ||
                      has("CMTT") || has("Menlo");
    }
  }
  return text;
}

// What programs write where the author gave no title: "untitled", "Microsoft Word - letter.doc".
std::string useful_title(const std::string& title) {
  if (title == "untitled" || title == "(anonymous)" || title.starts_with("Microsoft ")) return "";
  return title;
}

// "3, 7-9": which pages have no text.
std::string list_of_pages(const std::vector<int>& pages) {
  std::string text;
  for (size_t i = 0; i < pages.size(); ++i) {
    size_t last = i;
    while (last + 1 < pages.size() && pages[last + 1] == pages[last] + 1) ++last;
    text += (text.empty() ? "" : ", ") + std::to_string(pages[i]);
    if (last > i) text += "-" + std::to_string(pages[last]);
    i = last;
    if (text.size() > 200) return text + " ...";
  }
  return text;
}

}  // namespace

Result<void> add_pdf(std::string bytes, const DocumentLimits& limits, DocumentBuilder& document) {
  if (bytes.substr(0, 1024).find("%PDF-") == bytes.npos)
    return Error{"is no PDF: it does not begin with %PDF-"};
  static const bool is_quiet = [] {
    poppler::set_debug_error_function([](const std::string&, void*) {}, nullptr);
    return true;
  }();
  (void)is_quiet;
  // poppler looks at the bytes as long as the document lives.
  const std::unique_ptr<poppler::document> pdf(
      poppler::document::load_from_raw_data(bytes.data(), int(bytes.size())));
  if (!pdf) return Error{"cannot be opened as PDF: it is damaged or incomplete"};
  if (pdf->is_locked())
    return Error{
        "is encrypted and needs a password; remove it, for example with: qpdf --decrypt "
        "--password=... IN.pdf OUT.pdf"};
  if (pdf->pages() > limits.parts)
    return Error{"has more than " + std::to_string(limits.parts) + " pages"};
  document.set_title(useful_title(to_utf8(pdf->get_title())));
  OutlineLevels outline;
  if (const std::unique_ptr<poppler::toc> toc(pdf->create_toc()); toc)
    read_outline(*toc->root(), 1, outline);
  std::vector<PageText> pages;
  std::vector<int> without_text;
  uint64_t words = 0;
  for (int i = 0; i < pdf->pages(); ++i) {
    const std::unique_ptr<poppler::page> page(pdf->create_page(i));
    pages.push_back(page ? read_page(*page) : PageText());
    words += pages.back().words.size();
    if (words * sizeof(PageWord) > limits.memory_bytes)
      return Error{"page " + std::to_string(i + 1) + ": more text than " +
                   format_bytes(double(limits.memory_bytes)) + "; split the file"};
    if (pages.back().words.empty()) without_text.push_back(i + 1);
  }
  add_pages(pages, outline, document);
  if (words == 0 && !pages.empty())
    document.note(
        "no page has text: these are scanned images; recognize the text first, for "
        "example with: ocrmypdf IN.pdf OUT.pdf");
  else if (!without_text.empty())
    document.note("pages without text (images?): " + list_of_pages(without_text));
  return {};
}

}  // namespace weir
