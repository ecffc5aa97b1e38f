// What one rendering may use up, and the owner of what it builds. Every text, list and step is paid
// for here, so that a hostile template or message ends in an error that says what it exceeded.
#pragma once
#include <deque>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jinja/value.h"

namespace weir::jinja {

struct Limits {
  size_t steps = 10'000'000;  // an expression is one, 256 bytes or 16 characters of text are
  size_t output_bytes = size_t(64) << 20;  // of the result, and of any text on the way
  size_t memory_bytes = size_t(256) << 20;
  int depth = 400;  // of macros, blocks and expressions inside each other
};

struct Builtin;
struct MacroSyntax;
struct Statement;
struct Scope;

// A function, a method with its object, or a macro with the variables around it.
struct Callable {
  std::string name = {};
  const Builtin* builtin = nullptr;
  Value self = {};
  const MacroSyntax* macro = nullptr;
  Scope* scope = nullptr;
};

// The variable 'loop' of a running for loop. Items are looked at one by one, since the condition of
// a loop may depend on what the body did; items that were only looked at wait in `ahead`.
struct Loop {
  const Statement* statement = nullptr;
  Scope* outer = nullptr;
  List* source = nullptr;
  size_t next = 0;               // of source
  std::deque<Value> ahead = {};  // passed the condition, not had their turn
  Value previous = {}, current = {};
  int index = -1;  // of the turn that runs
  bool is_over = false;
};

// The variables of a block. Lives on the stack of the interpreter unless a macro refers to it.
struct Scope {
  Scope* parent = nullptr;
  std::vector<std::pair<std::string_view, Value>> variables = {};
  bool is_captured = false;

  void set(std::string_view name, Value value);
};

class Heap {
 public:
  explicit Heap(const Limits& limits) : limits_(limits) {}
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  const Limits& limits() const { return limits_; }
  Result<void> work(size_t steps);
  Result<void> work_on_text(size_t bytes, size_t spans = 0) {
    return work(1 + (bytes + spans * sizeof(TextSpan)) / 256);
  }
  // Where characters are decoded one by one.
  Result<void> work_on_characters(size_t bytes) { return work(1 + bytes / 16); }
  // Before a text of this size, with so many spans, is built.
  Result<void> check_text(size_t bytes, size_t spans = 0) const;
  // Before anything else of this size is built.
  Result<void> check_memory(size_t bytes) const;
  // For what grows outside of the heap: the output and captured blocks.
  Result<void> hold(size_t bytes) { return take_memory(bytes); }
  void release(size_t bytes) { objects_bytes_ -= bytes; }

  Result<Value> text(TracedText content, bool is_markup = false);
  Result<Value> text(std::string_view content, bool is_trusted) {
    return text(TracedText::of(content, is_trusted));
  }
  // An undefined value that knows why it is.
  Result<Value> undefined(std::string_view reason);
  Result<List*> list(List::Form form, std::vector<Value> items);
  Result<void> push(List& list, Value item);
  // Of equal keys the last value counts. Fails for keys that can change, as lists can.
  Result<Dict*> dict(std::vector<std::pair<Value, Value>> entries);
  Result<Namespace*> make_namespace();
  Result<void> set_attribute(Namespace& target, const Text& name, Value value);
  Result<Callable*> callable(Callable made);
  Result<Loop*> loop();
  // Takes over a scope that a macro captured. Others are destroyed.
  void leave(std::unique_ptr<Scope> scope);

 private:
  Result<void> take_memory(size_t bytes);

  Limits limits_;
  size_t steps_ = 0;
  size_t objects_bytes_ = 0;
  size_t live_text_bytes_ = 0;  // outlives the texts in the containers below
  std::vector<std::unique_ptr<List>> lists_;
  std::vector<std::unique_ptr<Dict>> dicts_;
  std::vector<std::unique_ptr<Namespace>> namespaces_;
  std::vector<std::unique_ptr<Callable>> callables_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::unique_ptr<Scope>> scopes_;
};

}  // namespace weir::jinja
