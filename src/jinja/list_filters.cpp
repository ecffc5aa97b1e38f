// Filters that put lists in order: sort, unique, min and the like.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "base/text.h"
#include "jinja/builtins.h"
#include "jinja/characters.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace weir::jinja {
namespace {

// What items are ordered by: an attribute of theirs, letters without their case.
struct KeyRule {
  std::vector<AttributePath> paths = {};  // none: the item itself; several: a list of keys
  bool is_case_sensitive = false;
};

// `splits`: several attributes with commas between them.
Result<KeyRule> key_rule(const Value* attribute, const Value* is_case_sensitive, bool splits) {
  KeyRule rule;
  rule.is_case_sensitive = TRY(truth_of(is_case_sensitive, false));
  if (attribute == nullptr || attribute->is_none()) return rule;
  const StoredText* names = attribute->text();
  if (!splits || names == nullptr || names->text().find(',') == std::string::npos) {
    rule.paths.push_back(TRY(attribute_path(*attribute)));
    return rule;
  }
  if (names->text().size() > 1024)
    return Error{"has attributes of more than 1024 bytes; use fewer"};
  for (const std::string& name : split(names->text(), ','))
    rule.paths.push_back(TRY(attribute_path(Value(make_literal(name)))));
  return rule;
}

Result<Value> without_case(Heap& heap, Value key, const KeyRule& rule) {
  if (rule.is_case_sensitive || key.text() == nullptr) return key;
  TRY(heap.work(1 + key.text()->text().size() / 8));
  return heap.text(with_case(key.text()->content, LetterCase::lower));
}

Result<Value> key_of(Call& call, const Value& item, const KeyRule& rule) {
  if (rule.paths.empty()) return without_case(call.heap, item, rule);
  std::vector<Value> keys;
  for (const AttributePath& path : rule.paths) {
    Value key = TRY(item_at_path(call, item, path));
    keys.push_back(TRY(without_case(call.heap, std::move(key), rule)));
  }
  if (keys.size() == 1) return keys[0];
  return Value(TRY(call.heap.list(List::Form::list, std::move(keys))));
}

struct Keyed {
  Value key, item;
};

// A merge sort: stable, and safe for values that are in no order, which std::sort is not.
Result<void> sort(Heap& heap, std::vector<Keyed>& items, bool reverse) {
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
  return {};
}

Result<Value> items_of(Heap& heap, std::vector<Keyed>& keyed) {
  std::vector<Value> items;
  for (Keyed& entry : keyed) items.push_back(std::move(entry.item));
  return Value(TRY(heap.list(List::Form::list, std::move(items))));
}

Result<Value> sorted(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"reverse", "case_sensitive", "attribute"}));
  const bool reverse = TRY(truth_of(given[0], false));
  const KeyRule rule = TRY(key_rule(given[2], given[1], true));
  const List* list = TRY(iterate(call.heap, call.self));
  std::vector<Keyed> keyed;
  for (const Value& item : list->items) keyed.push_back({TRY(key_of(call, item, rule)), item});
  TRY(sort(call.heap, keyed, reverse));
  return items_of(call.heap, keyed);
}

Result<Value> dictsort(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"case_sensitive", "by", "reverse"}));
  if (call.self.dict() == nullptr) return misuse(call.self, "sorted by keys");
  const StoredText* by = TRY(text_of(given[1]));
  const bool by_value = by != nullptr && by->text() == "value";
  if (by != nullptr && !by_value && by->text() != "key") return Error{"sorts by 'key' or 'value'"};
  const KeyRule rule = TRY(key_rule(nullptr, given[0], false));
  const List* pairs = TRY(dict_view(call.heap, *call.self.dict(), List::Form::items));
  std::vector<Keyed> keyed;
  for (const Value& pair : pairs->items) {
    const Value& key = pair.list()->items[by_value ? 1 : 0];
    keyed.push_back({TRY(without_case(call.heap, key, rule)), pair});
  }
  const bool reverse = TRY(truth_of(given[2], false));
  TRY(sort(call.heap, keyed, reverse));
  return items_of(call.heap, keyed);
}

Result<Value> unique(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"case_sensitive", "attribute"}));
  const KeyRule rule = TRY(key_rule(given[1], given[0], false));
  const List* list = TRY(iterate(call.heap, call.self));
  std::unordered_set<std::string> texts;
  std::vector<Value> others, kept;
  for (const Value& item : list->items) {
    Value key = TRY(key_of(call, item, rule));
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
  return Value(TRY(call.heap.list(List::Form::generator, std::move(kept))));
}

template <bool wants_greatest>
Result<Value> extreme(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"case_sensitive", "attribute"}));
  const KeyRule rule = TRY(key_rule(given[1], given[0], false));
  const List* list = TRY(iterate(call.heap, call.self));
  if (list->items.empty())
    return call.heap.undefined("an empty list has no least or greatest item");
  size_t best = 0;
  Value best_key = TRY(key_of(call, list->items[0], rule));
  for (size_t i = 1; i < list->items.size(); ++i) {
    Value key = TRY(key_of(call, list->items[i], rule));
    if (!TRY(wants_greatest ? less(call.heap, best_key, key) : less(call.heap, key, best_key)))
      continue;
    best = i;
    best_key = std::move(key);
  }
  return list->items[best];
}

Result<Value> sum(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"attribute", "start"}));
  Value total = given[1] != nullptr ? *given[1] : Value(0);
  const List* list = TRY(iterate(call.heap, call.self));
  AttributePath path;
  if (given[0] != nullptr && !given[0]->is_none()) path = TRY(attribute_path(*given[0]));
  for (const Value& item : list->items) {
    Value part = TRY(item_at_path(call, item, path));
    total = TRY(arithmetic(call.heap, "+", total, part));
  }
  return total;
}

Result<Value> reverse(Call& call) {
  TRY(bind(call, {}));
  const List* list = TRY(iterate(call.heap, call.self));
  TRY(call.heap.work(list->items.size()));
  std::vector<Value> items(list->items.rbegin(), list->items.rend());
  if (call.self.text() == nullptr)
    return Value(TRY(call.heap.list(List::Form::generator, std::move(items))));
  TracedText joined;
  for (const Value& character : items) joined.append(character.text()->content);
  return call.heap.text(std::move(joined));
}

}  // namespace

const BuiltinTable& list_filters() {
  static const BuiltinTable table = {
      {"sort", sorted},       {"dictsort", dictsort}, {"unique", unique},  {"min", extreme<false>},
      {"max", extreme<true>}, {"sum", sum},           {"reverse", reverse}};
  return table;
}

}  // namespace weir::jinja
