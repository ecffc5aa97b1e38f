// The functions a template can call by name, and the methods of 'loop'.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "jinja/builtins.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace weir::jinja {
namespace {

constexpr Integer kRangeMax = 100'000;  // as in jinja2's sandbox

// range(end), range(begin, end), range(begin, end, step)
Result<Value> range(Call& call) {
  if (call.positional.empty()) return Error{"needs the end of the range"};
  std::vector<const Value*> given = TRY(bind(call, {"start", "stop", "step"}, 1));
  Integer begin = TRY(integer_of(given[0], 0)), end = 0;
  const Integer step = TRY(integer_of(given[2], 1));
  if (given[1] == nullptr) {
    std::swap(begin, end);
  } else {
    end = TRY(integer_of(given[1], 0));
  }
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
  std::vector<const Value*> given = TRY(bind(call, {"message"}, 1));
  Value message = TRY(to_text(call.heap, *given[0]));
  return Error{"the template refuses the conversation: " + printable(message.text()->text(), 500)};
}

// The conversions of strftime() that only read the time; others could make a result of any length.
Result<Value> strftime_now(Call& call) {
  constexpr std::string_view kConversions = "aAbBcdDeFGgHIjklmMnpPrRsStTuUVwWxXyYzZ%h";
  std::vector<const Value*> given = TRY(bind(call, {"format"}, 1));
  const StoredText* format = TRY(text_of(given[0]));
  if (format == nullptr) return misuse(*given[0], "a time format");
  std::string pattern = format->text();
  if (pattern.size() > 200) return Error{"has a format of more than 200 bytes; shorten it"};
  if (pattern.find('\0') != pattern.npos) return Error{"has a format with a NUL byte"};
  for (size_t at = pattern.find('%'); at != pattern.npos; at = pattern.find('%', at + 1)) {
    if (at + 1 < pattern.size() && pattern[at + 1] == '-') ++at;
    if (++at >= pattern.size() || kConversions.find(pattern[at]) == kConversions.npos)
      return Error{"has a conversion that is not supported, '%" +
                   printable(std::string_view(pattern).substr(std::min(at, pattern.size()), 1)) +
                   "'"};
  }
  if (pattern.empty()) return call.heap.text("", true);
  char buffer[8192];
  size_t n = std::strftime(buffer, sizeof buffer, pattern.c_str(), &call.interpreter.now());
  return call.heap.text(std::string_view(buffer, n), format->content.is_wholly_trusted());
}

Loop& loop_of(const Call& call) { return **call.self.get<Loop*>(); }

Result<Value> cycle(Call& call) {
  if (!call.named.empty()) return Error{"takes no named arguments"};
  if (call.positional.empty()) return Error{"needs values to go through"};
  return call.positional[size_t(loop_of(call).index) % call.positional.size()];
}

Result<Value> changed(Call& call) {
  if (!call.named.empty()) return Error{"takes no named arguments"};
  std::vector<Value>& before = loop_of(call).changed;
  bool is_same = before.size() == call.positional.size() && !before.empty();
  for (size_t i = 0; is_same && i < before.size(); ++i)
    is_same = TRY(equal(call.heap, before[i], call.positional[i]));
  before = call.positional;
  return Value(!is_same);
}

}  // namespace

const BuiltinTable& functions() {
  static const BuiltinTable table = {{"range", range},
                                     {"dict", make_dict},
                                     {"namespace", make_namespace},
                                     {"raise_exception", raise_exception},
                                     {"strftime_now", strftime_now}};
  return table;
}

bool is_function(std::string_view name) {
  return std::any_of(functions().begin(), functions().end(),
                     [&](const NamedBuiltin& known) { return known.name == name; });
}

Builtin find_loop_method(std::string_view name) {
  return name == "cycle" ? cycle : name == "changed" ? changed : nullptr;
}

}  // namespace weir::jinja
