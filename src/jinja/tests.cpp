// What may stand after 'is'.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "jinja/builtins.h"
#include "jinja/characters.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace weir::jinja {
namespace {

template <bool (*holds)(const Value&)>
Result<Value> plain(Call& call) {
  TRY(bind(call, {}));
  return Value(holds(call.self));
}

bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_none(const Value& v) { return v.is_none(); }
bool is_boolean(const Value& v) { return v.get<bool>() != nullptr; }
bool is_true_itself(const Value& v) { return is_boolean(v) && *v.get<bool>(); }
bool is_false_itself(const Value& v) { return is_boolean(v) && !*v.get<bool>(); }
bool is_integer(const Value& v) { return v.get<Integer>() != nullptr; }
bool is_real(const Value& v) { return v.get<double>() != nullptr; }
bool is_number(const Value& v) { return v.is_number(); }
bool is_text(const Value& v) { return v.text() != nullptr; }
bool is_mapping(const Value& v) { return v.dict() != nullptr; }
bool is_callable(const Value& v) { return v.get<Callable*>() != nullptr; }
// Python finds a length and brackets on dicts and on undefined values too.
bool is_sequence(const Value& v) {
  return is_text(v) || is_mapping(v) || is_undefined(v) ||
         (v.list() != nullptr && v.list()->is_sequence());
}
bool is_iterable(const Value& v) {
  return is_sequence(v) || v.list() != nullptr || v.get<Loop*>() != nullptr;
}

constexpr char kEqual[] = "==", kUnequal[] = "!=", kLess[] = "<",
               kAtMost[] = "<=", kGreater[] = ">", kAtLeast[] = ">=", kIn[] = "in";

template <const char* symbol>
Result<Value> relation(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"other"}, 1));
  return Value(TRY(compare(call.heap, symbol, call.self, *given[0])));
}

template <int rest>
Result<Value> has_rest(Call& call) {
  TRY(bind(call, {}));
  Value remainder = TRY(arithmetic(call.heap, "%", call.self, Value(2)));
  return Value(TRY(equal(call.heap, remainder, Value(rest))));
}

Result<Value> is_divisible(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"num"}, 1));
  Value remainder = TRY(arithmetic(call.heap, "%", call.self, *given[0]));
  return Value(TRY(equal(call.heap, remainder, Value(0))));
}

// Python's 'is': the same object. Values without parts have no other identity than their value.
Result<Value> is_same(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"other"}, 1));
  const Value &a = call.self, &b = *given[0];
  if (a.state().index() != b.state().index()) return Value(false);
  if (a.list() != nullptr) return Value(a.list() == b.list());
  if (a.dict() != nullptr) return Value(a.dict() == b.dict());
  return Value(TRY(equal(call.heap, a, b)));
}

template <bool (*is_wanted)(char32_t), bool (*is_other)(char32_t)>
Result<Value> has_case(Call& call) {
  Value text = TRY(to_text(call.heap, call.self));
  Builtin method = find_method(text, is_wanted == is_upper ? "isupper" : "islower");
  Call inner{call.interpreter, call.heap, text};
  return method(inner);
}

Result<Value> names_filter(Call& call) {
  return Value(is_text(call.self) && find_filter(call.self.text()->text()) != nullptr);
}
Result<Value> names_test(Call& call) {
  return Value(is_text(call.self) && find_test(call.self.text()->text()) != nullptr);
}

}  // namespace

Builtin find_test(std::string_view name) {
  static const std::unordered_map<std::string_view, Builtin> tests = {
      {"defined", plain<is_defined>},
      {"undefined", plain<is_undefined>},
      {"none", plain<is_none>},
      {"boolean", plain<is_boolean>},
      {"true", plain<is_true_itself>},
      {"false", plain<is_false_itself>},
      {"integer", plain<is_integer>},
      {"float", plain<is_real>},
      {"number", plain<is_number>},
      {"string", plain<is_text>},
      {"mapping", plain<is_mapping>},
      {"callable", plain<is_callable>},
      {"sequence", plain<is_sequence>},
      {"iterable", plain<is_iterable>},
      {"==", relation<kEqual>},
      {"eq", relation<kEqual>},
      {"equalto", relation<kEqual>},
      {"!=", relation<kUnequal>},
      {"ne", relation<kUnequal>},
      {"<", relation<kLess>},
      {"lt", relation<kLess>},
      {"lessthan", relation<kLess>},
      {"<=", relation<kAtMost>},
      {"le", relation<kAtMost>},
      {">", relation<kGreater>},
      {"gt", relation<kGreater>},
      {"greaterthan", relation<kGreater>},
      {">=", relation<kAtLeast>},
      {"ge", relation<kAtLeast>},
      {"in", relation<kIn>},
      {"odd", has_rest<1>},
      {"even", has_rest<0>},
      {"divisibleby", is_divisible},
      {"sameas", is_same},
      {"upper", has_case<is_upper, is_lower>},
      {"lower", has_case<is_lower, is_upper>},
      {"filter", names_filter},
      {"test", names_test}};
  auto found = tests.find(name);
  return found == tests.end() ? nullptr : found->second;
}

}  // namespace weir::jinja
