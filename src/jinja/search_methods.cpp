// Methods that look at texts, and those of lists and dicts.
#include <fmt/format.h>

#include <algorithm>

#include "jinja/builtins.h"
#include "jinja/characters.h"
#include "jinja/operators.h"
#include "text/unicode.h"

namespace weir::jinja {
namespace {

const StoredText& self_of(const Call& call) { return *call.self.text(); }

// Python's [start:end] in characters as bytes of the text.
Result<TextSpan> bounds(const Call& call, const Value* begin, const Value* end) {
  const StoredText& text = self_of(call);
  const Integer size = Integer(text.characters);
  auto place = [&](Integer at) {
    if (at < 0) at += size;
    at = std::clamp(at, Integer(0), size);
    return text.is_ascii() ? size_t(at) : byte_of_character(text.text(), size_t(at));
  };
  TextSpan span = {place(TRY(integer_of(begin, 0))), place(TRY(integer_of(end, size)))};
  TRY(call.heap.work_on_text(text.text().size()));
  return span;
}

template <bool at_begin>
Result<Value> has_affix(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"affix", "start", "end"}, 1));
  TextSpan span = TRY(bounds(call, given[1], given[2]));
  if (span.begin > span.end) return Value(false);
  auto text = std::string_view(self_of(call).text()).substr(span.begin, span.end - span.begin);
  std::vector<Value> affixes = {*given[0]};
  const List* tuple = given[0]->list();
  if (tuple != nullptr && tuple->form == List::Form::tuple) affixes = tuple->items;
  for (const Value& affix : affixes) {
    if (affix.text() == nullptr) return misuse(affix, "looked for at an end of a text");
    TRY(call.heap.work_on_text(affix.text()->text().size()));
    const std::string& part = affix.text()->text();
    if (at_begin ? text.starts_with(part) : text.ends_with(part)) return Value(true);
  }
  return Value(false);
}

template <bool from_end>
Result<Value> find(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"sub", "start", "end"}, 1));
  const StoredText* wanted = TRY(text_of(given[0]));
  if (wanted == nullptr) return misuse(*given[0], "looked for in a text");
  TextSpan span = TRY(bounds(call, given[1], given[2]));
  const std::string_view text = std::string_view(self_of(call).text()).substr(0, span.end);
  size_t found = find_text(text, wanted->text(), span.begin);
  if (span.begin > span.end) found = text.npos;
  // The last place: the last of all that do not begin before each other.
  for (size_t next = found; from_end && next != text.npos;) {
    TRY(call.heap.work(1 + wanted->text().size() / 64));
    found = next;
    next = found == text.size() ? text.npos : find_text(text, wanted->text(), found + 1);
  }
  if (found == text.npos) return Value(-1);
  return Value(count_characters(text.substr(0, found)));
}

Result<Value> count(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"sub", "start", "end"}, 1));
  const StoredText* wanted = TRY(text_of(given[0]));
  if (wanted == nullptr) return misuse(*given[0], "counted in a text");
  TextSpan span = TRY(bounds(call, given[1], given[2]));
  if (span.begin > span.end) return Value(0);
  auto text = std::string_view(self_of(call).text()).substr(span.begin, span.end - span.begin);
  if (wanted->text().empty()) return Value(count_characters(text) + 1);
  size_t times = 0;
  for (size_t at = find_text(text, wanted->text()); at != text.npos;
       at = find_text(text, wanted->text(), at + wanted->text().size()))
    ++times;
  return Value(times);
}

bool is_letter_or_digit(char32_t code) { return is_letter(code) || is_decimal(code); }

template <bool (*holds)(char32_t)>
Result<Value> all_are(Call& call) {
  TRY(bind(call, {}));
  const std::string& text = self_of(call).text();
  TRY(call.heap.work(text.size() / 16));
  for (size_t at = 0; at < text.size();) {
    Utf8Character c = decode_utf8(text, at);
    if (!holds(c.code)) return Value(false);
    at += size_t(c.bytes);
  }
  return Value(!text.empty());
}

// At least one letter of this case and none of the other.
template <bool (*is_wanted)(char32_t), bool (*is_other)(char32_t)>
Result<Value> has_case(Call& call) {
  TRY(bind(call, {}));
  const std::string& text = self_of(call).text();
  TRY(call.heap.work(text.size() / 16));
  bool has_letter = false;
  for (size_t at = 0; at < text.size();) {
    Utf8Character c = decode_utf8(text, at);
    if (is_other(c.code)) return Value(false);
    has_letter = has_letter || is_wanted(c.code);
    at += size_t(c.bytes);
  }
  return Value(has_letter);
}

Result<Value> get(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"key", "default"}, 1));
  const Dict& dict = *call.self.dict();
  if (const StoredText* name = given[0]->text()) {
    if (const Value* found = dict.find(name->text())) return *found;
  } else {
    for (const auto& [key, value] : dict.entries)
      if (TRY(equal(call.heap, key, *given[0]))) return value;
  }
  return given[1] != nullptr ? *given[1] : Value(None{});
}

template <List::Form form>
Result<Value> view(Call& call) {
  TRY(bind(call, {}));
  return Value(TRY(dict_view(call.heap, *call.self.dict(), form)));
}

Result<Value> copy_dict(Call& call) {
  TRY(bind(call, {}));
  return call.self;  // dicts do not change
}

Result<Value> copy_list(Call& call) {
  TRY(bind(call, {}));
  TRY(call.heap.work(call.self.list()->items.size()));
  return Value(TRY(call.heap.list(List::Form::list, call.self.list()->items)));
}

Result<List*> changeable(const Call& call) {
  List* list = call.self.list();
  if (list->form == List::Form::list) return list;
  return misuse(call.self, "changed; use a list");
}

// append and pop change lists, which transformers does not allow; some models' templates need them.
Result<Value> append(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"item"}, 1));
  List* list = TRY(changeable(call));
  TRY(call.heap.push(*list, *given[0]));
  return Value(None{});
}

Result<Value> pop(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"index"}));
  List* list = TRY(changeable(call));
  Integer index = TRY(integer_of(given[0], -1));
  const Integer size = Integer(list->items.size());
  if (index < 0) index += size;
  if (index < 0 || index >= size) return Error{"takes an item that the list does not have"};
  TRY(call.heap.work(1 + list->items.size() / 16));
  Value taken = std::move(list->items[size_t(index)]);
  list->items.erase(list->items.begin() + long(index));
  return taken;
}

template <bool counts>
Result<Value> find_item(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"item"}, 1));
  const std::vector<Value>& items = call.self.list()->items;
  size_t times = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!TRY(equal(call.heap, items[i], *given[0]))) continue;
    if (!counts) return Value(i);
    ++times;
  }
  if (counts) return Value(times);
  return Error{"does not find the item in the list; test with 'in' first"};
}

}  // namespace

Result<List*> dict_view(Heap& heap, const Dict& dict, List::Form form) {
  TRY(heap.work(dict.entries.size()));
  std::vector<Value> items;
  for (const auto& [key, value] : dict.entries) {
    if (form == List::Form::keys) {
      items.push_back(key);
    } else if (form == List::Form::values) {
      items.push_back(value);
    } else {
      items.push_back(Value(TRY(heap.list(List::Form::tuple, {key, value}))));
    }
  }
  return heap.list(form, std::move(items));
}

const BuiltinTable& search_methods() {
  static const BuiltinTable table = {{"startswith", has_affix<true>},
                                     {"endswith", has_affix<false>},
                                     {"find", find<false>},
                                     {"rfind", find<true>},
                                     {"count", count},
                                     {"isalpha", all_are<is_letter>},
                                     {"isdigit", all_are<is_decimal>},
                                     {"isalnum", all_are<is_letter_or_digit>},
                                     {"isspace", all_are<is_space>},
                                     {"isupper", has_case<is_upper, is_lower>},
                                     {"islower", has_case<is_lower, is_upper>}};
  return table;
}

const BuiltinTable& list_methods() {
  static const BuiltinTable table = {{"append", append},
                                     {"pop", pop},
                                     {"copy", copy_list},
                                     {"index", find_item<false>},
                                     {"count", find_item<true>}};
  return table;
}

const BuiltinTable& dict_methods() {
  static const BuiltinTable table = {{"get", get},
                                     {"keys", view<List::Form::keys>},
                                     {"values", view<List::Form::values>},
                                     {"items", view<List::Form::items>},
                                     {"copy", copy_dict}};
  return table;
}

}  // namespace weir::jinja
