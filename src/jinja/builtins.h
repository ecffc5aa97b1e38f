// Everything a template can call. What is not in these tables does not exist for it: no attribute,
// method or function of the program is reachable otherwise.
#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jinja/heap.h"

namespace weir::jinja {

class Interpreter;

// A builtin or macro at work. For filters, tests and methods `self` is the value on the left.
struct Call {
  Interpreter& interpreter;
  Heap& heap;
  Value self = {};
  std::vector<Value> positional = {};
  // The names keep their provenance: after '**' they are the keys of a dict, perhaps data.
  std::vector<std::pair<Text, Value>> named = {};
  // In the order of the builtin's parameters, null where none is given.
  std::array<const Value*, 4> arguments = {};

  bool truth(size_t index) const;  // false when it is not given
  Result<Integer> integer(size_t index, Integer standard) const;
  Result<const StoredText*> text(size_t index) const;  // null when it is not given, or none
  // str(argument) of a filter; a method takes only texts.
  Result<Text> argument_text(size_t index, bool is_filter) const;
  // The value on the left; filters make a text of anything.
  Result<Text> self_text() const;
};

struct Builtin {
  std::string_view name;
  Result<Value> (*run)(Call&);
  std::string_view parameters = {};  // "old new count", or "*" when it reads the arguments itself
  size_t required = 0;               // how many of them must be given
};
using BuiltinTable = std::span<const Builtin>;

// Fails for unknown names, too many arguments, or missing ones.
Result<Value> run_builtin(const Builtin& builtin, Call& call);
Result<void> bind(const Builtin& builtin, Call& call);

// Null when there is none of that name. Tests give true or false.
const Builtin* find_filter(std::string_view name);
const Builtin* find_test(std::string_view name);
const Builtin* find_method(const Value& self, std::string_view name);
std::string filter_names();  // "abs, capitalize, ..."
std::string test_names();
std::string text_method_names();

// One table for each receiver.
BuiltinTable functions();  // range, namespace, ...
BuiltinTable tests();
BuiltinTable text_filters();
BuiltinTable text_methods();
BuiltinTable list_filters();
BuiltinTable list_methods();
BuiltinTable dict_methods();

// str() of each, with the separator between.
Result<Value> joined_texts(Heap& heap, const std::vector<Value>& items,
                           const StoredText& separator);

}  // namespace weir::jinja
