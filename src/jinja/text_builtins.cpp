// Filters and methods of texts. Every byte of a result keeps its provenance.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/json.h"
#include "jinja/builtins.h"
#include "jinja/characters.h"
#include "jinja/operators.h"
#include "jinja/print.h"
#include "text/unicode.h"

namespace weir::jinja {
namespace {

constexpr size_t kSeparatorMax = 1000;  // bytes of what tojson puts between values

template <LetterCase wanted>
Result<Value> change_case(Call& call) {
  Text text = TRY(call.self_text());
  TRY(call.heap.work(text->text().size() / 8));
  return call.heap.text(with_case(text->content, wanted));
}

// Without blanks, or without any of the given characters, at the chosen sides.
template <bool at_begin, bool at_end>
Result<Value> strip(Call& call) {
  const Text text = TRY(call.self_text());
  const StoredText* characters = TRY(call.text(0));
  const std::string& whole = text->text();
  std::vector<char32_t> set;
  if (characters != nullptr) TRY(call.heap.work_on_characters(characters->text().size()));
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
  TRY(call.heap.work(looked_at * (4 + set.size()) / 64));
  return call.heap.text(text->content.slice(begin, end), text->is_markup);
}

// The first `count` places of `old` replaced, all when it is negative. An empty `old` is between
// all characters.
template <bool is_filter>
Result<Value> replace(Call& call) {
  const Text text = TRY(call.self_text()), old = TRY(call.argument_text(0, is_filter)),
             replacement = TRY(call.argument_text(1, is_filter));
  const Integer count = TRY(call.integer(2, -1));
  const std::string& whole = text->text();
  const size_t spans = replacement->content.trusted.size();
  TracedText out;
  size_t at = 0;
  bool is_first = true;
  for (Integer done = 0; count < 0 || done < count; ++done) {
    size_t found = find_text(whole, old->text(), at);
    if (old->text().empty()) {
      // Before the first character, and after every one.
      if (at >= whole.size() && !is_first) break;
      found = is_first ? 0 : at + size_t(decode_utf8(whole, at).bytes);
      is_first = false;
    }
    if (found == whole.npos) break;
    TRY(call.heap.work_on_text(replacement->text().size(), spans));
    TRY(call.heap.check_text(out.text.size() + (found - at) + replacement->text().size(),
                             out.trusted.size() + spans));
    out.append(text->content, at, found);
    out.append(replacement->content);
    at = found + old->text().size();
  }
  out.append(text->content, at, whole.size());
  return call.heap.text(std::move(out));
}

// Lines after the first are moved to the right; empty ones only with blank=true.
Result<Value> indent(Call& call) {
  if (call.self.text() == nullptr) return misuse(call.self, "indented; only a text can");
  TracedText margin;
  if (call.arguments[0] != nullptr && call.arguments[0]->text() != nullptr) {
    margin = call.arguments[0]->text()->content;
  } else {
    const Integer width = TRY(call.integer(0, 4));
    if (width > 1000) return Error{"indents by more than 1000 blanks; use fewer"};
    margin.append(std::string(width < 0 ? 0 : size_t(width), ' '), true);
  }
  const bool first = call.truth(1), blank = call.truth(2);
  // jinja2 appends a line end before it cuts into lines, so a last empty line counts as one.
  TracedText ended = call.self.text()->content;
  ended.append("\n", true);
  TRY(call.heap.work_on_characters(ended.text.size()));
  TracedText out;
  bool is_first = true;
  for (const Line& line : split_lines(ended.text)) {
    TRY(call.heap.work_on_text(margin.text.size(), margin.trusted.size()));
    TRY(call.heap.check_text(out.text.size() + margin.text.size() + ended.text.size(),
                             out.trusted.size() + margin.trusted.size() + ended.trusted.size()));
    if (!is_first) out.append("\n", true);
    const bool is_empty = line.content.begin == line.content.end;
    if (is_first ? first : (blank || !is_empty)) out.append(margin);
    out.append(ended, line.content.begin, line.content.end);
    is_first = false;
  }
  return call.heap.text(std::move(out));
}

Result<Value> string(Call& call) { return to_text(call.heap, call.self); }

Result<Value> safe(Call& call) {
  const Text text = TRY(call.self_text());
  return call.heap.text(text->content, true);
}

// --- tojson, from_json, int ---

// As transformers defines it: json.dumps() with these arguments.
Result<Value> tojson(Call& call) {
  JsonForm form;
  form.is_ascii = call.truth(0);
  form.sorts_keys = call.truth(3);
  const Value *indent = call.arguments[1], *separators = call.arguments[2];
  if (indent != nullptr && !indent->is_none()) {
    form.is_indented = true;
    form.item_separator.pop_back();  // the line end follows
    if (const StoredText* text = indent->text()) {
      if (text->text().size() > kSeparatorMax)
        return Error{"indents by more than 1000 bytes; use fewer"};
      form.indent = text->text();
      form.is_trusted = text->content.is_wholly_trusted();
    } else {
      const Integer width = TRY(call.integer(1, 0));
      if (width > 1000) return Error{"indents by more than 1000 blanks; use fewer"};
      form.indent.assign(width < 0 ? 0 : size_t(width), ' ');
    }
  }
  if (separators != nullptr && !separators->is_none()) {
    const List* two = separators->list();
    if (two == nullptr || two->items.size() != 2 || two->items[0].text() == nullptr ||
        two->items[1].text() == nullptr)
      return Error{"needs two texts as separators"};
    for (const Value& separator : two->items) {
      if (separator.text()->text().size() > kSeparatorMax)
        return Error{"has a separator of more than 1000 bytes; use a shorter one"};
      form.is_trusted = form.is_trusted && separator.text()->content.is_wholly_trusted();
    }
    form.item_separator = two->items[0].text()->text();
    form.key_separator = two->items[1].text()->text();
  }
  return to_json(call.heap, call.self, form);
}

// Not in jinja2; DeepSeek-V3.2's template takes arguments apart with it.
Result<Value> parse(Call& call) {
  const Text text = TRY(call.self_text());
  TRY(call.heap.work(text->text().size() / 8));
  Json json = TRY(parse_json(text->text(), {.depth = 64, .values = 200'000}));
  return from_json(call.heap, json, text->content.is_wholly_trusted());
}

// Python's int() accepts blanks around and underscores between digits. At most 1000
// bytes are read.
template <class T>
bool parse_number(std::string_view text, T& value) {
  if (text.size() > 1000) return false;
  text = strip_end(strip_begin(text));
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] != '_' || i == 0 || i + 1 == text.size()) plain += text[i];
  if (plain.starts_with('+')) plain.erase(0, 1);
  if (plain.empty() || plain.find_first_of("xXpP") != plain.npos) return false;
  auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  return error == std::errc() && end == plain.data() + plain.size();
}

Result<Value> to_integer(Call& call) {
  const Value fallback = call.arguments[0] != nullptr ? *call.arguments[0] : Value(0);
  if (call.self.is_undefined()) return misuse(call.self, "converted to a whole number");
  Integer exact = 0;
  int64_t parsed = 0;
  double real = 0;
  const StoredText* text = call.self.text();
  if (call.self.as_integer(exact)) return Value(exact);
  if (text != nullptr && parse_number(text->text(), parsed)) return Value(Integer(parsed));
  const bool is_real = text != nullptr ? parse_number(text->text(), real) : call.self.as_real(real);
  if (!is_real || !(std::fabs(real) <= 0x1p64)) return fallback;
  return Value(Integer(real));
}

// --- Methods that split and join ---

using Parts = std::vector<TextSpan>;

// Runs of blanks separate, and none is at the ends. Negative `splits_max`: no limit.
Parts split_at_blanks(const std::string& text, Integer splits_max, bool from_end) {
  Parts parts;
  size_t at = text.size() - strip_begin(text).size();
  while (at < text.size()) {
    size_t end = at;
    while (end < text.size()) {
      Utf8Character c = decode_utf8(text, end);
      if (is_space(c.code)) break;
      end += size_t(c.bytes);
    }
    parts.push_back({at, end});
    at = text.size() - strip_begin(std::string_view(text).substr(end)).size();
  }
  if (splits_max < 0 || Integer(parts.size()) <= splits_max) return parts;
  // What is beyond the limit is one part, with its blanks.
  const size_t kept = size_t(splits_max), rest = parts.size() - kept;
  if (from_end) {
    parts[rest - 1] = {0, parts[rest - 1].end};
    parts.erase(parts.begin(), parts.begin() + long(rest - 1));
  } else {
    parts[kept].end = text.size();
    parts.resize(kept + 1);
  }
  return parts;
}

Parts split_at(const std::string& text, const std::string& separator, Integer splits_max,
               bool from_end) {
  std::vector<size_t> places;
  if (!from_end) {
    for (size_t at = find_text(text, separator); at != text.npos;
         at = find_text(text, separator, at + separator.size()))
      places.push_back(at);
  } else {
    // Texts in which separators overlap are split differently from the end.
    for (size_t end = text.size(); end >= separator.size();) {
      const size_t begin = end - separator.size();
      const bool is_here = text.compare(begin, separator.size(), separator) == 0;
      if (is_here) places.push_back(begin);
      end = is_here ? begin : end - 1;
    }
  }
  if (splits_max >= 0 && Integer(places.size()) > splits_max) places.resize(size_t(splits_max));
  if (from_end) std::reverse(places.begin(), places.end());
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
  const StoredText &self = *call.self.text(), *separator = TRY(call.text(0));
  const Integer splits_max = TRY(call.integer(1, -1));
  // Comparing at every place may cost the length of the separator.
  const size_t cost = from_end && separator ? 1 + separator->text().size() / 64 : 1;
  TRY(call.heap.work_on_characters(self.text().size()));
  TRY(call.heap.work(self.text().size() / 256 * cost));
  if (separator == nullptr)
    return slices(call.heap, self, split_at_blanks(self.text(), splits_max, from_end));
  if (separator->text().empty()) return Error{"needs a separator that is not empty"};
  return slices(call.heap, self, split_at(self.text(), separator->text(), splits_max, from_end));
}

Result<Value> splitlines(Call& call) {
  const StoredText& self = *call.self.text();
  TRY(call.heap.work_on_characters(self.text().size()));
  Parts parts;
  for (const Line& line : split_lines(self.text()))
    parts.push_back({line.content.begin, call.truth(0) ? line.end : line.content.end});
  return slices(call.heap, self, parts);
}

Result<Value> join(Call& call) {
  const List* items = TRY(iterate(call.heap, *call.arguments[0]));
  for (const Value& item : items->items)
    if (item.text() == nullptr) return misuse(item, "joined; only texts can");
  return joined_texts(call.heap, items->items, *call.self.text());
}

template <bool at_begin>
Result<Value> remove_affix(Call& call) {
  const TracedText& self = call.self.text()->content;
  const Text affix = TRY(call.argument_text(0, false));
  size_t begin = 0, end = self.text.size();
  if (at_begin && self.text.starts_with(affix->text())) begin = affix->text().size();
  if (!at_begin && self.text.ends_with(affix->text())) end -= affix->text().size();
  return call.heap.text(self.slice(begin, end));
}

// --- Methods that search ---

// The part of the text between the arguments 'start' and 'end', with Python's meaning of them;
// begin > end when they are in the wrong order.
Result<TextSpan> searched_part(const Call& call) {
  const StoredText& text = *call.self.text();
  const Integer size = Integer(text.characters);
  auto place = [&](Integer at) {
    if (at < 0) at += size;
    at = std::clamp(at, Integer(0), size);
    return text.is_ascii() ? size_t(at) : byte_of_character(text.text(), size_t(at));
  };
  TextSpan span = {place(TRY(call.integer(1, 0))), place(TRY(call.integer(2, size)))};
  TRY(call.heap.work_on_text(text.text().size()));
  return span;
}

template <bool at_begin>
Result<Value> has_affix(Call& call) {
  const TextSpan span = TRY(searched_part(call));
  if (span.begin > span.end) return Value(false);
  auto text = std::string_view(call.self.text()->text()).substr(0, span.end).substr(span.begin);
  std::vector<Value> affixes = {*call.arguments[0]};
  const List* tuple = affixes[0].list();
  if (tuple != nullptr && tuple->form == List::Form::tuple) affixes = tuple->items;
  for (const Value& affix : affixes) {
    if (affix.text() == nullptr) return misuse(affix, "looked for at an end of a text");
    const std::string& part = affix.text()->text();
    TRY(call.heap.work_on_text(part.size()));
    if (at_begin ? text.starts_with(part) : text.ends_with(part)) return Value(true);
  }
  return Value(false);
}

Result<Value> find(Call& call) {
  const Text wanted = TRY(call.argument_text(0, false));
  const TextSpan span = TRY(searched_part(call));
  const std::string_view text = std::string_view(call.self.text()->text()).substr(0, span.end);
  const size_t found = find_text(text, wanted->text(), span.begin);
  if (found == text.npos || span.begin > span.end) return Value(-1);
  return Value(count_characters(text.substr(0, found)));
}

}  // namespace

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

BuiltinTable text_filters() {
  static constexpr Builtin kTable[] = {
      {"capitalize", change_case<LetterCase::capitalized>},
      {"from_json", parse},
      {"fromjson", parse},
      {"indent", indent, "width first blank"},
      {"int", to_integer, "default"},
      {"lower", change_case<LetterCase::lower>},
      {"replace", replace<true>, "old new count", 2},
      {"safe", safe},
      {"string", string},
      {"title", change_case<LetterCase::words>},
      {"tojson", tojson, "ensure_ascii indent separators sort_keys"},
      {"trim", strip<true, true>, "chars"},
      {"upper", change_case<LetterCase::upper>}};
  return kTable;
}

BuiltinTable text_methods() {
  static constexpr Builtin kTable[] = {{"capitalize", change_case<LetterCase::capitalized>},
                                       {"endswith", has_affix<false>, "suffix start end", 1},
                                       {"find", find, "sub start end", 1},
                                       {"join", join, "iterable", 1},
                                       {"lower", change_case<LetterCase::lower>},
                                       {"lstrip", strip<true, false>, "chars"},
                                       {"removeprefix", remove_affix<true>, "prefix", 1},
                                       {"removesuffix", remove_affix<false>, "suffix", 1},
                                       {"replace", replace<false>, "old new count", 2},
                                       {"rsplit", split<true>, "sep maxsplit"},
                                       {"rstrip", strip<false, true>, "chars"},
                                       {"split", split<false>, "sep maxsplit"},
                                       {"splitlines", splitlines, "keepends"},
                                       {"startswith", has_affix<true>, "prefix start end", 1},
                                       {"strip", strip<true, true>, "chars"},
                                       {"title", change_case<LetterCase::titled>},
                                       {"upper", change_case<LetterCase::upper>}};
  return kTable;
}

}  // namespace weir::jinja
