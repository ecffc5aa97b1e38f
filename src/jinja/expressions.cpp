// Expressions: evaluation.
#include <fmt/format.h>

#include "base/text.h"
#include "jinja/builtins.h"
#include "jinja/interpreter.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace weir::jinja {

using Kind = Expression::Kind;

Result<void> Interpreter::Deeper::check() const {
  if (interpreter_.depth_ <= interpreter_.heap_.limits().depth) return {};
  return Error{
      "macros, loops and expressions are nested too deeply; does a macro call itself "
      "without end?"};
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
  Deeper deeper(*this);
  Result<void> is_fine = deeper.check();
  if (is_fine) is_fine = heap_.work(1);
  if (!is_fine) return at_line(expression.line, std::move(is_fine).error());
  Result<Value> value = evaluate_node(expression);
  if (!value) return at_line(expression.line, std::move(value).error());
  return value;
}

Result<Value> Interpreter::evaluate_node(const Expression& expression) {
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
    const std::string& symbol = expression.operators[i];
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
    const bool is_method = links[i].kind == Link::Kind::attribute && i + 1 < links.size() &&
                           links[i + 1].kind == Link::Kind::call &&
                           find_method(value, links[i].name) != nullptr;
    Result<Value> next =
        is_method ? call_method(value, links[i], links[i + 1]) : evaluate_link(value, links[i]);
    if (!next) return at_line(links[i].line, std::move(next).error());
    value = *std::move(next);
    if (is_method) ++i;
  }
  return value;
}

// Without a value for the method alone.
Result<Value> Interpreter::call_method(const Value& value, const Link& attribute,
                                       const Link& arguments) {
  TRY(heap_.work(1));
  Call call = TRY(evaluate_arguments(value, arguments.arguments));
  return TRY_IN(attribute.name, find_method(value, attribute.name)(call));
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
  if (callable.name == "raise_exception") return callable.builtin(call);
  return TRY_IN(callable.name, callable.builtin(call));
}

Result<Value> Interpreter::filter(std::string_view name, Call& call) {
  Builtin builtin = find_filter(name);
  if (builtin == nullptr)
    return Error{
        fmt::format("there is no filter '{}'; see docs/chat-templates.md for those there "
                    "are",
                    printable(name))};
  return TRY_IN(fmt::format("filter '{}'", name), builtin(call));
}

Result<bool> Interpreter::test(std::string_view name, Call& call) {
  Builtin builtin = find_test(name);
  if (builtin == nullptr)
    return Error{
        fmt::format("there is no test '{}'; see docs/chat-templates.md for those there "
                    "are",
                    printable(name))};
  return is_true(TRY_IN(fmt::format("test '{}'", name), builtin(call)));
}

}  // namespace weir::jinja
