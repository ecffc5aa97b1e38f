// Expressions: evaluation, and what stands behind dots and in brackets.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "jinja/builtins.h"
#include "jinja/interpreter.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace weir::jinja {
namespace {

Result<Value> missing(Heap& heap, const Value& value, std::string_view name) {
  if (value.text() != nullptr)
    return heap.undefined(
        fmt::format("a text has no '{}', only {}", printable(name), text_method_names()));
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

using Kind = Expression::Kind;

Result<Interpreter::Depth> Interpreter::deeper() {
  if (++depth_ <= heap_.limits().depth) return Depth(&depth_);
  return Error{
      "macros, loops and expressions are nested too deeply; does a macro call itself without end?"};
}

Error Interpreter::at_line(int line, Error error) {
  if (is_located_) return error;
  is_located_ = true;
  return std::move(error).within("line " + std::to_string(line));
}

Result<Value> Interpreter::look_up(std::string_view name) {
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    TRY(heap_.work(scope->variables.size() / 16));
    for (const auto& [known, value] : scope->variables)
      if (known == name) return value;
  }
  return heap_.undefined(fmt::format("'{}' is undefined", printable(name)));
}

Result<Value> Interpreter::evaluate(const Expression& expression) {
  Result<Value> value = evaluate_kind(expression);
  if (!value) return at_line(expression.line, std::move(value).error());
  return value;
}

Result<Value> Interpreter::evaluate_kind(const Expression& expression) {
  Depth depth = TRY(deeper());
  TRY(heap_.work(1));
  const std::vector<ExpressionPtr>& parts = expression.parts;
  switch (expression.kind) {
    case Kind::literal:
      return expression.value;
    case Kind::name:
      return look_up(expression.name);
    case Kind::list:
    case Kind::tuple:
    case Kind::dict:
    case Kind::concat:
      return evaluate_collection(expression);
    case Kind::conditional:
      if (is_true(TRY(evaluate(*parts[0])))) return evaluate(*parts[1]);
      if (parts[2]) return evaluate(*parts[2]);
      return heap_.undefined("the condition of an inline 'if' is false and it has no 'else'");
    case Kind::any:
    case Kind::all: {
      Value value;
      for (const ExpressionPtr& part : parts) {
        value = TRY(evaluate(*part));
        if (is_true(value) == (expression.kind == Kind::any)) break;
      }
      return value;
    }
    case Kind::inverted:
      return Value(!is_true(TRY(evaluate(*parts[0]))));
    case Kind::compare:
    case Kind::arithmetic:
      return evaluate_operators(expression);
    case Kind::negative:
    case Kind::positive: {
      Value value = TRY(evaluate(*parts[0]));
      Value negative = TRY(negated(value));
      return expression.kind == Kind::negative ? negative : negated(negative);
    }
    case Kind::chain:
      return evaluate_links(TRY(evaluate(*parts[0])), expression.links);
  }
  return Value();
}

Result<Value> Interpreter::evaluate_collection(const Expression& expression) {
  std::vector<Value> values;
  for (const ExpressionPtr& part : expression.parts) values.push_back(TRY(evaluate(*part)));
  if (expression.kind == Kind::list)
    return Value(TRY(heap_.list(List::Form::list, std::move(values))));
  if (expression.kind == Kind::tuple)
    return Value(TRY(heap_.list(List::Form::tuple, std::move(values))));
  if (expression.kind == Kind::dict) {
    std::vector<std::pair<Value, Value>> entries;
    for (size_t i = 0; i + 1 < values.size(); i += 2)
      entries.emplace_back(std::move(values[i]), std::move(values[i + 1]));
    return Value(TRY(heap_.dict(std::move(entries))));
  }
  TracedText joined;  // a ~ b
  for (const Value& value : values) {
    Value text = TRY(to_text(heap_, value));
    const TracedText& more = text.text()->content;
    TRY(heap_.work_on_text(more.text.size(), more.trusted.size()));
    TRY(heap_.check_text(joined.text.size() + more.text.size(),
                         joined.trusted.size() + more.trusted.size()));
    joined.append(text.text()->content);
  }
  return heap_.text(std::move(joined));
}

Result<Value> Interpreter::evaluate_operators(const Expression& expression) {
  Value left = TRY(evaluate(*expression.parts[0]));
  for (size_t i = 0; i < expression.operators.size(); ++i) {
    const std::string_view symbol = expression.operators[i];
    Value right = TRY(evaluate(*expression.parts[i + 1]));
    if (expression.kind == Kind::arithmetic) {
      left = TRY(arithmetic(heap_, symbol, left, right));
      continue;
    }
    const bool holds = TRY(compare(heap_, symbol, left, right));
    if (!holds || i + 1 == expression.operators.size()) return Value(holds);
    left = std::move(right);
  }
  return left;
}

Result<Value> Interpreter::evaluate_links(Value value, const std::vector<Link>& links) {
  for (size_t i = 0; i < links.size(); ++i) {
    // A method that is called at once needs no value of its own.
    const Link* call = i + 1 < links.size() && links[i].kind == Link::Kind::attribute &&
                               links[i + 1].kind == Link::Kind::call
                           ? &links[i + 1]
                           : nullptr;
    const Builtin* method = call != nullptr ? find_method(value, links[i].name) : nullptr;
    Result<Value> next =
        method != nullptr ? call_method(value, *method, *call) : evaluate_link(value, links[i]);
    if (!next) return at_line(links[i].line, std::move(next).error());
    value = *std::move(next);
    if (method != nullptr) ++i;
  }
  return value;
}

Result<Value> Interpreter::call_method(const Value& value, const Builtin& method,
                                       const Link& link) {
  TRY(heap_.work(1));
  Call call = TRY(evaluate_arguments(value, link.arguments));
  return TRY_IN(std::string(method.name), run_builtin(method, call));
}

Result<Value> Interpreter::evaluate_link(const Value& value, const Link& link) {
  TRY(heap_.work(1));
  switch (link.kind) {
    case Link::Kind::attribute:
      return attribute(value, link.name);
    case Link::Kind::item: {
      Value key = TRY(evaluate(*link.bounds[0]));
      return item(value, key);
    }
    case Link::Kind::slice:
      return evaluate_slice(value, link);
    case Link::Kind::call: {
      Call arguments = TRY(evaluate_arguments(Value(), link.arguments));
      return call(value, std::move(arguments));
    }
    case Link::Kind::filter: {
      Call arguments = TRY(evaluate_arguments(value, link.arguments));
      return filter(link.name, arguments);
    }
    case Link::Kind::test: {
      Call arguments = TRY(evaluate_arguments(value, link.arguments));
      return Value(TRY(test(link.name, arguments)) != link.is_negated);
    }
  }
  return Value();
}

Result<Call> Interpreter::evaluate_arguments(Value self, const ArgumentList& list) {
  Call call{*this, heap_, std::move(self)};
  for (const ExpressionPtr& argument : list.positional)
    call.positional.push_back(TRY(evaluate(*argument)));
  if (list.list) {
    Value more = TRY(evaluate(*list.list));
    const List* items = TRY(iterate(heap_, more));
    TRY(heap_.work(items->items.size()));
    call.positional.insert(call.positional.end(), items->items.begin(), items->items.end());
  }
  for (const auto& [name, argument] : list.named)
    call.named.emplace_back(name, TRY(evaluate(*argument)));
  if (list.dict) {
    Value more = TRY(evaluate(*list.dict));
    if (more.dict() == nullptr) return misuse(more, "used after '**'");
    TRY(heap_.work(more.dict()->entries.size()));
    for (const auto& [key, value] : more.dict()->entries) {
      if (key.text() == nullptr) return misuse(key, "the name of an argument");
      call.named.emplace_back(*key.get<Text>(), value);
    }
  }
  return call;
}

Result<Value> Interpreter::call(const Value& callee, Call call) {
  const auto* found = callee.get<Callable*>();
  if (found == nullptr) return misuse(callee, "called");
  const Callable& callable = **found;
  if (callable.macro != nullptr) return call_macro(callable, call);
  call.self = callable.self;
  Result<Value> result = run_builtin(*callable.builtin, call);
  if (!result && callable.name != "raise_exception")
    return std::move(result).error().within(callable.name);
  return result;
}

Result<Value> Interpreter::filter(std::string_view name, Call& call) {
  const Builtin* builtin = find_filter(name);
  if (builtin == nullptr)
    return Error{
        fmt::format("there is no filter '{}'; there are {}", printable(name), filter_names())};
  return TRY_IN(fmt::format("filter '{}'", name), run_builtin(*builtin, call));
}

Result<bool> Interpreter::test(std::string_view name, Call& call) {
  const Builtin* builtin = find_test(name);
  if (builtin == nullptr)
    return Error{fmt::format("there is no test '{}'; there are {}", printable(name), test_names())};
  return is_true(TRY_IN(fmt::format("test '{}'", name), run_builtin(*builtin, call)));
}

Result<Value> Interpreter::attribute(const Value& value, std::string_view name) {
  if (value.is_undefined())
    return misuse(value, fmt::format("asked for its '{}'", printable(name)));
  if (name.starts_with("__"))
    return Error{
        fmt::format("'{}' is internal to Python; templates may not use it", printable(name))};
  if (const Builtin* method = find_method(value, name)) {
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
  if (loop.statement->condition) TRY(peek(loop, ~size_t(0)));
  const size_t all = loop.source->items.size();  // the body may have taken some away
  const size_t to_come = loop.ahead.size() + (all > loop.next ? all - loop.next : 0);
  const Integer length = Integer(to_come) + loop.index + 1;
  if (name == "length") return Value(length);
  return Value(length - loop.index - (name == "revindex0" ? 1 : 0));
}

}  // namespace weir::jinja
