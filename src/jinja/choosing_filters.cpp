// Filters that choose from lists or go through them: first, map, selectattr and the like.
#include <fmt/format.h>

#include "jinja/builtins.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace weir::jinja {
namespace {

Result<Value> length(Call& call) {
  TRY(bind(call, {}));
  if (const StoredText* text = call.self.text()) return Value(text->characters);
  if (const Dict* dict = call.self.dict()) return Value(dict->entries.size());
  if (call.self.is_undefined()) return Value(0);
  if (call.self.get<Loop*>() != nullptr) return call.interpreter.attribute(call.self, "length");
  const List* list = call.self.list();
  if (list == nullptr || !list->has_length()) return misuse(call.self, "measured; only a list can");
  return Value(list->items.size());
}

Result<Value> first(Call& call) {
  TRY(bind(call, {}));
  List* list = TRY(iterate(call.heap, call.self));
  if (list->items.empty()) return call.heap.undefined("an empty list has no first item");
  return list->items.front();
}

Result<Value> last(Call& call) {
  TRY(bind(call, {}));
  const List* list = call.self.list();
  if (list != nullptr && !list->has_length())
    return misuse(call.self, "asked for its last item; make it a list first");
  list = TRY(iterate(call.heap, call.self));
  if (list->items.empty()) return call.heap.undefined("an empty list has no last item");
  return list->items.back();
}

Result<Value> make_list(Call& call) {
  TRY(bind(call, {}));
  const List* list = TRY(iterate(call.heap, call.self));
  TRY(call.heap.work(list->items.size()));
  return Value(TRY(call.heap.list(List::Form::list, list->items)));
}

Result<Value> items(Call& call) {
  TRY(bind(call, {}));
  if (call.self.is_undefined()) return Value(TRY(call.heap.list(List::Form::generator, {})));
  if (call.self.dict() == nullptr)
    return misuse(call.self, "taken apart into items; only a dict can");
  List* pairs = TRY(dict_view(call.heap, *call.self.dict(), List::Form::items));
  pairs->form = List::Form::generator;
  return Value(pairs);
}

// map('filter', ...), map(attribute='a.b', default=x)
Result<Value> map(Call& call) {
  std::vector<Value> mapped;
  if (is_true(call.self)) {
    const List* list = TRY(iterate(call.heap, call.self));
    const bool by_attribute = call.positional.empty();
    std::vector<const Value*> given;
    if (by_attribute) given = TRY(bind(call, {"attribute", "default"}));
    if (by_attribute && given[0] == nullptr)
      return Error{"needs the name of a filter or attribute"};
    if (!by_attribute && call.positional[0].text() == nullptr)
      return misuse(call.positional[0], "the name of a filter; is it in quotes?");
    AttributePath path;
    if (by_attribute) path = TRY(attribute_path(*given[0]));
    for (size_t i = 0; i < list->items.size(); ++i) {
      TRY(call.heap.work(1 + call.positional.size() + call.named.size()));
      Value value = list->items[i];
      if (by_attribute) {
        value = TRY(item_at_path(call, std::move(value), path, given[1]));
      } else {
        Call inner{call.interpreter, call.heap, std::move(value), {}, call.named};
        inner.positional.assign(call.positional.begin() + 1, call.positional.end());
        value = TRY(call.interpreter.filter(call.positional[0].text()->text(), inner));
      }
      mapped.push_back(std::move(value));
    }
  }
  return Value(TRY(call.heap.list(List::Form::generator, std::move(mapped))));
}

// select('test', ...), selectattr('attribute', 'test', ...) and their opposites.
template <bool by_attribute, bool keeps>
Result<Value> select(Call& call) {
  std::vector<Value> kept;
  if (is_true(call.self)) {
    const List* list = TRY(iterate(call.heap, call.self));
    const size_t name = by_attribute ? 1 : 0;
    if (by_attribute && call.positional.empty()) return Error{"needs the name of an attribute"};
    const bool has_test = call.positional.size() > name;
    if (has_test && call.positional[name].text() == nullptr)
      return misuse(call.positional[name], "the name of a test; is it in quotes?");
    AttributePath path;
    if (by_attribute) path = TRY(attribute_path(call.positional[0]));
    for (size_t i = 0; i < list->items.size(); ++i) {
      TRY(call.heap.work(1 + call.positional.size() + call.named.size()));
      const Value item = list->items[i];
      Value value = item;
      if (by_attribute) value = TRY(item_at_path(call, std::move(value), path));
      bool holds = is_true(value);
      if (has_test) {
        Call inner{call.interpreter, call.heap, std::move(value), {}, call.named};
        inner.positional.assign(call.positional.begin() + long(name) + 1, call.positional.end());
        holds = TRY(call.interpreter.test(call.positional[name].text()->text(), inner));
      }
      if (holds == keeps) kept.push_back(item);
    }
  }
  return Value(TRY(call.heap.list(List::Form::generator, std::move(kept))));
}

}  // namespace

const BuiltinTable& choosing_filters() {
  static const BuiltinTable table = {{"length", length},
                                     {"count", length},
                                     {"first", first},
                                     {"last", last},
                                     {"list", make_list},
                                     {"items", items},
                                     {"map", map},
                                     {"select", select<false, true>},
                                     {"reject", select<false, false>},
                                     {"selectattr", select<true, true>},
                                     {"rejectattr", select<true, false>}};
  return table;
}

}  // namespace weir::jinja
