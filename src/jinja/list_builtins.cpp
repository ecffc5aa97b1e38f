// Filters of lists, and methods of lists and dicts.
#include <fmt/core.h>

#include <algorithm>
#include <unordered_set>

#include "base/text.h"
#include "jinja/builtins.h"
#include "jinja/characters.h"
#include "jinja/interpreter.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace weir::jinja {
namespace {

using Form = List::Form;

// "a.b.0" as keys for item(); for filters with attribute=. At most 1 KiB and 32 parts.
using AttributePath = std::vector<Value>;

Result<AttributePath> attribute_path(const Value& path) {
  constexpr size_t kBytesMax = 1024, kPartsMax = 32;
  const StoredText* text = path.text();
  if (text == nullptr) return AttributePath{path};
  if (text->text().size() > kBytesMax)
    return Error{"is given an attribute of more than 1024 bytes; use a shorter one"};
  AttributePath keys;
  for (const std::string& part : weir::split(text->text(), '.')) {
    const bool is_number = !part.empty() && part.size() < 10 &&
                           part.find_first_not_of("0123456789") == std::string::npos;
    keys.push_back(is_number ? Value(std::stoi(part)) : Value(make_literal(part)));
  }
  if (keys.size() > kPartsMax)
    return Error{"is given an attribute with more than 32 parts; use fewer dots"};
  return keys;
}

// What is undefined on the way becomes the standard, if there is one.
Result<Value> item_at_path(Call& call, Value value, const AttributePath& path,
                           const Value* standard = nullptr) {
  for (const Value& key : path) {
    TRY(call.heap.work(1));
    value = TRY(call.interpreter.item(value, key));
    if (standard != nullptr && value.is_undefined()) value = *standard;
  }
  return value;
}

Result<Value> generator(Heap& heap, std::vector<Value> items) {
  return Value(TRY(heap.list(Form::generator, std::move(items))));
}

// --- Filters on any value ---

Result<Value> standard(Call& call) {
  const bool replaces_false = call.truth(1);
  if (!call.self.is_undefined() && !(replaces_false && !is_true(call.self))) return call.self;
  return call.arguments[0] != nullptr ? *call.arguments[0] : TRY(call.heap.text("", true));
}

Result<Value> length(Call& call) {
  if (const StoredText* text = call.self.text()) return Value(text->characters);
  if (const Dict* dict = call.self.dict()) return Value(dict->entries.size());
  if (call.self.is_undefined()) return Value(0);
  if (call.self.get<Loop*>() != nullptr) return call.interpreter.attribute(call.self, "length");
  const List* list = call.self.list();
  if (list == nullptr || !list->has_length()) return misuse(call.self, "measured; only a list can");
  return Value(list->items.size());
}

// --- Filters that choose from lists or go through them ---

Result<Value> first(Call& call) {
  const List* list = TRY(iterate(call.heap, call.self));
  if (list->items.empty()) return call.heap.undefined("an empty list has no first item");
  return list->items.front();
}

Result<Value> last(Call& call) {
  const List* list = call.self.list();
  if (list != nullptr && !list->has_length())
    return misuse(call.self, "asked for its last item; make it a list first");
  list = TRY(iterate(call.heap, call.self));
  if (list->items.empty()) return call.heap.undefined("an empty list has no last item");
  return list->items.back();
}

Result<Value> make_list(Call& call) {
  const List* list = TRY(iterate(call.heap, call.self));
  TRY(call.heap.work(list->items.size()));
  return Value(TRY(call.heap.list(Form::list, list->items)));
}

Result<Value> reverse(Call& call) {
  const List* list = TRY(iterate(call.heap, call.self));
  TRY(call.heap.work(list->items.size()));
  std::vector<Value> items(list->items.rbegin(), list->items.rend());
  if (call.self.text() == nullptr) return generator(call.heap, std::move(items));
  TracedText joined;
  for (const Value& character : items) joined.append(character.text()->content);
  return call.heap.text(std::move(joined));
}

// The call of the filter or test that argument number `name` names, for one item of a list.
Result<Call> inner_call(const Call& call, size_t name, Value item) {
  Call inner{call.interpreter, call.heap, std::move(item), {}, call.named};
  inner.positional.assign(call.positional.begin() + long(name) + 1, call.positional.end());
  if (call.positional[name].text() == nullptr)
    return misuse(call.positional[name], "the name of a filter or test; is it in quotes?");
  return inner;
}

// map('filter', ...), map(attribute='a.b', default=x)
Result<Value> map(Call& call) {
  std::vector<Value> mapped;
  if (!is_true(call.self)) return generator(call.heap, std::move(mapped));
  const bool by_attribute = call.positional.empty();
  AttributePath path;
  if (by_attribute) {
    TRY(bind({"map", map, "attribute default", 0}, call));
    if (call.arguments[0] == nullptr) return Error{"needs the name of a filter or attribute"};
    path = TRY(attribute_path(*call.arguments[0]));
  }
  const List* list = TRY(iterate(call.heap, call.self));
  for (size_t i = 0; i < list->items.size(); ++i) {
    TRY(call.heap.work(1 + call.positional.size() + call.named.size()));
    if (by_attribute) {
      mapped.push_back(TRY(item_at_path(call, list->items[i], path, call.arguments[1])));
    } else {
      Call inner = TRY(inner_call(call, 0, list->items[i]));
      mapped.push_back(TRY(call.interpreter.filter(call.positional[0].text()->text(), inner)));
    }
  }
  return generator(call.heap, std::move(mapped));
}

// select('test', ...), selectattr('attribute', 'test', ...) and their opposites.
template <bool by_attribute, bool keeps>
Result<Value> select(Call& call) {
  std::vector<Value> kept;
  if (!is_true(call.self)) return generator(call.heap, std::move(kept));
  constexpr size_t name = by_attribute ? 1 : 0;
  if (call.positional.size() < name) return Error{"needs the name of an attribute"};
  AttributePath path;
  if (by_attribute) path = TRY(attribute_path(call.positional[0]));
  const List* list = TRY(iterate(call.heap, call.self));
  for (size_t i = 0; i < list->items.size(); ++i) {
    TRY(call.heap.work(1 + call.positional.size() + call.named.size()));
    const Value item = list->items[i];
    Value value = TRY(item_at_path(call, item, path));
    bool holds = is_true(value);
    if (call.positional.size() > name) {
      Call inner = TRY(inner_call(call, name, std::move(value)));
      holds = TRY(call.interpreter.test(call.positional[name].text()->text(), inner));
    }
    if (holds == keeps) kept.push_back(item);
  }
  return generator(call.heap, std::move(kept));
}

Result<Value> join(Call& call) {
  const List* items = TRY(iterate(call.heap, call.self));
  Value separator = TRY(call.heap.text("", true));
  if (call.arguments[0] != nullptr) separator = TRY(to_text(call.heap, *call.arguments[0]));
  TRY(call.heap.work(items->items.size()));
  std::vector<Value> parts = items->items;
  if (call.arguments[1] != nullptr) {
    const AttributePath path = TRY(attribute_path(*call.arguments[1]));
    for (Value& part : parts) part = TRY(item_at_path(call, part, path));
  }
  return joined_texts(call.heap, parts, *separator.text());
}

// --- Filters that order and compare ---

// What items are ordered by: themselves or an attribute of theirs, letters without their case
// unless argument number `case_sensitive` is true.
struct Key {
  AttributePath path = {};
  bool is_case_sensitive = false;

  static Result<Key> of(const Call& call, size_t case_sensitive, size_t attribute) {
    Key key = {{}, call.truth(case_sensitive)};
    const Value* given = call.arguments[attribute];
    if (given != nullptr && !given->is_none()) key.path = TRY(attribute_path(*given));
    return key;
  }
  Result<Value> operator()(Call& call, const Value& item) const {
    Value key = TRY(item_at_path(call, item, path));
    if (is_case_sensitive || key.text() == nullptr) return key;
    TRY(call.heap.work(1 + key.text()->text().size() / 8));
    return call.heap.text(with_case(key.text()->content, LetterCase::lower));
  }
};

struct Keyed {
  Value key, item;
};

// A merge sort: stable, and safe for values that are in no order, which std::sort is not.
Result<Value> sorted_items(Heap& heap, std::vector<Keyed> items, bool reverse) {
  std::vector<Keyed> merged(items.size());
  for (size_t width = 1; width < items.size(); width *= 2) {
    for (size_t begin = 0; begin < items.size(); begin += 2 * width) {
      const size_t middle = std::min(begin + width, items.size());
      const size_t end = std::min(begin + 2 * width, items.size());
      size_t left = begin, right = middle;
      for (size_t out = begin; out < end; ++out) {
        bool takes_right = left == middle;
        if (left < middle && right < end) {
          const Value &a = items[left].key, &b = items[right].key;
          takes_right = TRY(reverse ? less(heap, a, b) : less(heap, b, a));
        }
        merged[out] = std::move(items[takes_right ? right++ : left++]);
      }
    }
    std::swap(items, merged);
  }
  std::vector<Value> sorted;
  for (Keyed& entry : items) sorted.push_back(std::move(entry.item));
  return Value(TRY(heap.list(Form::list, std::move(sorted))));
}

Result<Value> sorted(Call& call) {
  const Key key = TRY(Key::of(call, 1, 2));
  const List* list = TRY(iterate(call.heap, call.self));
  std::vector<Keyed> keyed;
  for (const Value& item : list->items) keyed.push_back({TRY(key(call, item)), item});
  return sorted_items(call.heap, std::move(keyed), call.truth(0));
}

Result<Value> dict_view(Heap& heap, const Dict& dict, Form form) {
  TRY(heap.work(dict.entries.size()));
  std::vector<Value> items;
  for (const auto& [key, value] : dict.entries) {
    if (form == Form::keys || form == Form::values) {
      items.push_back(form == Form::keys ? key : value);
    } else {
      items.push_back(Value(TRY(heap.list(Form::tuple, {key, value}))));
    }
  }
  return Value(TRY(heap.list(form, std::move(items))));
}

Result<Value> dictsort(Call& call) {
  if (call.self.dict() == nullptr) return misuse(call.self, "sorted by keys");
  const StoredText* by = TRY(call.text(1));
  const bool by_value = by != nullptr && by->text() == "value";
  if (by != nullptr && !by_value && by->text() != "key") return Error{"sorts by 'key' or 'value'"};
  const Key key = {{}, call.truth(0)};
  const Value pairs = TRY(dict_view(call.heap, *call.self.dict(), Form::items));
  std::vector<Keyed> keyed;
  for (const Value& pair : pairs.list()->items)
    keyed.push_back({TRY(key(call, pair.list()->items[by_value])), pair});
  return sorted_items(call.heap, std::move(keyed), call.truth(2));
}

Result<Value> unique(Call& call) {
  const Key key_of = TRY(Key::of(call, 0, 1));
  const List* list = TRY(iterate(call.heap, call.self));
  std::unordered_set<std::string> texts;
  std::vector<Value> others, kept;
  for (const Value& item : list->items) {
    Value key = TRY(key_of(call, item));
    bool is_new = true;
    if (const StoredText* text = key.text()) {
      is_new = texts.insert(text->text()).second;
    } else {
      for (size_t i = 0; is_new && i < others.size(); ++i)
        is_new = !TRY(equal(call.heap, others[i], key));
      if (is_new) others.push_back(key);
    }
    if (is_new) kept.push_back(item);
  }
  return generator(call.heap, std::move(kept));
}

// --- Dicts ---

Result<Value> items(Call& call) {
  if (call.self.is_undefined()) return generator(call.heap, {});
  if (call.self.dict() == nullptr)
    return misuse(call.self, "taken apart into items; only a dict can");
  Value pairs = TRY(dict_view(call.heap, *call.self.dict(), Form::items));
  pairs.list()->form = Form::generator;
  return pairs;
}

Result<Value> get(Call& call) {
  const Dict& dict = *call.self.dict();
  const Value& wanted = *call.arguments[0];
  if (const StoredText* name = wanted.text()) {
    if (const Value* found = dict.find(name->text())) return *found;
  } else {
    for (const auto& [key, value] : dict.entries)
      if (TRY(equal(call.heap, key, wanted))) return value;
  }
  return call.arguments[1] != nullptr ? *call.arguments[1] : Value(None{});
}

template <Form form>
Result<Value> view(Call& call) {
  return dict_view(call.heap, *call.self.dict(), form);
}

// --- Methods of lists ---

Result<List*> changeable(const Call& call) {
  List* list = call.self.list();
  if (list->form == Form::list) return list;
  return misuse(call.self, "changed; use a list");
}

// append and pop change lists, which transformers does not allow; some models' templates need them.
Result<Value> append(Call& call) {
  List* list = TRY(changeable(call));
  TRY(call.heap.push(*list, *call.arguments[0]));
  return Value(None{});
}

Result<Value> pop(Call& call) {
  List* list = TRY(changeable(call));
  Integer index = TRY(call.integer(0, -1));
  const Integer size = Integer(list->items.size());
  if (index < 0) index += size;
  if (index < 0 || index >= size) return Error{"takes an item that the list does not have"};
  TRY(call.heap.work(1 + list->items.size() / 16));
  Value taken = std::move(list->items[size_t(index)]);
  list->items.erase(list->items.begin() + long(index));
  return taken;
}

Result<Value> index(Call& call) {
  const std::vector<Value>& all = call.self.list()->items;
  for (size_t i = 0; i < all.size(); ++i)
    if (TRY(equal(call.heap, all[i], *call.arguments[0]))) return Value(i);
  return Error{"does not find the item in the list; test with 'in' first"};
}

}  // namespace

BuiltinTable list_filters() {
  static constexpr Builtin kTable[] = {{"count", length},
                                       {"d", standard, "default_value boolean"},
                                       {"default", standard, "default_value boolean"},
                                       {"dictsort", dictsort, "case_sensitive by reverse"},
                                       {"first", first},
                                       {"items", items},
                                       {"join", join, "d attribute"},
                                       {"last", last},
                                       {"length", length},
                                       {"list", make_list},
                                       {"map", map, "*"},
                                       {"reject", select<false, false>, "*"},
                                       {"rejectattr", select<true, false>, "*"},
                                       {"reverse", reverse},
                                       {"select", select<false, true>, "*"},
                                       {"selectattr", select<true, true>, "*"},
                                       {"sort", sorted, "reverse case_sensitive attribute"},
                                       {"unique", unique, "case_sensitive attribute"}};
  return kTable;
}

BuiltinTable list_methods() {
  static constexpr Builtin kTable[] = {
      {"append", append, "item", 1}, {"index", index, "item", 1}, {"pop", pop, "index"}};
  return kTable;
}

BuiltinTable dict_methods() {
  static constexpr Builtin kTable[] = {{"get", get, "key default", 1},
                                       {"items", view<Form::items>},
                                       {"keys", view<Form::keys>},
                                       {"values", view<Form::values>}};
  return kTable;
}

}  // namespace weir::jinja
