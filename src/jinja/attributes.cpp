// What stands behind dots and in brackets: entries, items, slices, methods, the parts of 'loop'.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "jinja/builtins.h"
#include "jinja/interpreter.h"
#include "jinja/operators.h"

namespace weir::jinja {
namespace {

constexpr size_t kAll = ~size_t(0);

template <size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What Python has and a template has no use for. Saying so is better than an undefined value.
constexpr std::array<std::string_view, 20> kOtherTextMethods = {
    "casefold",  "center",       "encode",    "expandtabs",  "format_map", "index", "isascii",
    "isdecimal", "isidentifier", "isnumeric", "isprintable", "istitle",    "ljust", "maketrans",
    "partition", "rindex",       "rjust",     "swapcase",    "translate",  "zfill"};
// transformers refuses them as well.
constexpr std::array<std::string_view, 6> kChangesList = {"clear",  "extend",  "insert",
                                                          "remove", "reverse", "sort"};
constexpr std::array<std::string_view, 6> kChangesDict = {"clear",   "fromkeys",   "pop",
                                                          "popitem", "setdefault", "update"};

Result<Value> missing(Heap& heap, const Value& value, std::string_view name) {
  return heap.undefined(fmt::format("{} has no '{}'", kind_name(value), printable(name)));
}

// Python's slice.indices(): begin, end and step as positions that can be walked.
struct Indices {
  Integer begin, end, step;
};
Indices clamp(const Value& begin, const Value& end, Integer step, Integer size) {
  auto position = [&](const Value& bound, Integer standard) {
    Integer at = 0;
    if (!bound.as_integer(at)) return standard;
    if (at < 0) at += size;
    const Integer low = step < 0 ? -1 : 0, high = step < 0 ? size - 1 : size;
    return std::clamp(at, low, std::max(low, high));
  };
  return {position(begin, step < 0 ? size - 1 : 0), position(end, step < 0 ? -1 : size), step};
}

Result<Value> undefined_or_bound(Interpreter& interpreter, Heap& heap, const Value& key,
                                 const Value& value) {
  if (key.text() != nullptr) return interpreter.attribute(value, key.text()->text());
  return missing(heap, value, "element of this kind");
}

}  // namespace

Result<Value> Interpreter::attribute(const Value& value, std::string_view name) {
  if (value.is_undefined())
    return misuse(value, fmt::format("asked for its '{}'", printable(name)));
  if (name.starts_with("__"))
    return Error{
        fmt::format("'{}' is internal to Python; templates may not use it", printable(name))};
  if (Builtin method = find_method(value, name)) {
    Callable bound{std::string(name), method, value};
    return Value(TRY(heap_.callable(std::move(bound))));
  }
  if (const auto* space = value.get<Namespace*>()) {
    TRY(heap_.work((*space)->attributes.size() / 8));
    const Value* found = (*space)->find(name);
    if (found == nullptr) return missing(heap_, value, name);
    return *found;
  }
  if (const auto* loop = value.get<Loop*>()) return loop_attribute(**loop, name);
  if (value.text() != nullptr && is_one_of(name, kOtherTextMethods))
    return Error{
        fmt::format("the method '{}' of texts is not supported; see "
                    "docs/chat-templates.md for those that are",
                    name)};
  if ((value.list() != nullptr && is_one_of(name, kChangesList)) ||
      (value.dict() != nullptr && is_one_of(name, kChangesDict)))
    return heap_.undefined(
        fmt::format("'{}' would change {}, which templates may not", name, kind_name(value)));
  if (const Dict* dict = value.dict()) {
    const Value* found = dict->find(name);
    if (found != nullptr) return *found;
  }
  return missing(heap_, value, name);
}

Result<Value> Interpreter::item(const Value& value, const Value& key) {
  if (value.is_undefined()) return misuse(value, "looked into");
  Integer index = 0;
  const List* list = value.list();
  const StoredText* text = value.text();
  if (const Dict* dict = value.dict()) {
    if (const StoredText* name = key.text()) {
      if (const Value* found = dict->find(name->text())) return *found;
    } else {
      for (const auto& [known, entry] : dict->entries)
        if (TRY(equal(heap_, known, key))) return entry;
    }
  } else if ((text != nullptr || (list != nullptr && list->is_sequence())) &&
             key.as_integer(index)) {
    const Integer size = text != nullptr ? Integer(text->characters) : Integer(list->items.size());
    if (index < 0) index += size;
    if (index < 0 || index >= size)
      return heap_.undefined(
          fmt::format("{} has no element {}", kind_name(value), integer_text(index)));
    if (list != nullptr) return list->items[size_t(index)];
    return text_slice(heap_, *text, size_t(index), size_t(index) + 1);
  }
  return undefined_or_bound(*this, heap_, key, value);
}

Result<Value> Interpreter::evaluate_slice(const Value& value, const Link& link) {
  std::array<Value, 3> bounds;
  for (size_t i = 0; i < 3; ++i) {
    if (link.bounds[i]) bounds[i] = TRY(evaluate(*link.bounds[i]));
    Integer ignored = 0;
    if (link.bounds[i] && !bounds[i].is_none() && !bounds[i].as_integer(ignored))
      return misuse(bounds[i], "the bound of a slice; use whole numbers");
  }
  Integer step = 1;
  if (bounds[2].as_integer(step) && step == 0)
    return Error{"the step of a slice is 0; use another"};
  const List* list = value.list();
  const StoredText* text = value.text();
  if (text == nullptr && (list == nullptr || !list->is_sequence())) return misuse(value, "sliced");
  const Integer size = text != nullptr ? Integer(text->characters) : Integer(list->items.size());
  const Indices at = clamp(bounds[0], bounds[1], step, size);
  if (text != nullptr && step == 1)
    return text_slice(heap_, *text, size_t(at.begin), size_t(std::max(at.begin, at.end)));
  std::vector<Value> items;
  Value source = value;
  if (text != nullptr) list = TRY(iterate(heap_, source));
  TRY(heap_.work(size_t(size)));
  for (Integer i = at.begin; step > 0 ? i < at.end : i > at.end; i += step)
    items.push_back(list->items[size_t(i)]);
  if (text == nullptr) return Value(TRY(heap_.list(list->form, std::move(items))));
  TracedText joined;
  for (const Value& character : items) joined.append(character.text()->content);
  return heap_.text(std::move(joined));
}

Result<Value> Interpreter::loop_attribute(Loop& loop, std::string_view name) {
  if (name == "index") return Value(loop.index + 1);
  if (name == "index0") return Value(loop.index);
  if (name == "first") return Value(loop.index == 0);
  if (name == "last") return Value(!TRY(peek(loop, 1)));
  if (name == "depth") return Value(1);
  if (name == "depth0") return Value(0);
  if (name == "previtem") {
    if (loop.index == 0) return heap_.undefined("there is no previous item");
    return loop.previous;
  }
  if (name == "nextitem") {
    if (TRY(peek(loop, 1))) return loop.ahead.front();
    return heap_.undefined("there is no next item");
  }
  if (name != "length" && name != "revindex" && name != "revindex0")
    return missing(heap_, &loop, name);
  if (loop.statement->condition) TRY(peek(loop, kAll));
  const size_t all = loop.source->items.size();  // the body may have taken some away
  const size_t to_come = loop.ahead.size() + (all > loop.next ? all - loop.next : 0);
  const Integer length = Integer(to_come) + loop.index + 1;
  if (name == "length") return Value(length);
  return Value(length - loop.index - (name == "revindex0" ? 1 : 0));
}

Result<AttributePath> attribute_path(const Value& path) {
  constexpr size_t kBytesMax = 1024, kPartsMax = 32;
  const StoredText* text = path.text();
  if (text == nullptr) return AttributePath{path};
  if (text->text().size() > kBytesMax)
    return Error{"is given an attribute of more than 1024 bytes; use a shorter one"};
  AttributePath keys;
  for (const std::string& part : split(text->text(), '.')) {
    const bool is_number = !part.empty() && part.size() < 10 &&
                           part.find_first_not_of("0123456789") == std::string::npos;
    keys.push_back(is_number ? Value(std::stoi(part)) : Value(make_literal(part)));
  }
  if (keys.size() > kPartsMax)
    return Error{"is given an attribute with more than 32 parts; use fewer dots"};
  return keys;
}

Result<Value> item_at_path(Call& call, Value value, const AttributePath& path,
                           const Value* standard) {
  for (const Value& key : path) {
    TRY(call.heap.work(1));
    value = TRY(call.interpreter.item(value, key));
    if (standard != nullptr && value.is_undefined()) value = *standard;
  }
  return value;
}

}  // namespace weir::jinja
