// Everything a template can call. What is not in these tables does not exist for it: no attribute,
// method or function of the program is reachable otherwise.
#pragma once
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jinja/interpreter.h"

namespace weir::jinja {

struct NamedBuiltin {
  std::string_view name;
  Builtin builtin;
};
using BuiltinTable = std::vector<NamedBuiltin>;

// Null when there is none of that name. Tests give true or false.
Builtin find_filter(std::string_view name);
Builtin find_test(std::string_view name);
Builtin find_method(const Value& self, std::string_view name);
const BuiltinTable& functions();  // range, namespace, ...
Builtin find_loop_method(std::string_view name);

// Parts of these tables, one file each.
const BuiltinTable& text_filters();
const BuiltinTable& list_filters();
const BuiltinTable& choosing_filters();
const BuiltinTable& value_filters();
const BuiltinTable& text_methods();
const BuiltinTable& search_methods();
const BuiltinTable& list_methods();
const BuiltinTable& dict_methods();

// d.keys(), d.values() or d.items().
Result<List*> dict_view(Heap& heap, const Dict& dict, List::Form form);

// The arguments in the order of `names`, null where none is given. Fails for unknown names, too
// many arguments, or when one of the first `required` is missing. Valid as long as the call.
Result<std::vector<const Value*>> bind(const Call& call, std::initializer_list<const char*> names,
                                       size_t required = 0);
// An argument of one kind, or the standard when it is null.
Result<Integer> integer_of(const Value* argument, Integer standard);
Result<bool> truth_of(const Value* argument, bool standard);
// Null when it is not given, or none.
Result<const StoredText*> text_of(const Value* argument);
// The text a method or filter works on; filters make one of anything.
Result<Text> self_text(const Call& call);

// "a.b.0" as keys for item(); for filters with attribute=. At most 1 KiB and 32 parts.
using AttributePath = std::vector<Value>;
Result<AttributePath> attribute_path(const Value& path);
// What is undefined on the way becomes the standard, if there is one.
Result<Value> item_at_path(Call& call, Value value, const AttributePath& path,
                           const Value* standard = nullptr);

}  // namespace weir::jinja
