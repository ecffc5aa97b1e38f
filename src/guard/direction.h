// Where a text comes from or goes to, and what the guard does about it.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir {

enum class Direction : uint8_t { prompt, document, tool_result, thinking, answer, tool_call };
constexpr int kDirections = 6;
const char* direction_name(Direction direction);  // "tool_result"
std::optional<Direction> find_direction(std::string_view name);
constexpr bool is_input(Direction direction) { return direction <= Direction::tool_result; }

// From the mildest to the strictest: of several findings the strictest action holds.
enum class Action : uint8_t {
  allow,      // nothing happens
  flag,       // the finding is written to the audit log
  redact,     // the match becomes the category's mark
  rewrite,    // the match becomes the rule's replacement
  refuse,     // the reply is the policy's text; a reply that runs ends with it
  hand_over,  // as refuse, with the text that names a person, and an entry for that person
  stop,       // the reply ends here without a text
};
constexpr int kActions = 7;
const char* action_name(Action action);
std::optional<Action> find_action(std::string_view name);
// Nothing more is written by the model.
constexpr bool ends_reply(Action action) { return action >= Action::refuse; }
// The text goes on with something else in it.
constexpr bool changes_text(Action action) {
  return action == Action::redact || action == Action::rewrite;
}

}  // namespace weir
