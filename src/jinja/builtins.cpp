// How builtins are found and get their arguments; functions, tests and the methods of 'loop'.
#include "jinja/builtins.h"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <initializer_list>

#include "base/text.h"
#include "jinja/interpreter.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace weir::jinja {
namespace {

const Builtin* find(std::initializer_list<BuiltinTable> tables, std::string_view name) {
  for (BuiltinTable table : tables)
    for (const Builtin& builtin : table)
      if (builtin.name == name) return &builtin;
  return nullptr;
}

std::string names_of(std::initializer_list<BuiltinTable> tables) {
  std::vector<std::string_view> names;
  for (BuiltinTable table : tables)
    for (const Builtin& builtin : table) names.push_back(builtin.name);
  std::sort(names.begin(), names.end());
  std::string all;
  for (std::string_view name : names) (all += all.empty() ? "" : ", ") += name;
  return all;
}

// --- Functions ---

// range(end), range(begin, end), range(begin, end, step)
Result<Value> range(Call& call) {
  constexpr Integer kRangeMax = 100'000;  // as in jinja2's sandbox
  Integer begin = TRY(call.integer(0, 0)), end = TRY(call.integer(1, 0));
  const Integer step = TRY(call.integer(2, 1));
  if (call.arguments[1] == nullptr) std::swap(begin, end);
  if (step == 0) return Error{"has step 0; use another"};
  const Integer distance = step > 0 ? end - begin : begin - end;
  const Integer stride = step > 0 ? step : -step;
  const Integer count = distance <= 0 ? 0 : (distance - 1) / stride + 1;
  if (count > kRangeMax) return Error{"has more than 100000 numbers; use a smaller one"};
  std::vector<Value> items;
  for (Integer i = 0; i < count; ++i) items.push_back(Value(begin + i * step));
  return Value(TRY(call.heap.list(List::Form::range, std::move(items))));
}

// dict(other, a=1), namespace(other, a=1): the entries of both.
Result<std::vector<std::pair<Value, Value>>> entries_of(Call& call) {
  std::vector<std::pair<Value, Value>> entries;
  if (call.positional.size() > 1) return Error{"takes one value and names"};
  if (!call.positional.empty()) {
    const Value& other = call.positional[0];
    if (const Dict* dict = other.dict()) {
      TRY(call.heap.work(dict->entries.size()));
      entries = dict->entries;
    } else {
      const List* pairs = TRY(iterate(call.heap, other));
      for (const Value& pair : pairs->items) {
        const List* two = TRY(iterate(call.heap, pair));
        if (two->items.size() != 2) return Error{"needs pairs of a name and a value"};
        entries.emplace_back(two->items[0], two->items[1]);
      }
    }
  }
  for (const auto& [name, value] : call.named) entries.emplace_back(Value(name), value);
  return entries;
}

Result<Value> make_dict(Call& call) {
  std::vector<std::pair<Value, Value>> entries = TRY(entries_of(call));
  return Value(TRY(call.heap.dict(std::move(entries))));
}

Result<Value> make_namespace(Call& call) {
  std::vector<std::pair<Value, Value>> entries = TRY(entries_of(call));
  Namespace* made = TRY(call.heap.make_namespace());
  for (auto& [name, value] : entries) {
    if (name.text() == nullptr) return misuse(name, "the name of an attribute");
    TRY(call.heap.set_attribute(*made, *name.get<Text>(), std::move(value)));
  }
  return Value(made);
}

Result<Value> raise_exception(Call& call) {
  Value message = TRY(to_text(call.heap, *call.arguments[0]));
  return Error{"the template refuses the conversation: " + printable(message.text()->text(), 500)};
}

// The conversions of strftime() that only read the time; others could make a result of any length.
Result<Value> strftime_now(Call& call) {
  constexpr std::string_view kConversions = "aAbBcdDeFGgHIjklmMnpPrRsStTuUVwWxXyYzZ%h";
  const StoredText* format = TRY(call.text(0));
  if (format == nullptr) return misuse(*call.arguments[0], "a time format");
  const std::string& pattern = format->text();
  if (pattern.size() > 200) return Error{"has a format of more than 200 bytes; shorten it"};
  if (pattern.find('\0') != pattern.npos) return Error{"has a format with a NUL byte"};
  for (size_t at = pattern.find('%'); at != pattern.npos; at = pattern.find('%', at + 1)) {
    if (at + 1 < pattern.size() && pattern[at + 1] == '-') ++at;
    if (++at >= pattern.size() || kConversions.find(pattern[at]) == kConversions.npos)
      return Error{fmt::format("has a conversion that is not supported, '%{}'",
                               printable(pattern.substr(std::min(at, pattern.size()), 1)))};
  }
  if (pattern.empty()) return call.heap.text("", true);
  char buffer[8192];
  size_t n = std::strftime(buffer, sizeof buffer, pattern.c_str(), &call.interpreter.now());
  return call.heap.text(std::string_view(buffer, n), format->content.is_wholly_trusted());
}

Result<Value> cycle(Call& call) {
  if (!call.named.empty()) return Error{"takes no named arguments"};
  if (call.positional.empty()) return Error{"needs values to go through"};
  const Loop& loop = **call.self.get<Loop*>();
  return call.positional[size_t(loop.index) % call.positional.size()];
}

// --- Tests ---

template <class T>
bool is(const Value& value) {
  return value.get<T>() != nullptr;
}
template <bool wanted>
bool is_bool(const Value& value) {
  return is<bool>(value) && *value.get<bool>() == wanted;
}
bool is_defined(const Value& value) { return !value.is_undefined(); }
bool is_number(const Value& value) { return value.is_number(); }
// Python finds a length and brackets on dicts and on undefined values too.
bool is_sequence(const Value& value) {
  return value.text() != nullptr || value.dict() != nullptr || value.is_undefined() ||
         (value.list() != nullptr && value.list()->is_sequence());
}
bool is_iterable(const Value& value) {
  return is_sequence(value) || value.list() != nullptr || is<Loop*>(value);
}

template <bool (*holds)(const Value&)>
Result<Value> plain(Call& call) {
  return Value(holds(call.self));
}

constexpr char kEqual[] = "==", kUnequal[] = "!=", kLess[] = "<",
               kAtMost[] = "<=", kGreater[] = ">", kAtLeast[] = ">=", kIn[] = "in";
template <const char* symbol>
Result<Value> relation(Call& call) {
  return Value(TRY(compare(call.heap, symbol, call.self, *call.arguments[0])));
}

Result<Value> has_rest(Call& call, const Value& divisor, int rest) {
  Value remainder = TRY(arithmetic(call.heap, "%", call.self, divisor));
  return Value(TRY(equal(call.heap, remainder, Value(rest))));
}
Result<Value> is_odd(Call& call) { return has_rest(call, Value(2), 1); }
Result<Value> is_even(Call& call) { return has_rest(call, Value(2), 0); }
Result<Value> is_divisible(Call& call) { return has_rest(call, *call.arguments[0], 0); }

// Python's 'is': the same object. Values without parts have no other identity than their value.
Result<Value> is_same(Call& call) {
  const Value &a = call.self, &b = *call.arguments[0];
  if (a.state().index() != b.state().index()) return Value(false);
  if (a.list() != nullptr) return Value(a.list() == b.list());
  if (a.dict() != nullptr) return Value(a.dict() == b.dict());
  return Value(TRY(equal(call.heap, a, b)));
}

}  // namespace

BuiltinTable functions() {
  static constexpr Builtin kTable[] = {{"dict", make_dict, "*"},
                                       {"namespace", make_namespace, "*"},
                                       {"raise_exception", raise_exception, "message", 1},
                                       {"range", range, "start stop step", 1},
                                       {"strftime_now", strftime_now, "format", 1}};
  return kTable;
}

BuiltinTable tests() {
  static constexpr Builtin kTable[] = {{"boolean", plain<is<bool>>},
                                       {"callable", plain<is<Callable*>>},
                                       {"defined", plain<is_defined>},
                                       {"divisibleby", is_divisible, "num", 1},
                                       {"eq", relation<kEqual>, "other", 1},
                                       {"equalto", relation<kEqual>, "other", 1},
                                       {"==", relation<kEqual>, "other", 1},
                                       {"even", is_even},
                                       {"false", plain<is_bool<false>>},
                                       {"float", plain<is<double>>},
                                       {"ge", relation<kAtLeast>, "other", 1},
                                       {">=", relation<kAtLeast>, "other", 1},
                                       {"gt", relation<kGreater>, "other", 1},
                                       {"greaterthan", relation<kGreater>, "other", 1},
                                       {">", relation<kGreater>, "other", 1},
                                       {"in", relation<kIn>, "other", 1},
                                       {"integer", plain<is<Integer>>},
                                       {"iterable", plain<is_iterable>},
                                       {"le", relation<kAtMost>, "other", 1},
                                       {"<=", relation<kAtMost>, "other", 1},
                                       {"lt", relation<kLess>, "other", 1},
                                       {"lessthan", relation<kLess>, "other", 1},
                                       {"<", relation<kLess>, "other", 1},
                                       {"mapping", plain<is<Dict*>>},
                                       {"ne", relation<kUnequal>, "other", 1},
                                       {"!=", relation<kUnequal>, "other", 1},
                                       {"none", plain<is<None>>},
                                       {"number", plain<is_number>},
                                       {"odd", is_odd},
                                       {"sameas", is_same, "other", 1},
                                       {"sequence", plain<is_sequence>},
                                       {"string", plain<is<Text>>},
                                       {"true", plain<is_bool<true>>},
                                       {"undefined", plain<is<Undefined>>}};
  return kTable;
}

const Builtin* find_filter(std::string_view name) {
  return find({text_filters(), list_filters()}, name);
}
const Builtin* find_test(std::string_view name) { return find({tests()}, name); }
const Builtin* find_method(const Value& self, std::string_view name) {
  static constexpr Builtin kLoopMethods[] = {{"cycle", cycle, "*"}};
  if (self.dict() != nullptr) return find({dict_methods()}, name);
  if (self.text() != nullptr) return find({text_methods()}, name);
  const List* list = self.list();
  if (list != nullptr && list->is_sequence()) return find({list_methods()}, name);
  return is<Loop*>(self) ? find({kLoopMethods}, name) : nullptr;
}

std::string filter_names() { return names_of({text_filters(), list_filters()}); }
std::string test_names() { return names_of({tests()}); }
std::string text_method_names() { return names_of({text_methods()}); }

bool is_function(std::string_view name) { return find({functions()}, name) != nullptr; }

Result<Value> run_builtin(const Builtin& builtin, Call& call) {
  if (builtin.parameters != "*") TRY(bind(builtin, call));
  return builtin.run(call);
}

Result<void> bind(const Builtin& builtin, Call& call) {
  std::array<std::string_view, std::tuple_size_v<decltype(Call::arguments)>> names;
  size_t count = 0;
  for (std::string_view rest = builtin.parameters; !rest.empty();) {
    names[count] = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(names[count++].size() + 1, rest.size()));
  }
  if (call.positional.size() > count)
    return Error{
        fmt::format("takes at most {} arguments and is given {}", count, call.positional.size())};
  call.arguments = {};
  for (size_t i = 0; i < call.positional.size(); ++i) call.arguments[i] = &call.positional[i];
  for (const auto& [key, value] : call.named) {
    const auto known = std::find(names.begin(), names.begin() + count, key->text());
    const std::string name = printable(key->text());
    if (known == names.begin() + count) return Error{fmt::format("has no argument '{}'", name)};
    const Value*& place = call.arguments[size_t(known - names.begin())];
    if (place != nullptr) return Error{fmt::format("is given the argument '{}' twice", name)};
    place = &value;
  }
  for (size_t i = 0; i < builtin.required; ++i)
    if (call.arguments[i] == nullptr)
      return Error{fmt::format("needs the argument '{}'", names[i])};
  return {};
}

bool Call::truth(size_t index) const {
  return arguments[index] != nullptr && is_true(*arguments[index]);
}

Result<Integer> Call::integer(size_t index, Integer standard) const {
  const Value* argument = arguments[index];
  Integer value = standard;
  if (argument == nullptr || argument->is_none() || argument->as_integer(value)) return value;
  return misuse(*argument, "an argument that is a whole number");
}

Result<const StoredText*> Call::text(size_t index) const {
  const Value* argument = arguments[index];
  if (argument == nullptr || argument->is_none()) return static_cast<const StoredText*>(nullptr);
  if (argument->text() != nullptr) return argument->text();
  return misuse(*argument, "an argument that is a text");
}

Result<Text> Call::argument_text(size_t index, bool is_filter) const {
  if (!is_filter && arguments[index]->text() == nullptr)
    return misuse(*arguments[index], "an argument that is a text");
  return *TRY(to_text(heap, *arguments[index])).get<Text>();
}

Result<Text> Call::self_text() const {
  Value text = TRY(to_text(heap, self));
  TRY(heap.work_on_text(text.text()->text().size()));
  return *text.get<Text>();
}

}  // namespace weir::jinja
