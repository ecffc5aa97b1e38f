// The variable 'loop' of a running for loop. Items are looked at one by one, since the condition of
// a loop may depend on what the body did; what a template peeks at is kept in `ahead`.
#pragma once
#include <cstddef>
#include <deque>
#include <vector>

#include "jinja/value.h"

namespace weir::jinja {

struct Scope;
struct Statement;

struct Loop {
  const Statement* statement = nullptr;
  Scope* outer = nullptr;
  List* source = nullptr;
  size_t next = 0;               // of source
  std::deque<Value> ahead = {};  // passed the condition, not had their turn
  Value previous = {}, current = {};
  int index = -1;                   // of the turn that runs
  std::vector<Value> changed = {};  // arguments of the last call of loop.changed()
  bool is_over = false;
};

}  // namespace weir::jinja
