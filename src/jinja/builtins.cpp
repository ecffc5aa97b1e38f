#include "jinja/builtins.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace weir::jinja {
namespace {

using Index = std::unordered_map<std::string_view, Builtin>;

Index index_of(std::initializer_list<const BuiltinTable*> tables) {
  Index index;
  for (const BuiltinTable* table : tables)
    for (const NamedBuiltin& entry : *table) index.emplace(entry.name, entry.builtin);
  return index;
}

Builtin find(const Index& index, std::string_view name) {
  auto found = index.find(name);
  return found == index.end() ? nullptr : found->second;
}

}  // namespace

Builtin find_filter(std::string_view name) {
  static const Index index =
      index_of({&text_filters(), &list_filters(), &choosing_filters(), &value_filters()});
  return find(index, name);
}

Builtin find_method(const Value& self, std::string_view name) {
  static const Index texts = index_of({&text_methods(), &search_methods()});
  static const Index lists = index_of({&list_methods()});
  static const Index dicts = index_of({&dict_methods()});
  if (self.text() != nullptr) return find(texts, name);
  if (self.dict() != nullptr) return find(dicts, name);
  const List* list = self.list();
  if (list != nullptr && list->is_sequence()) return find(lists, name);
  if (self.get<Loop*>() != nullptr) return find_loop_method(name);
  return nullptr;
}

Result<std::vector<const Value*>> bind(const Call& call, std::initializer_list<const char*> names,
                                       size_t required) {
  std::vector<const Value*> bound(names.size(), nullptr);
  if (call.positional.size() > names.size())
    return Error{fmt::format("takes at most {} arguments and is given {}", names.size(),
                             call.positional.size())};
  for (size_t i = 0; i < call.positional.size(); ++i) bound[i] = &call.positional[i];
  for (const auto& [key, value] : call.named) {
    const std::string& name = key->text();
    auto known = std::find(names.begin(), names.end(), name);
    if (known == names.end()) return Error{fmt::format("has no argument '{}'", printable(name))};
    const Value*& place = bound[size_t(known - names.begin())];
    if (place != nullptr)
      return Error{fmt::format("is given the argument '{}' twice", printable(name))};
    place = &value;
  }
  for (size_t i = 0; i < required; ++i)
    if (bound[i] == nullptr)
      return Error{fmt::format("needs the argument '{}'", *(names.begin() + long(i)))};
  return bound;
}

Result<Integer> integer_of(const Value* argument, Integer standard) {
  Integer value = standard;
  if (argument == nullptr || argument->is_none() || argument->as_integer(value)) return value;
  return misuse(*argument, "an argument that is a whole number");
}

Result<bool> truth_of(const Value* argument, bool standard) {
  return argument == nullptr ? standard : is_true(*argument);
}

Result<const StoredText*> text_of(const Value* argument) {
  if (argument == nullptr || argument->is_none()) return static_cast<const StoredText*>(nullptr);
  if (argument->text() != nullptr) return argument->text();
  return misuse(*argument, "an argument that is a text");
}

Result<Text> self_text(const Call& call) {
  Value text = TRY(to_text(call.heap, call.self));
  TRY(call.heap.work_on_text(text.text()->text().size()));
  return *text.get<Text>();
}

}  // namespace weir::jinja
