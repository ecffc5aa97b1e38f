#include "jinja/text_builtins.h"

#include <algorithm>
#include <string_view>

#include "jinja/characters.h"
#include "jinja/print.h"
#include "text/unicode.h"

namespace weir::jinja {

Result<Value> stripped(Heap& heap, const StoredText& text, const StoredText* characters,
                       bool at_begin, bool at_end) {
  const std::string& whole = text.text();
  TRY(heap.work_on_text(whole.size()));
  std::vector<char32_t> set;
  if (characters != nullptr) TRY(heap.work_on_characters(characters->text().size()));
  for (size_t at = 0; characters != nullptr && at < characters->text().size();) {
    Utf8Character c = decode_utf8(characters->text(), at);
    set.push_back(c.code);
    at += size_t(c.bytes);
  }
  if (set.size() > 1000) return Error{"strips more than 1000 different characters; use fewer"};
  auto goes = [&](size_t at) {
    char32_t code = decode_utf8(whole, at).code;
    return characters == nullptr ? is_space(code)
                                 : std::find(set.begin(), set.end(), code) != set.end();
  };
  size_t begin = 0, end = whole.size(), looked_at = 0;
  for (; at_begin && begin < end && goes(begin); ++looked_at)
    begin += size_t(decode_utf8(whole, begin).bytes);
  for (; at_end && end > begin && goes(previous_character(whole, end)); ++looked_at)
    end = previous_character(whole, end);
  TRY(heap.work(looked_at * (4 + set.size()) / 64));
  if (begin == 0 && end == whole.size() && !text.is_markup) return heap.text(text.content);
  return heap.text(text.content.slice(begin, end), text.is_markup);
}

Result<Value> replaced(Heap& heap, const StoredText& text, const StoredText& old,
                       const StoredText& replacement, Integer count) {
  const std::string& whole = text.text();
  TRY(heap.work_on_text(whole.size()));
  TracedText out;
  size_t at = 0;
  bool is_first = true;
  for (Integer done = 0; count < 0 || done < count; ++done) {
    size_t found = find_text(whole, old.text(), at);
    if (old.text().empty()) {
      // Before the first character, and after every one.
      if (at >= whole.size() && !is_first) break;
      found = is_first ? 0 : at + size_t(decode_utf8(whole, at).bytes);
      is_first = false;
    }
    if (found == whole.npos) break;
    const size_t spans = replacement.content.trusted.size();
    TRY(heap.work_on_text(replacement.text().size(), spans));
    TRY(heap.check_text(out.text.size() + (found - at) + replacement.text().size(),
                        out.trusted.size() + spans));
    out.append(text.content, at, found);
    out.append(replacement.content);
    at = found + old.text().size();
  }
  out.append(text.content, at, whole.size());
  return heap.text(std::move(out));
}

Result<Value> joined_texts(Heap& heap, const std::vector<Value>& items,
                           const StoredText& separator) {
  TracedText out;
  for (size_t i = 0; i < items.size(); ++i) {
    Value text = TRY(to_text(heap, items[i]));
    const TracedText& more = text.text()->content;
    const size_t bytes = more.text.size() + separator.text().size();
    const size_t spans = more.trusted.size() + separator.content.trusted.size();
    TRY(heap.work_on_text(bytes, spans));
    TRY(heap.check_text(out.text.size() + bytes, out.trusted.size() + spans));
    if (i > 0) out.append(separator.content);
    out.append(more);
  }
  return heap.text(std::move(out));
}

}  // namespace weir::jinja
