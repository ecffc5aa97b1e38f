// Runs a parsed template: statements in interpreter.cpp, expressions in expressions.cpp.
#pragma once
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jinja/heap.h"
#include "jinja/parser.h"

namespace weir::jinja {

struct Call;

// Whether a template finds a function of this name (range, namespace ...).
bool is_function(std::string_view name);

class Interpreter {
 public:
  // All outlive the interpreter, which runs once. `now` is what strftime_now tells.
  Interpreter(const Template& parsed, Heap& heap, const std::tm& now)
      : parsed_(parsed), heap_(heap), now_(now), uses_loop_(parsed.names.contains("loop")) {}

  // Errors begin with "line N: ".
  Result<TracedText> run(std::vector<std::pair<std::string_view, Value>> variables);

  // For builtins.
  const std::tm& now() const { return now_; }
  Result<Value> call(const Value& callee, Call call);
  Result<Value> filter(std::string_view name, Call& call);
  Result<bool> test(std::string_view name, Call& call);
  // value.name: a method, then an entry; value[key]: the other way round. Undefined without either.
  Result<Value> attribute(const Value& value, std::string_view name);
  Result<Value> item(const Value& value, const Value& key);

 private:
  enum class Flow { onward, leave_loop, next_turn };
  struct Leave {
    void operator()(int* depth) const { --*depth; }
  };
  using Depth = std::unique_ptr<int, Leave>;

  // Statements.
  Result<Flow> run_body(const Body& body);
  Result<Flow> run_statement(const Statement& statement);
  Result<Flow> run_choice(const Statement& statement);
  Result<Flow> run_loop(const Statement& statement);
  Result<Flow> run_scope(const Statement& statement);
  Result<void> run_output(const Statement& statement);
  Result<void> run_assignment(const Statement& statement);
  Result<void> run_macro_definition(const Statement& statement);
  Result<void> run_call_block(const Statement& statement);
  Result<void> assign(const Target& target, Value value);
  Result<void> emit(const TracedText& text);
  Result<TracedText> capture(const Body& body, Flow& flow);
  Result<Value> call_macro(const Callable& macro, Call& call);
  Result<void> bind_macro(const Callable& macro, Call& call);
  Result<bool> advance(Loop& loop);             // false at the end
  Result<bool> peek(Loop& loop, size_t count);  // false when fewer are to come
  // Runs `body` with variables of its own.
  template <class F>
  auto in_scope(Scope* parent, const F& body);

  // Expressions.
  Result<Value> evaluate(const Expression& expression);
  Result<Value> evaluate_kind(const Expression& expression);
  Result<Value> evaluate_collection(const Expression& expression);
  Result<Value> evaluate_operators(const Expression& expression);
  Result<Value> evaluate_links(Value value, const std::vector<Link>& links);
  Result<Value> evaluate_link(const Value& value, const Link& link);
  Result<Value> call_method(const Value& value, const Builtin& method, const Link& link);
  Result<Value> evaluate_slice(const Value& value, const Link& link);
  Result<Call> evaluate_arguments(Value self, const ArgumentList& list);
  Result<Value> look_up(std::string_view name);

  // Attributes.
  Result<Value> loop_attribute(Loop& loop, std::string_view name);

  // Keep the result while statements and expressions inside are run.
  Result<Depth> deeper();
  Error at_line(int line, Error error);

  const Template& parsed_;
  Heap& heap_;
  const std::tm& now_;
  const bool uses_loop_;
  Scope* scope_ = nullptr;
  TracedText* out_ = nullptr;
  size_t captured_bytes_ = 0;
  size_t held_bytes_ = 0;  // of out_, counted by the heap
  int depth_ = 0;
  bool is_located_ = false;  // the error, which ends everything, knows its line
};

}  // namespace weir::jinja
