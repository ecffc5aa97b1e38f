// `weir guard check`: reads a policy, and says what it finds in a text.
#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/guard_commands.h"
#include "guard/guard.h"
#include "guard/rule_set.h"
#include "heads/probe_head.h"

namespace weir {
namespace {

struct GuardCheckOptions {
  std::string policy, file, text, direction = "prompt", key, model;
  bool prints = false;
};

constexpr size_t kCheckedTextMax = size_t(64) << 20;

void print_policy(const Guard& guard) {
  const Policy& policy = guard.policy();
  size_t patterns = 0, detectors = 0;
  for (const PolicyRule& rule : policy.rules) {
    patterns += rule.patterns.size();
    detectors += !rule.detector.empty();
  }
  fmt::print(
      "{} {}: {} rules with {} words, {} patterns (a stream holds back at most {} bytes for "
      "them) and {} detectors\n",
      policy.name, policy.version, policy.rules.size(), guard.rules().words_count(), patterns,
      guard.rules().patterns().bytes_max(), detectors);
  fmt::print("{:10}", "");
  for (int d = 0; d < kDirections; ++d) fmt::print(" {:11}", direction_name(Direction(d)));
  fmt::print("\n");
  for (int c = 0; c < policy.categories.size(); ++c) {
    bool is_used = false;
    for (int d = 0; d < kDirections; ++d)
      is_used = is_used || policy.action(c, Direction(d)).action != Action::allow;
    if (!is_used) continue;
    fmt::print("{:10}", policy.categories.at(c).id);
    for (int d = 0; d < kDirections; ++d) {
      const Action action = policy.action(c, Direction(d)).action;
      fmt::print(" {:11}", action == Action::allow ? "-" : action_name(action));
    }
    fmt::print(" {}\n", policy.categories.at(c).name);
  }
}

// By number: who a rule, a head or the judge looks for. Calls of tools and budgets need none.
// Errors: files of heads that can not be read.
Result<std::vector<bool>> watched_categories(const Policy& policy) {
  std::vector<bool> is_watched(size_t(policy.categories.size()));
  const auto watch = [&](int category) {
    if (category >= 0) is_watched[size_t(category)] = true;
  };
  for (const PolicyRule& rule : policy.rules) watch(rule.category);
  for (const PolicyHead& head : policy.heads)
    for (const std::string& id : TRY(read_probes(head.file)).categories)
      watch(policy.categories.find(id));
  if (policy.judge.is_asked()) {
    if (policy.judge.categories.empty()) is_watched.assign(is_watched.size(), true);
    for (const std::string& id : policy.judge.categories)
      for (const int category : policy.categories.members(id)) watch(category);
  }
  for (const char* id : {"tool", "budget"}) watch(policy.categories.find(id));
  return is_watched;
}

// An action does not look for anything by itself.
void print_unwatched(const Policy& policy, const std::vector<bool>& is_watched) {
  std::string ids;
  for (int c = 0; c < policy.categories.size(); ++c) {
    bool has_action = false;
    for (int d = 0; d < kDirections; ++d)
      has_action = has_action || policy.action(c, Direction(d)).action != Action::allow;
    if (has_action && !is_watched[size_t(c)]) ids += " " + policy.categories.at(c).id;
  }
  if (!ids.empty())
    fmt::print(
        "nothing looks for these, so their actions never happen:{}\n  add rules, heads or a judge "
        "(docs/guard.md), or take their actions out\n",
        ids);
}

Result<void> check_policy(const GuardCheckOptions& options) {
  if (options.prints) {
    for (const ShippedPolicy& shipped : shipped_policies())
      if (options.policy == shipped.name) {
        fmt::print("{}", shipped.text);
        return {};
      }
    return Error{printable(options.policy) + ": is no shipped policy; --print shows one of those"};
  }
  Policy policy = TRY(Policy::read(options.policy));
  const auto guard = TRY(Guard::create(std::move(policy)));
  const std::vector<bool> is_watched = TRY(watched_categories(guard->policy()));
  std::string text = options.text;
  if (!options.file.empty()) text = TRY(read_file(options.file, kCheckedTextMax));
  if (options.file.empty() && options.text.empty()) {
    print_policy(*guard);
    print_unwatched(guard->policy(), is_watched);
    return {};
  }
  const Direction direction = *find_direction(options.direction);
  const GuardVerdict verdict = guard->check(text, direction, {options.key, options.model});
  for (const GuardFinding& finding : verdict.findings)
    fmt::print("{}-{}: {} {} by rule {} ({}, score {:.2f})\n", finding.begin, finding.end,
               action_name(finding.action), guard->policy().categories.at(finding.category).id,
               finding.rule, layer_name(finding.layer), finding.score);
  if (ends_reply(verdict.action))
    fmt::print("{}: {}\n", action_name(verdict.action), printable(verdict.text, 4000));
  else if (verdict.action >= Action::redact)
    fmt::print("{}: {}\n", action_name(verdict.action),
               printable(Guard::replaced(text, verdict), 4000));
  else
    fmt::print("{}\n", action_name(verdict.action));
  return {};
}

}  // namespace

void add_guard_check(CommandGroup& group) {
  auto [c, o] = group.add("check", "check a policy, and what it says of a text", check_policy);
  c.argument("POLICY", o.policy,
             "YAML file, or minimal, company, education, china-public, research")
      .required();
  c.option("--text", o.text, "TEXT", "text to judge");
  c.option("--file", o.file, "FILE", "file with the text to judge");
  c.choice("--direction", o.direction,
           {"prompt", "document", "tool_result", "thinking", "answer", "tool_call"},
           "where the text comes from or goes to");
  c.option("--key", o.key, "ID", "id of the API key that asks");
  c.option("--model", o.model, "NAME", "name of the model that is asked");
  c.flag("--print", o.prints, "print a shipped policy's file, to begin an own one with");
}

}  // namespace weir
