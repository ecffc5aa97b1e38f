#include "jinja/interpreter.h"

#include <fmt/core.h>

#include "base/text.h"
#include "jinja/builtins.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace weir::jinja {

using Kind = Statement::Kind;

template <class F>
auto Interpreter::in_scope(Scope* parent, const F& body) {
  auto inner = std::make_unique<Scope>();
  inner->parent = parent;
  Scope* outer = std::exchange(scope_, inner.get());
  auto result = body();
  scope_ = outer;
  heap_.leave(std::move(inner));
  return result;
}

Result<TracedText> Interpreter::run(std::vector<std::pair<std::string_view, Value>> variables) {
  Scope context;
  for (const Builtin& function : functions()) {
    Callable made{std::string(function.name), &function};
    context.set(function.name, Value(TRY(heap_.callable(std::move(made)))));
  }
  for (auto& [name, value] : variables) context.set(name, std::move(value));
  TracedText out;
  out_ = &out;
  Result<Flow> flow = in_scope(&context, [&] { return run_body(parsed_.body); });
  if (!flow) return std::move(flow).error();
  return out;
}

Result<Interpreter::Flow> Interpreter::run_body(const Body& body) {
  Depth depth = TRY(deeper());
  for (const Statement& statement : body) {
    Result<Flow> flow = run_statement(statement);
    if (!flow) return at_line(statement.line, std::move(flow).error());
    if (*flow != Flow::onward) return *flow;
  }
  return Flow::onward;
}

Result<Interpreter::Flow> Interpreter::run_statement(const Statement& statement) {
  TRY(heap_.work(1));
  switch (statement.kind) {
    case Kind::text:
    case Kind::output:
      TRY(run_output(statement));
      return Flow::onward;
    case Kind::choose:
      return run_choice(statement);
    case Kind::loop:
      return run_loop(statement);
    case Kind::assign:
    case Kind::assign_body:
      TRY(run_assignment(statement));
      return Flow::onward;
    case Kind::scope:
    case Kind::filter:
      return run_scope(statement);
    case Kind::macro:
      TRY(run_macro_definition(statement));
      return Flow::onward;
    case Kind::call:
      TRY(run_call_block(statement));
      return Flow::onward;
    case Kind::leave_loop:
      return Flow::leave_loop;
    case Kind::next_turn:
      return Flow::next_turn;
  }
  return Flow::onward;
}

Result<void> Interpreter::emit(const TracedText& text) {
  TRY(heap_.work_on_text(text.text.size(), text.trusted.size()));
  TRY(heap_.check_text(captured_bytes_ + out_->text.size() + text.text.size()));
  const size_t more = text.text.size() + text.trusted.size() * sizeof(TextSpan);
  TRY(heap_.hold(more));
  held_bytes_ += more;
  out_->append(text);
  return {};
}

Result<void> Interpreter::run_output(const Statement& statement) {
  if (statement.kind == Kind::text) return emit(statement.expression->value.text()->content);
  Value value = TRY(evaluate(*statement.expression));
  Value text = TRY(to_text(heap_, value));
  return emit(text.text()->content);
}

Result<TracedText> Interpreter::capture(const Body& body, Flow& flow) {
  TracedText inner;
  TracedText* outer = std::exchange(out_, &inner);
  const size_t outer_bytes = std::exchange(held_bytes_, 0);
  captured_bytes_ += outer->text.size();
  Result<Flow> result = run_body(body);
  captured_bytes_ -= outer->text.size();
  heap_.release(std::exchange(held_bytes_, outer_bytes));
  out_ = outer;
  flow = TRY(std::move(result));
  return inner;
}

Result<Interpreter::Flow> Interpreter::run_choice(const Statement& statement) {
  for (const Branch& branch : statement.branches) {
    if (branch.condition && !is_true(TRY(evaluate(*branch.condition)))) continue;
    return run_body(branch.body);
  }
  return Flow::onward;
}

// The next item that passes the condition becomes loop.current.
Result<bool> Interpreter::advance(Loop& loop) {
  if (!TRY(peek(loop, 1))) return false;
  loop.previous = std::move(loop.current);
  loop.current = std::move(loop.ahead.front());
  loop.ahead.pop_front();
  ++loop.index;
  return true;
}

// Whether `count` items are still to come; they are in loop.ahead then.
Result<bool> Interpreter::peek(Loop& loop, size_t count) {
  while (!loop.is_over && loop.ahead.size() < count && loop.next < loop.source->items.size()) {
    TRY(heap_.work(1));
    Value item = loop.source->items[loop.next++];
    const Statement& statement = *loop.statement;
    bool passes = true;
    if (statement.condition) {
      Result<bool> tested = in_scope(loop.outer, [&]() -> Result<bool> {
        TRY(assign(statement.targets[0], item));
        return is_true(TRY(evaluate(*statement.condition)));
      });
      passes = TRY(std::move(tested));
    }
    if (passes) loop.ahead.push_back(std::move(item));
  }
  return loop.ahead.size() >= count;
}

Result<Interpreter::Flow> Interpreter::run_loop(const Statement& statement) {
  Value values = TRY(evaluate(*statement.expression));
  Result<List*> source = iterate(heap_, values);
  if (!source) return at_line(statement.expression->line, std::move(source).error());
  // A template can keep the variable 'loop' beyond the loop, if it ever names it.
  Loop unnamed;
  Loop* loop = uses_loop_ ? TRY(heap_.loop()) : &unnamed;
  loop->statement = &statement;
  loop->outer = scope_;
  loop->source = *source;
  while (TRY(advance(*loop))) {
    Result<Flow> flow = in_scope(scope_, [&]() -> Result<Flow> {
      if (uses_loop_) scope_->set("loop", Value(loop));
      TRY(assign(statement.targets[0], loop->current));
      return run_body(statement.body);
    });
    if (TRY(std::move(flow)) == Flow::leave_loop) break;
  }
  const bool had_turns = loop->index >= 0;
  loop->is_over = true;
  if (had_turns || statement.branches.empty()) return Flow::onward;
  return in_scope(scope_, [&] { return run_body(statement.branches[0].body); });
}

Result<void> Interpreter::assign(const Target& target, Value value) {
  if (!target.parts.empty()) {
    const List* items = TRY(iterate(heap_, value));
    if (items->items.size() != target.parts.size())
      return Error{fmt::format("{} values are assigned to {} names", items->items.size(),
                               target.parts.size())};
    for (size_t i = 0; i < target.parts.size(); ++i) TRY(assign(target.parts[i], items->items[i]));
    return {};
  }
  if (target.attribute == nullptr) {
    TRY(heap_.work(1 + scope_->variables.size() / 8));
    scope_->set(target.name, std::move(value));
    return {};
  }
  Value owner = TRY(look_up(target.name));
  const auto* space = owner.get<Namespace*>();
  if (space == nullptr)
    return misuse(owner, fmt::format("given the attribute '{}'; only a namespace can",
                                     printable(target.attribute->text())));
  return heap_.set_attribute(**space, target.attribute, std::move(value));
}

Result<void> Interpreter::run_assignment(const Statement& statement) {
  if (statement.kind == Kind::assign)
    return assign(statement.targets[0], TRY(evaluate(*statement.expression)));
  Flow flow = Flow::onward;
  TracedText text = TRY(in_scope(scope_, [&] { return capture(statement.body, flow); }));
  Value value = TRY(heap_.text(std::move(text)));
  if (statement.expression) value = TRY(evaluate_links(value, statement.expression->links));
  return assign(statement.targets[0], std::move(value));
}

// with, generation and filter blocks.
Result<Interpreter::Flow> Interpreter::run_scope(const Statement& statement) {
  std::vector<Value> values;
  for (const ExpressionPtr& value : statement.values) values.push_back(TRY(evaluate(*value)));
  return in_scope(scope_, [&]() -> Result<Flow> {
    for (size_t i = 0; i < values.size(); ++i)
      TRY(assign(statement.targets[i], std::move(values[i])));
    if (statement.kind == Kind::scope) return run_body(statement.body);
    Flow flow = Flow::onward;
    TracedText text = TRY(capture(statement.body, flow));
    Value value = TRY(heap_.text(std::move(text)));
    value = TRY(evaluate_links(value, statement.expression->links));
    value = TRY(to_text(heap_, value));
    TRY(emit(value.text()->content));
    return flow;
  });
}

Result<void> Interpreter::run_macro_definition(const Statement& statement) {
  Callable made;
  made.name = statement.macro->name;
  made.macro = statement.macro.get();
  made.scope = scope_;
  Callable* macro = TRY(heap_.callable(std::move(made)));
  scope_->set(statement.macro->name, Value(macro));
  return {};
}

Result<void> Interpreter::run_call_block(const Statement& statement) {
  Callable made;
  made.name = "caller";
  made.macro = statement.macro.get();
  made.scope = scope_;
  Callable* caller = TRY(heap_.callable(std::move(made)));
  const Expression& expression = *statement.expression;
  Value callee = TRY(evaluate(*expression.parts[0]));
  for (size_t i = 0; i + 1 < expression.links.size(); ++i)
    callee = TRY(evaluate_link(callee, expression.links[i]));
  Call arguments = TRY(evaluate_arguments(Value(), expression.links.back().arguments));
  arguments.named.emplace_back(make_literal("caller"), Value(caller));
  Value result = TRY(call(callee, std::move(arguments)));
  Value text = TRY(to_text(heap_, result));
  return emit(text.text()->content);
}

Result<Value> Interpreter::call_macro(const Callable& macro, Call& call) {
  Depth depth = TRY(deeper());
  Flow flow = Flow::onward;
  Result<TracedText> text = in_scope(macro.scope, [&]() -> Result<TracedText> {
    TRY(bind_macro(macro, call));
    return capture(macro.macro->body, flow);
  });
  return heap_.text(TRY(std::move(text)));
}

// Sets the parameters in the current scope, as jinja2 does: values by place, then by name, then
// standards; what is left over becomes varargs and kwargs.
Result<void> Interpreter::bind_macro(const Callable& macro, Call& call) {
  const std::vector<Parameter>& parameters = macro.macro->parameters;
  std::vector<std::pair<Value, Value>> others;
  scope_->set("caller", TRY(heap_.undefined("no caller is defined")));
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    Value value;
    bool is_given = i < call.positional.size();
    if (is_given) value = call.positional[i];
    for (auto& [name, argument] : call.named) {
      if (name == nullptr || name->text() != parameter.name) continue;
      if (is_given)
        return Error{fmt::format("macro '{}' is given '{}' twice", macro.name, parameter.name)};
      value = argument;
      is_given = true;
      name.reset();  // used
    }
    if (!is_given) {
      value = parameter.standard ? TRY(evaluate(*parameter.standard))
                                 : TRY(heap_.undefined(fmt::format("parameter '{}' was not given",
                                                                   printable(parameter.name))));
    }
    TRY(heap_.work(1 + (scope_->variables.size() + call.named.size()) / 8));
    scope_->set(parameter.name, std::move(value));
  }
  for (auto& [name, argument] : call.named) {
    if (name == nullptr) continue;
    if (name->text() == "caller") {
      scope_->set("caller", argument);
      continue;
    }
    if (!parsed_.names.contains("kwargs"))
      return Error{
          fmt::format("macro '{}' has no parameter '{}'", macro.name, printable(name->text()))};
    others.emplace_back(Value(name), argument);
  }
  std::vector<Value> rest;
  if (call.positional.size() > parameters.size()) {
    if (!parsed_.names.contains("varargs"))
      return Error{fmt::format("macro '{}' takes {} arguments and is given {}", macro.name,
                               parameters.size(), call.positional.size())};
    rest.assign(call.positional.begin() + long(parameters.size()), call.positional.end());
  }
  if (parsed_.names.contains("kwargs"))
    scope_->set("kwargs", Value(TRY(heap_.dict(std::move(others)))));
  if (parsed_.names.contains("varargs"))
    scope_->set("varargs", Value(TRY(heap_.list(List::Form::tuple, std::move(rest)))));
  return {};
}

}  // namespace weir::jinja
