// Methods of texts that give texts: split, strip, replace and the like. Every byte of a result
// keeps its provenance.
#include <fmt/format.h>

#include <algorithm>

#include "jinja/builtins.h"
#include "jinja/characters.h"
#include "jinja/operators.h"
#include "jinja/print.h"
#include "jinja/text_builtins.h"
#include "text/unicode.h"

namespace weir::jinja {
namespace {

const StoredText& self_of(const Call& call) { return *call.self.text(); }

template <LetterCase wanted>
Result<Value> change_case(Call& call) {
  TRY(bind(call, {}));
  TRY(call.heap.work(self_of(call).text().size() / 8));
  return call.heap.text(with_case(self_of(call).content, wanted));
}

template <bool at_begin, bool at_end>
Result<Value> strip(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"chars"}));
  const StoredText* characters = TRY(text_of(given[0]));
  return stripped(call.heap, self_of(call), characters, at_begin, at_end);
}

Result<Value> replace(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"old", "new", "count"}, 2));
  const StoredText* old = TRY(text_of(given[0]));
  const StoredText* replacement = TRY(text_of(given[1]));
  if (old == nullptr || replacement == nullptr) return Error{"needs two texts"};
  return replaced(call.heap, self_of(call), *old, *replacement, TRY(integer_of(given[2], -1)));
}

// Where the parts of a split lie.
using Parts = std::vector<TextSpan>;

// Without a separator: runs of blanks separate, and none is at the ends.
Parts split_blanks(const std::string& text, Integer splits_max) {
  Parts parts;
  size_t at = text.size() - strip_begin(text).size();
  while (at < text.size()) {
    if (splits_max >= 0 && Integer(parts.size()) == splits_max) {
      parts.push_back({at, text.size()});
      break;
    }
    size_t end = at;
    while (end < text.size()) {
      Utf8Character c = decode_utf8(text, end);
      if (is_space(c.code)) break;
      end += size_t(c.bytes);
    }
    parts.push_back({at, end});
    at = text.size() - strip_begin(std::string_view(text).substr(end)).size();
  }
  return parts;
}

Parts split_blanks_from_end(const std::string& text, Integer splits_max) {
  Parts parts;
  size_t end = strip_end(text).size();
  while (end > 0) {
    if (splits_max >= 0 && Integer(parts.size()) == splits_max) {
      parts.push_back({0, end});
      break;
    }
    size_t begin = end;
    while (begin > 0) {
      size_t before = previous_character(text, begin);
      if (is_space(decode_utf8(text, before).code)) break;
      begin = before;
    }
    parts.push_back({begin, end});
    end = strip_end(std::string_view(text).substr(0, begin)).size();
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

Parts split_at(const std::string& text, const std::string& separator, Integer splits_max,
               bool from_end) {
  std::vector<size_t> places;
  for (size_t at = find_text(text, separator); at != text.npos;
       at = find_text(text, separator, at + separator.size()))
    places.push_back(at);
  // Texts in which separators overlap are split differently from the end; walk that way then.
  if (from_end) {
    places.clear();
    for (size_t end = text.size(); end >= separator.size();) {
      if (text.compare(end - separator.size(), separator.size(), separator) == 0) {
        end -= separator.size();
        places.push_back(end);
      } else {
        --end;
      }
    }
    std::reverse(places.begin(), places.end());
  }
  if (splits_max >= 0 && Integer(places.size()) > splits_max) {
    const long kept = long(splits_max);
    from_end ? void(places.erase(places.begin(), places.end() - kept))
             : places.resize(size_t(splits_max));
  }
  Parts parts;
  size_t begin = 0;
  for (size_t place : places) {
    parts.push_back({begin, place});
    begin = place + separator.size();
  }
  parts.push_back({begin, text.size()});
  return parts;
}

Result<Value> slices(Heap& heap, const StoredText& text, const Parts& parts) {
  TRY(heap.work(parts.size()));
  std::vector<Value> items;
  for (const TextSpan& part : parts)
    items.push_back(TRY(heap.text(text.content.slice(part.begin, part.end))));
  return Value(TRY(heap.list(List::Form::list, std::move(items))));
}

template <bool from_end>
Result<Value> split(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"sep", "maxsplit"}));
  const StoredText* separator = TRY(text_of(given[0]));
  const Integer splits_max = TRY(integer_of(given[1], -1));
  const std::string& text = self_of(call).text();
  // Comparing at every place may cost the length of the separator.
  const size_t cost = from_end && separator ? 1 + separator->text().size() / 64 : 1;
  TRY(call.heap.work_on_characters(text.size()));
  TRY(call.heap.work(text.size() / 256 * cost));
  if (separator == nullptr)
    return slices(
        call.heap, self_of(call),
        from_end ? split_blanks_from_end(text, splits_max) : split_blanks(text, splits_max));
  if (separator->text().empty()) return Error{"needs a separator that is not empty"};
  return slices(call.heap, self_of(call), split_at(text, separator->text(), splits_max, from_end));
}

Result<Value> splitlines(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"keepends"}));
  const bool keeps_ends = TRY(truth_of(given[0], false));
  TRY(call.heap.work_on_characters(self_of(call).text().size()));
  Parts parts;
  for (const Line& line : split_lines(self_of(call).text()))
    parts.push_back({line.content.begin, keeps_ends ? line.end : line.content.end});
  return slices(call.heap, self_of(call), parts);
}

Result<Value> join(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"iterable"}, 1));
  const List* items = TRY(iterate(call.heap, *given[0]));
  for (const Value& item : items->items)
    if (item.text() == nullptr) return misuse(item, "joined; only texts can");
  return joined_texts(call.heap, items->items, self_of(call));
}

template <bool at_begin>
Result<Value> remove_affix(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"affix"}, 1));
  const StoredText* affix = TRY(text_of(given[0]));
  if (affix == nullptr) return misuse(*given[0], "removed from a text");
  const std::string &text = self_of(call).text(), &part = affix->text();
  size_t begin = 0, end = text.size();
  if (at_begin && text.starts_with(part)) begin = part.size();
  if (!at_begin && text.ends_with(part)) end -= part.size();
  return call.heap.text(self_of(call).content.slice(begin, end));
}

Result<Value> format(Call& call) { return format_braces(call); }

}  // namespace

const BuiltinTable& text_methods() {
  static const BuiltinTable table = {{"upper", change_case<LetterCase::upper>},
                                     {"lower", change_case<LetterCase::lower>},
                                     {"capitalize", change_case<LetterCase::capitalized>},
                                     {"title", change_case<LetterCase::titled>},
                                     {"strip", strip<true, true>},
                                     {"lstrip", strip<true, false>},
                                     {"rstrip", strip<false, true>},
                                     {"replace", replace},
                                     {"split", split<false>},
                                     {"rsplit", split<true>},
                                     {"splitlines", splitlines},
                                     {"join", join},
                                     {"removeprefix", remove_affix<true>},
                                     {"removesuffix", remove_affix<false>},
                                     {"format", format}};
  return table;
}

}  // namespace weir::jinja
