#include "guard/direction.h"

#include "guard/finding.h"

namespace weir {
namespace {

constexpr const char* kDirectionNames[kDirections] = {"prompt",   "document", "tool_result",
                                                      "thinking", "answer",   "tool_call"};
constexpr const char* kActionNames[kActions] = {"allow",  "flag",      "redact", "rewrite",
                                                "refuse", "hand_over", "stop"};

}  // namespace

const char* direction_name(Direction direction) { return kDirectionNames[size_t(direction)]; }

std::optional<Direction> find_direction(std::string_view name) {
  for (int i = 0; i < kDirections; ++i)
    if (name == kDirectionNames[i]) return Direction(i);
  return {};
}

const char* action_name(Action action) { return kActionNames[size_t(action)]; }

std::optional<Action> find_action(std::string_view name) {
  for (int i = 0; i < kActions; ++i)
    if (name == kActionNames[i]) return Action(i);
  return {};
}

const char* layer_name(GuardLayer layer) {
  constexpr const char* kNames[] = {"words", "pattern", "detector", "head",
                                    "judge", "tool",    "budget"};
  return kNames[size_t(layer)];
}

}  // namespace weir
