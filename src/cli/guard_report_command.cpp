// `weir guard report`: the numbers about a policy and its use that assessments after TC260-003 and
// GB/T 45654 ask for.
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "base/interval.h"
#include "base/text.h"
#include "cli/guard_commands.h"
#include "guard/audit_check.h"
#include "guard/guard.h"
#include "guard/rule_set.h"

namespace weir {
namespace {

struct GuardReportOptions {
  std::string policy, audit;
};

// TC260-003 (2024), 8 a: the whole base, and of each risk of A.1 and A.2.
constexpr int64_t kWordsWanted = 10'000, kWordsOfA1 = 200, kWordsOfA2 = 100;

const char* met_or_missed(int64_t count, int64_t wanted) {
  return count >= wanted ? "met" : "missed";
}

void report_words(const Policy& policy) {
  std::map<int, int64_t> words;
  int64_t all = 0;
  for (const PolicyRule& rule : policy.rules) {
    words[rule.category] += int64_t(rule.words.size());
    all += int64_t(rule.words.size());
  }
  fmt::print("# {} {} (SHA-256 {})\n\n", policy.name, policy.version, policy.sha256);
  fmt::print("## Keyword base\n\n{} words; TC260-003 asks for {}: {}\n\n", all, kWordsWanted,
             met_or_missed(all, kWordsWanted));
  fmt::print("| risk | words | asked for | |\n|---|---|---|---|\n");
  for (int c = 0; c < policy.categories.size(); ++c) {
    const Category& category = policy.categories.at(c);
    const int64_t wanted = category.group == "A1"   ? kWordsOfA1
                           : category.group == "A2" ? kWordsOfA2
                                                    : 0;
    if (wanted == 0 && words[c] == 0) continue;
    fmt::print("| {} {} | {} | {} | {} |\n", category.id, category.name, words[c],
               wanted ? fmt::format("{}", wanted) : "-",
               wanted ? met_or_missed(words[c], wanted) : "");
  }
}

// A share with its Wilson interval of 95 %.
std::string share_with_interval(int64_t part, int64_t whole) {
  if (whole == 0) return "-";
  const Interval interval = wilson_interval(double(part), double(whole));
  return fmt::format("{:.2f} % ({:.2f} to {:.2f})", 100 * double(part) / double(whole),
                     100 * interval.low, 100 * interval.high);
}

Result<void> report_use(const std::string& path) {
  const AuditState state = TRY(verify_audit(path, {}));
  if (!state.error.empty()) {  // what it says may be anything
    fmt::print("\n## Decisions\n\n{} does NOT verify, so nothing of it is counted: {}\n",
               printable(path), state.error);
    return {};
  }
  std::map<std::string, std::map<std::string, int64_t>> by_direction;
  std::map<std::string, int64_t> by_category;
  std::string first;
  TRY(walk_audit(path, [&](const AuditEntry& entry) -> Result<void> {
    if (entry.kind != "decision" || entry.is_removed) return {};
    if (first.empty()) first = audit_time(entry.time_ms);
    ++by_direction[entry.body.text_at("direction")][entry.body.text_at("action")];
    if (const std::string& category = entry.body.text_at("category"); !category.empty())
      ++by_category[category];
    return {};
  }));
  fmt::print("\n## Decisions\n\n{}, from {} to {}: {}\n\n", printable(path), first, state.last_time,
             state.is_torn ? "verifies up to its torn end" : "verifies");
  fmt::print("| direction | decisions | not allowed or flagged, with its 95 % interval |");
  fmt::print("\n|---|---|---|\n");
  for (const auto& [direction, actions] : by_direction) {
    int64_t all = 0, mild = 0;
    for (const auto& [action, count] : actions) {
      all += count;
      if (action == "allow" || action == "flag") mild += count;
    }
    fmt::print("| {} | {} | {} |\n", direction, all, share_with_interval(all - mild, all));
  }
  fmt::print("\n| category | decisions |\n|---|---|\n");
  for (const auto& [category, count] : by_category) fmt::print("| {} | {} |\n", category, count);
  return {};
}

Result<void> report_policy(const GuardReportOptions& options) {
  const Policy policy = TRY(Policy::read(options.policy));
  report_words(policy);
  if (!options.audit.empty()) TRY(report_use(options.audit));
  fmt::print("\n## Labels (GB 45438-2025)\n\nvisible text: {}\nproducer in metadata: {}\n",
             policy.label.visible.empty() ? "none" : policy.label.visible,
             policy.label.producer.empty() ? "none" : policy.label.producer);
  return {};
}

}  // namespace

void add_guard_report(CommandGroup& group) {
  auto [c, o] =
      group.add("report", "keyword base, decisions and labels as Markdown", report_policy);
  c.argument("POLICY", o.policy, "YAML file or name of a shipped policy").required();
  c.option("--audit", o.audit, "LOG", "audit log whose decisions are counted");
}

}  // namespace weir
