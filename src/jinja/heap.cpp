#include "jinja/heap.h"

#include <fmt/core.h>

#include "base/text.h"
#include "jinja/characters.h"
#include "jinja/operators.h"

namespace weir::jinja {
namespace {

constexpr size_t kObjectBytes = 128;  // about what one costs beside its contents

}  // namespace

void Scope::set(std::string_view name, Value value) {
  for (auto& [known, old] : variables) {
    if (known != name) continue;
    old = std::move(value);
    return;
  }
  variables.emplace_back(name, std::move(value));
}

Result<void> Heap::work(size_t steps) {
  if (steps > limits_.steps - steps_) {
    steps_ = limits_.steps;
    return Error{
        fmt::format("the template needs more than {} steps; shorten its loops or the "
                    "conversation",
                    limits_.steps)};
  }
  steps_ += steps;
  return {};
}

Result<void> Heap::check_text(size_t bytes, size_t spans) const {
  if (bytes <= limits_.output_bytes) return check_memory(bytes + spans * sizeof(TextSpan));
  return Error{fmt::format("a text of more than {} is built; shorten the conversation",
                           format_bytes(double(limits_.output_bytes)))};
}

Result<void> Heap::take_memory(size_t bytes) {
  objects_bytes_ += bytes;
  return check_memory(0);
}

Result<void> Heap::check_memory(size_t bytes) const {
  if (bytes + objects_bytes_ + live_text_bytes_ <= limits_.memory_bytes) return {};
  return Error{fmt::format("the template needs more than {} of memory; shorten the conversation",
                           format_bytes(double(limits_.memory_bytes)))};
}

Result<Value> Heap::text(TracedText content, bool is_markup) {
  TRY(check_text(content.text.size(), content.trusted.size()));
  TRY(work_on_text(content.text.size(), content.trusted.size()));
  auto made = std::make_shared<StoredText>();
  made->content = std::move(content);
  made->characters = count_characters(made->content.text);
  made->is_markup = is_markup;
  made->counted = made->content.memory() + kObjectBytes;
  made->live_bytes = &live_text_bytes_;
  live_text_bytes_ += made->counted;
  TRY(take_memory(0));
  return Value(Text(std::move(made)));
}

Result<Value> Heap::undefined(std::string_view reason) {
  Value made = TRY(text(reason, true));
  return Value(Undefined{*made.get<Text>()});
}

Result<List*> Heap::list(List::Form form, std::vector<Value> items) {
  TRY(work(1 + items.size() / 8));
  TRY(take_memory(kObjectBytes + items.capacity() * sizeof(Value)));
  lists_.push_back(std::make_unique<List>());
  lists_.back()->form = form;
  lists_.back()->items = std::move(items);
  return lists_.back().get();
}

Result<void> Heap::push(List& list, Value item) {
  TRY(take_memory(2 * sizeof(Value)));
  list.items.push_back(std::move(item));
  return {};
}

Result<Dict*> Heap::dict(std::vector<std::pair<Value, Value>> entries) {
  TRY(take_memory(kObjectBytes + entries.size() * (2 * sizeof(Value) + 64)));
  auto made = std::make_unique<Dict>();
  for (auto& [key, value] : entries) {
    TRY(work(1));
    if (key.list() != nullptr && key.list()->form != List::Form::tuple)
      return Error{fmt::format("{} can not be the key of a dict; use a text", kind_name(key))};
    if (key.dict() != nullptr) return Error{"a dict can not be the key of a dict; use a text"};
    const StoredText* name = key.text();
    size_t place = made->entries.size();
    if (name != nullptr) {
      place = made->texts.try_emplace(name->text(), place).first->second;
    } else {
      for (size_t i = 0; i < made->entries.size() && place == made->entries.size(); ++i)
        if (TRY(equal(*this, made->entries[i].first, key))) place = i;
    }
    if (place < made->entries.size()) {
      made->entries[place].second = std::move(value);
    } else {
      made->entries.emplace_back(std::move(key), std::move(value));
    }
  }
  dicts_.push_back(std::move(made));
  return dicts_.back().get();
}

Result<Namespace*> Heap::make_namespace() {
  TRY(take_memory(kObjectBytes));
  namespaces_.push_back(std::make_unique<Namespace>());
  return namespaces_.back().get();
}

Result<void> Heap::set_attribute(Namespace& target, const Text& name, Value value) {
  if (name->text().starts_with("_"))
    return Error{fmt::format("the attribute '{}' begins with an underscore; rename it",
                             printable(name->text()))};
  TRY(work(1 + target.attributes.size() / 8));
  if (Value* known = target.find(name->text())) {
    *known = std::move(value);
    return {};
  }
  TRY(take_memory(2 * (sizeof(Value) + sizeof(Text))));
  target.attributes.emplace_back(name, std::move(value));
  return {};
}

Result<Callable*> Heap::callable(Callable made) {
  TRY(take_memory(kObjectBytes + sizeof(Callable) + made.name.capacity()));
  callables_.push_back(std::make_unique<Callable>(std::move(made)));
  Callable* kept = callables_.back().get();
  for (Scope* scope = kept->scope; scope != nullptr && !scope->is_captured; scope = scope->parent)
    scope->is_captured = true;
  return kept;
}

Result<Loop*> Heap::loop() {
  TRY(take_memory(kObjectBytes + sizeof(Loop)));
  loops_.push_back(std::make_unique<Loop>());
  return loops_.back().get();
}

void Heap::leave(std::unique_ptr<Scope> scope) {
  if (!scope->is_captured) return;
  objects_bytes_ += kObjectBytes + scope->variables.capacity() * sizeof(scope->variables[0]);
  scopes_.push_back(std::move(scope));
}

}  // namespace weir::jinja
