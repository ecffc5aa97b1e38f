// The values a template computes with: what Python has, as far as chat templates use it. Texts are
// shared and never change. Everything that refers to other values (lists, dicts ...) is owned by
// the Heap of one rendering and lives as long, so that values may refer to each other in circles
// and no chain of them is ever destroyed recursively.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "text/traced_text.h"

namespace weir::jinja {

// Wide enough for every number of a JSON document; results are kept within 2^64.
__extension__ typedef __int128 Integer;

struct StoredText {
  TracedText content;
  size_t characters = 0;
  bool is_markup = false;        // came from the filter 'safe': '+' escapes what is added to it
  size_t* live_bytes = nullptr;  // of the heap that counts this text, if one does
  size_t counted = 0;

  StoredText() = default;
  StoredText(const StoredText&) = delete;
  StoredText& operator=(const StoredText&) = delete;
  ~StoredText() {
    if (live_bytes != nullptr) *live_bytes -= counted;
  }
  const std::string& text() const { return content.text; }
  bool is_ascii() const { return characters == content.text.size(); }
};
using Text = std::shared_ptr<const StoredText>;

struct None {};
struct Undefined {
  Text reason;  // "'x' is not defined"; null: no name is known
};
struct List;
struct Dict;
struct Namespace;
struct Loop;
struct Callable;

class Value {
 public:
  using State = std::variant<Undefined, None, bool, Integer, double, Text, List*, Dict*, Namespace*,
                             Loop*, Callable*>;
  Value() = default;  // undefined
  Value(Undefined v) : state_(std::move(v)) {}
  Value(None v) : state_(v) {}
  Value(bool v) : state_(v) {}
  Value(Integer v) : state_(v) {}
  Value(int v) : state_(Integer(v)) {}
  Value(size_t v) : state_(Integer(v)) {}
  Value(double v) : state_(v) {}
  Value(Text v) : state_(std::move(v)) {}
  Value(List* v) : state_(v) {}
  Value(Dict* v) : state_(v) {}
  Value(Namespace* v) : state_(v) {}
  Value(Loop* v) : state_(v) {}
  Value(Callable* v) : state_(v) {}
  template <class T>
  Value(const T*) = delete;  // would become true or false
  template <class T>
  const T* get() const {
    return std::get_if<T>(&state_);
  }
  const State& state() const { return state_; }
  bool is_undefined() const { return state_.index() == 0; }
  bool is_none() const { return state_.index() == 1; }
  const StoredText* text() const {
    const Text* text = get<Text>();
    return text == nullptr ? nullptr : text->get();
  }
  List* list() const { return pointer<List>(); }
  Dict* dict() const { return pointer<Dict>(); }
  bool is_number() const { return get<Integer>() || get<double>() || get<bool>(); }
  // An integer, or a bool as Python counts it.
  bool as_integer(Integer& out) const {
    if (const Integer* i = get<Integer>()) return out = *i, true;
    if (const bool* b = get<bool>()) return out = Integer(*b), true;
    return false;
  }
  bool as_real(double& out) const {
    if (const double* d = get<double>()) return out = *d, true;
    Integer i = 0;
    if (!as_integer(i)) return false;
    return out = double(i), true;
  }

 private:
  template <class T>
  T* pointer() const {
    T* const* found = get<T*>();
    return found == nullptr ? nullptr : *found;
  }
  State state_;
};

// Everything with an order.
struct List {
  enum class Form {
    list,
    tuple,
    range,
    keys,  // d.keys(), d.values(), d.items()
    values,
    items,
    generator,  // what map, select, items ... give: can be walked once, has no length
  } form = Form::list;
  std::vector<Value> items;
  bool is_sequence() const { return form <= Form::range; }  // has [0]
  bool has_length() const { return form != Form::generator; }
};

// Keeps the order of insertion. Never changes once a template sees it.
struct Dict {
  std::vector<std::pair<Value, Value>> entries;
  std::unordered_map<std::string_view, size_t> texts;  // entries whose key is a text

  const Value* find(std::string_view key) const {
    auto found = texts.find(key);
    return found == texts.end() ? nullptr : &entries[found->second].second;
  }
};

struct Namespace {
  std::vector<std::pair<Text, Value>> attributes;  // names from a dict may be data
  Value* find(std::string_view name) {
    for (auto& [known, value] : attributes)
      if (known->text() == name) return &value;
    return nullptr;
  }
};

// "a text", "a list", "none": for messages.
const char* kind_name(const Value& value);
// Python's bool(value).
bool is_true(const Value& value);
// Decimal, with sign.
std::string integer_text(Integer value);
// As Python's repr(): the shortest digits that give the same number, 1e+16 and 1e-05.
std::string real_text(double value);

// A text that is part of a template, counted by no heap.
Text make_literal(std::string text);

}  // namespace weir::jinja
