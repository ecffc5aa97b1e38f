#include "extract/document_windows.h"

#include <algorithm>

namespace weir {
namespace {

using Kind = DocumentBlock::Kind;

constexpr size_t kPieceBytesMin = 16;  // shorter pieces are not cut

std::string shown(const DocumentBlock& block, const std::string& text) {
  if (block.kind == Kind::heading) return std::string(size_t(block.level), '#') + " " + text;
  if (block.kind == Kind::list_item) return std::string(size_t(block.level) * 2, ' ') + "- " + text;
  return text;
}

// The last place in the middle half of `text` where it may be cut: after a line, a sentence, a
// blank or a character.
size_t find_cut(const std::string& text) {
  const size_t low = text.size() / 4, high = text.size() * 3 / 4;
  for (const char* mark : {"\n", ". ", "。", " "}) {
    const size_t at = text.rfind(mark, high);
    if (at != text.npos && at >= low) return at + std::string_view(mark).size();
  }
  size_t at = text.size() / 2;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  return at;
}

void cut_text(const std::string& text, const std::string& head, int tokens_max,
              const std::function<int(const std::string&)>& count_tokens,
              std::vector<std::string>& pieces) {
  if (text.size() < kPieceBytesMin || count_tokens(text) <= tokens_max) {
    pieces.push_back(text);
    return;
  }
  const size_t at = find_cut(text);
  if (at == 0 || at >= text.size()) {
    pieces.push_back(text);
    return;
  }
  cut_text(text.substr(0, at), head, tokens_max, count_tokens, pieces);
  cut_text(head + text.substr(at), head, tokens_max, count_tokens, pieces);
}

std::vector<size_t> headings_above(const Document& document, size_t block) {
  std::vector<size_t> found;
  int level = 7;
  if (block < document.blocks.size() && document.blocks[block].kind == Kind::heading)
    level = document.blocks[block].level;
  for (size_t i = std::min(block, document.blocks.size()); i > 0 && level > 1; --i) {
    const DocumentBlock& above = document.blocks[i - 1];
    if (above.kind != Kind::heading || above.level >= level) continue;
    level = above.level;
    found.push_back(i - 1);
  }
  std::ranges::reverse(found);
  return found;
}

}  // namespace

std::string heading_path(const Document& document, size_t block) {
  std::string path;
  for (const size_t i : headings_above(document, block))
    path += (path.empty() ? "" : " > ") + document.blocks[i].text;
  return path;
}

std::vector<DocumentWindow> cut_windows(
    const Document& document, int tokens_max,
    const std::function<int(const std::string&)>& count_tokens) {
  std::vector<DocumentWindow> windows;
  int used = 0;
  const auto open = [&](size_t block) {
    DocumentWindow& window = windows.emplace_back();
    window.first_block = window.last_block = block;
    for (const size_t i : headings_above(document, block))
      window.text += shown(document.blocks[i], document.blocks[i].text) + "\n\n";
    // Headings may not fill the window: the text is what matters.
    if (2 * count_tokens(window.text) > tokens_max) window.text.clear();
    used = count_tokens(window.text);
  };
  for (size_t i = 0; i < document.blocks.size(); ++i) {
    const DocumentBlock& block = document.blocks[i];
    std::string head;
    if (block.kind == Kind::table) head = block.text.substr(0, block.text.find('\n')) + "\n";
    if (2 * count_tokens(head) > tokens_max / 2) head.clear();
    std::vector<std::string> pieces;
    cut_text(block.text, head, std::max(tokens_max / 2, 1), count_tokens, pieces);
    for (const std::string& piece : pieces) {
      const std::string text = shown(block, piece) + "\n\n";
      const int tokens = count_tokens(text);
      if (windows.empty() || used + tokens > tokens_max) open(i);
      windows.back().text += text;
      windows.back().last_block = i;
      used += tokens;
    }
  }
  if (windows.empty()) open(0);
  return windows;
}

}  // namespace weir
