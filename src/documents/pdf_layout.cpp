#include "documents/pdf_layout.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr double kMarginShare = 0.12;  // of a page's height, where headers and footers stand
constexpr double kHeadingSize = 1.15;  // times the size of the body

// One page after the words were put together.
struct Page {
  struct Entry {
    PageLine line;
    const PageTable* table = nullptr;  // instead of a line
  };
  std::vector<PageTable> tables;
  std::vector<Entry> entries;
  double width = 0, height = 0;
};

// "12", "xiv", "A-3": a number of a page.
bool is_page_number(std::string_view word) {
  return word.find_first_not_of("0123456789ivxlcIVXLC-") == word.npos;
}

// "1.2 Title . . . . . . 17", of a table of contents.
bool is_contents_line(const std::string& text) {
  const size_t dots = std::min(text.find(". . . . . "), text.find(".........."));
  if (dots == text.npos) return false;
  const size_t last = text.find_last_of(". ");
  return is_page_number(std::string_view(text).substr(last + 1));
}

Page lay_out(const PageText& text) {
  Page page;
  page.width = text.width;
  page.height = text.height;
  std::vector<PageWord> words = text.words;
  page.tables = take_tables(words);
  size_t begin = 0;
  const auto add_lines = [&](size_t end) {
    const std::vector<PageWord> part(words.begin() + std::ptrdiff_t(begin),
                                     words.begin() + std::ptrdiff_t(end));
    for (PageLine& line : lines_of_words(part))
      if (!is_contents_line(line.text)) page.entries.push_back({std::move(line), nullptr});
    begin = end;
  };
  for (const PageTable& table : page.tables) {
    add_lines(table.word);
    PageLine place;
    place.top = table.top;
    place.bottom = table.bottom;
    page.entries.push_back({std::move(place), &table});
  }
  add_lines(words.size());
  return page;
}

bool is_in_margin(const Page& page, double top, double bottom) {
  return bottom < kMarginShare * page.height || top > (1 - kMarginShare) * page.height;
}

std::string row_text(const Page::Entry& entry) {
  std::string text = entry.line.text;
  if (entry.table)
    for (const auto& row : entry.table->rows)
      for (const std::string& cell : row) text += (text.empty() ? "" : " ") + cell;
  return text;
}

// What headers and footers have in common: the same words, whatever the numbers in them, at the
// same place; or, where the title of a chapter changes, a number of a page at the end or the
// beginning of a line at that place.
std::vector<std::string> margin_keys(const Page::Entry& entry) {
  const std::string place = std::to_string(int(std::lround(entry.line.top / 4)));
  const std::vector<std::string> words = split(row_text(entry), ' ');
  std::vector<std::string> keys = {place};
  for (const std::string& word : words) keys[0] += is_page_number(word) ? " #" : " " + word;
  const auto has_digit = [](const std::string& word) {
    return word.find_first_of("0123456789") != word.npos;
  };
  if (is_page_number(words.back()) && has_digit(words.back())) keys.push_back(place + " end");
  if (is_page_number(words.front()) && has_digit(words.front())) keys.push_back(place + " begin");
  return keys;
}

// Headers and footers: at the same place of at least three pages, or of both of two.
void remove_margins(std::vector<Page>& pages) {
  std::map<std::string, size_t> counts;
  for (const Page& page : pages)
    for (const Page::Entry& entry : page.entries)
      if (is_in_margin(page, entry.line.top, entry.line.bottom))
        for (const std::string& key : margin_keys(entry)) ++counts[key];
  const size_t least = pages.size() < 3 ? 2 : 3;
  for (Page& page : pages)
    std::erase_if(page.entries, [&](const Page::Entry& entry) {
      if (!is_in_margin(page, entry.line.top, entry.line.bottom)) return false;
      const std::vector<std::string> keys = margin_keys(entry);
      return std::ranges::any_of(keys,
                                 [&](const std::string& key) { return counts[key] >= least; });
    });
}

int rounded_size(double size) { return int(std::lround(size * 2)); }

// The most frequent size of the text, in half points, and the sizes of headings, largest first.
struct Sizes {
  int body = 0;
  std::vector<int> headings;
};
Sizes find_sizes(const std::vector<Page>& pages) {
  std::map<int, size_t> bytes;
  for (const Page& page : pages)
    for (const Page::Entry& entry : page.entries)
      if (!entry.table) bytes[rounded_size(entry.line.size)] += entry.line.text.size();
  Sizes sizes;
  size_t most = 0;
  for (const auto& [size, count] : bytes)
    if (count > most) {
      sizes.body = size;
      most = count;
    }
  for (auto entry = bytes.rbegin(); entry != bytes.rend(); ++entry)
    if (entry->first >= kHeadingSize * sizes.body) sizes.headings.push_back(entry->first);
  return sizes;
}

bool ends_sentence(const std::string& text) {
  static constexpr std::string_view kEnds[] = {".",  "!",  "?",  ":", "。",
                                               "！", "？", "：", "”", "…"};
  return std::ranges::any_of(kEnds, [&](std::string_view end) { return text.ends_with(end); });
}

// "• x", "- x", "3. x", "(a) x", "2) x". `marker` is then its length with the blank after it.
bool is_item(const std::string& text, size_t& marker) {
  static constexpr std::string_view kBullets[] = {"• ", "‣ ", "◦ ", "▪ ", "– ",
                                                  "- ", "* ", "· ", "● ", "■ "};
  for (const std::string_view bullet : kBullets)
    if (text.starts_with(bullet)) {
      marker = bullet.size();
      return true;
    }
  size_t end = text.starts_with('(') ? 1 : 0;
  const size_t begin = end;
  while (end < text.size() && end - begin < 3 && text[end] >= '0' && text[end] <= '9') ++end;
  if (end == begin && end < text.size() && text[end] >= 'a' && text[end] <= 'z') ++end;
  marker = 0;
  return end > begin && end + 1 < text.size() && (text[end] == '.' || text[end] == ')') &&
         text[end + 1] == ' ' && (text[end] == ')' || text[begin] <= '9');
}

class PageWriter {
 public:
  PageWriter(const Sizes& sizes, const OutlineLevels& outline, DocumentBuilder& document)
      : sizes_(sizes), outline_(outline), document_(document) {}

  void add(const Page& page, int number) {
    right_ = 0;
    for (const Page::Entry& entry : page.entries) right_ = std::max(right_, entry.line.right);
    for (const Page::Entry& entry : page.entries) {
      if (entry.table) {
        flush();
        document_.set_page(number);
        document_.table(entry.table->rows);
        continue;
      }
      add_line(entry.line, number);
    }
  }
  void flush();

 private:
  void add_line(const PageLine& line, int number);
  void add_code(const PageLine& line, int number);
  int heading_level(const PageLine& line) const;
  bool continues(const PageLine& line, int number) const;
  bool is_short(const PageLine& line) const {
    return line.right < line.left + 0.75 * (column_right_ - line.left);
  }

  bool is_centered_alike(const PageLine& line) const {
    return std::abs(line.left - last_.left) > 4 &&
           std::abs(line.left + line.right - last_.left - last_.right) < 8;
  }

  const Sizes& sizes_;
  const OutlineLevels& outline_;
  DocumentBuilder& document_;
  std::string text_;
  PageLine last_;
  int level_ = 0, page_ = 0, last_page_ = 0;
  bool is_item_ = false, is_code_ = false;
  double code_left_ = 0;
  double right_ = 0, column_right_ = 0;
};

int PageWriter::heading_level(const PageLine& line) const {
  if (line.text.size() > 250) return 0;
  if (const auto found = outline_.find(heading_key(line.text)); found != outline_.end())
    if (line.is_bold || rounded_size(line.size) > sizes_.body) return found->second;
  const auto size = std::ranges::find(sizes_.headings, rounded_size(line.size));
  if (size != sizes_.headings.end()) {
    // A large figure or a price is no heading.
    if (heading_key(line.text).find_first_not_of("0123456789") == std::string::npos) return 0;
    return std::min(int(size - sizes_.headings.begin()) + 1, 6);
  }
  if (!line.is_bold || line.text.size() > 100 || ends_sentence(line.text)) return 0;
  if (heading_key(line.text).find_first_not_of("0123456789") == std::string::npos) return 0;
  return std::min(int(sizes_.headings.size()) + 1, 6);
}

bool PageWriter::continues(const PageLine& line, int number) const {
  if (text_.empty() || level_ > 0) return false;
  if (std::abs(line.size - last_.size) > 1) return false;
  size_t marker = 0;
  if (is_item(line.text, marker)) return false;
  if (number != last_page_) {
    if (ends_sentence(text_)) return false;
    const char32_t first = decode_utf8(line.text, 0).code;
    return (first >= 'a' && first <= 'z') || first >= 0x2E80;
  }
  const double height = std::max(last_.bottom - last_.top, 1.0);
  const double gap = line.top - last_.bottom;
  if (gap < -2 * height) return !ends_sentence(text_);  // the next column
  if (gap > 0.75 * height) return false;
  const bool is_indented = line.left > last_.left + std::max(line.size, 4.0);
  return !(is_indented && ends_sentence(text_) && !is_item_);
}

void PageWriter::add_line(const PageLine& line, int number) {
  if (line.is_mono) return add_code(line, number);
  if (is_code_) flush();
  const int level = heading_level(line);
  const bool is_same_heading = level > 0 && level == level_ && number == last_page_ &&
                               line.top - last_.bottom < line.bottom - line.top &&
                               text_.size() + line.text.size() < 250 &&
                               (!is_short(last_) || is_centered_alike(line));
  if (is_same_heading) {
    join_line(text_, line.text);
  } else if (level == 0 && continues(line, number)) {
    // The lines of an address or of a form end before the column does.
    if (is_short(last_) && number == last_page_)
      text_ += "\n" + line.text;
    else
      join_line(text_, line.text);
    column_right_ = std::max(column_right_, line.right);
  } else {
    flush();
    size_t marker = 0;
    is_item_ = level == 0 && is_item(line.text, marker);
    text_ = line.text.substr(is_item_ ? marker : 0);
    level_ = level;
    page_ = number;
    // The line's own column: lines of this paragraph are compared with the page's right edge unless
    // the page has columns beside each other.
    column_right_ = line.left > right_ / 2 || line.right > 0.6 * right_ ? right_ : line.right;
    column_right_ = std::max(column_right_, line.right);
  }
  last_ = line;
  last_page_ = number;
}

// Blanks before a line are those that its place shows; a fixed-width letter is 0.6 of its size
// wide.
void PageWriter::add_code(const PageLine& line, int number) {
  const bool is_same = is_code_ && number == last_page_ && line.top > last_.top &&
                       line.top - last_.bottom < 2 * (last_.bottom - last_.top);
  if (!is_same) {
    flush();
    is_code_ = true;
    page_ = number;
    code_left_ = line.left;
  } else {
    text_ += '\n';
  }
  const double columns = (line.left - code_left_) / (0.6 * std::max(line.size, 1.0));
  text_ += std::string(size_t(std::clamp(std::lround(columns), 0L, 80L)), ' ') + line.text;
  last_ = line;
  last_page_ = number;
}

void PageWriter::flush() {
  document_.set_page(page_);
  if (is_code_)
    document_.code(text_);
  else if (level_ > 0)
    document_.heading(level_, text_);
  else if (is_item_)
    document_.list_item(0, text_);
  else
    document_.paragraph(text_);
  text_.clear();
  level_ = 0;
  is_item_ = is_code_ = false;
}

}  // namespace

void add_pages(const std::vector<PageText>& texts, const OutlineLevels& outline,
               DocumentBuilder& document) {
  std::vector<Page> pages;
  for (const PageText& text : texts) pages.push_back(lay_out(text));
  remove_margins(pages);
  const Sizes sizes = find_sizes(pages);
  PageWriter writer(sizes, outline, document);
  for (size_t i = 0; i < pages.size(); ++i) writer.add(pages[i], int(i) + 1);
  writer.flush();
}

}  // namespace weir
