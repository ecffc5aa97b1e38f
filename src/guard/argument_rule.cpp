#include "guard/argument_rule.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/text.h"

namespace weir {
namespace {

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

re2::RE2::Options quiet() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  return options;
}

std::string text_of(const Json& value) { return value.is_string() ? value.text() : value.dump(); }

bool fits(const ToolArgumentRule& rule, const std::string& value) {
  if (rule.bytes_max > 0 && value.size() > size_t(rule.bytes_max)) return false;
  if (!rule.values.empty() && std::ranges::find(rule.values, value) == rule.values.end())
    return false;
  return rule.pattern.empty() ||
         re2::RE2::FullMatch(piece(value), re2::RE2(piece(rule.pattern), quiet()));
}

class CallCheck {
 public:
  CallCheck(const Guard& guard, const GuardSubject& subject, GuardVerdict& verdict)
      : guard_(guard), subject_(subject), verdict_(verdict) {}

  void refuse(const std::string& rule) {
    const Policy& policy = guard_.policy();
    const int category = policy.categories.find("tool");
    PolicyAction action =
        policy.action(category, Direction::tool_call, subject_.key, subject_.model);
    // A list of allowed tools is meant, whatever the table says.
    if (!ends_reply(action.action)) action.action = Action::refuse;
    add_finding(verdict_, {.category = category, .layer = GuardLayer::tool, .rule = rule}, action,
                policy);
  }

  // All texts in a value, the names of members too.
  void check(Json& value) {
    if (value.is_string()) {
      GuardVerdict one = guard_.check(value.text(), Direction::tool_call, subject_);
      if (changes_text(one.action)) value = Json(Guard::replaced(value.text(), one));
      join(std::move(one));
      const PolicyTools& tools = guard_.policy().tools;
      if (tools.limits_links && !foreign_hosts(value.text(), tools.link_hosts).empty())
        refuse("link_hosts");
      return;
    }
    if (value.is_number()) join(guard_.check(value.dump(), Direction::tool_call, subject_));
    for (Json& item : value.items()) check(item);
    for (auto& [name, member] : value.members()) {
      join(guard_.check(name, Direction::tool_call, subject_));
      check(member);
    }
  }

 private:
  void join(GuardVerdict one) {
    if (one.action > verdict_.action) {
      verdict_.action = one.action;
      verdict_.category = one.category;
      verdict_.rule = one.rule;
      verdict_.text = one.text;
    }
    for (GuardFinding& finding : one.findings)
      if (verdict_.findings.size() < kFindingsMax) verdict_.findings.push_back(std::move(finding));
  }

  const Guard& guard_;
  const GuardSubject& subject_;
  GuardVerdict& verdict_;
};

}  // namespace

Result<void> check_argument_pattern(const std::string& pattern) {
  if (pattern.empty()) return {};
  const re2::RE2 compiled(piece(pattern), quiet());
  if (compiled.ok()) return {};
  return Error{"can not be compiled: " + printable(compiled.error(), 200)};
}

GuardVerdict check_call(const Guard& guard, std::string_view tool, Json& arguments,
                        const CallContext& context, const GuardSubject& subject) {
  GuardVerdict verdict;
  CallCheck check(guard, subject, verdict);
  const PolicyTools& tools = guard.policy().tools;
  const auto listed =
      std::ranges::find_if(tools.allow, [&](const PolicyTool& t) { return t.name == tool; });
  const bool is_listed = listed != tools.allow.end();
  if (!is_listed && tools.is_limited) check.refuse("only_listed");
  if (context.after_injection && !(is_listed && listed->after_injection))
    check.refuse("after_injection");
  if (context.after_results && tools.limits_after_results && !is_listed)
    check.refuse("only_listed_after_results");
  if (context.after_results && tools.grounds_after_results) {
    GroundedTool grounded{.name = std::string(tool)};
    if (is_listed) grounded.is_free = listed->is_free, grounded.asked_by = listed->asked_by;
    if (!check_grounding(tool, arguments, context.texts, {grounded}).is_grounded)
      check.refuse("grounded_after_results");
  }
  if (is_listed) {
    for (const Json::Member& member : arguments.members()) {
      const std::string& name = member.first;
      const Json& value = member.second;
      const auto rule = std::ranges::find_if(listed->arguments, [&](const ToolArgumentRule& r) {
        return r.argument == name || r.argument == "*";
      });
      // Where there are rules, arguments without one are not allowed.
      if (rule == listed->arguments.end() ? !listed->arguments.empty()
                                          : !fits(*rule, text_of(value)))
        check.refuse("argument " + printable(name, 40));
    }
  }
  check.check(arguments);
  return verdict;
}

std::vector<std::string> foreign_hosts(std::string_view text,
                                       const std::vector<std::string>& allowed) {
  std::vector<std::string> foreign;
  const std::string small = lower_case(text);
  for (size_t at = small.find("://"); at != small.npos; at = small.find("://", at + 3)) {
    size_t end = small.find_first_of(" \t\r\n/?#\"'<>)\\", at + 3);
    std::string host = small.substr(at + 3, end == small.npos ? end : end - at - 3);
    if (const size_t user = host.rfind('@'); user != host.npos) host.erase(0, user + 1);
    if (const size_t port = host.find(':'); port != host.npos) host.erase(port);
    const bool is_allowed = std::ranges::any_of(allowed, [&](const std::string& known) {
      return host == known || (host.size() > known.size() && host.ends_with("." + known));
    });
    if (!is_allowed) foreign.push_back(host);
  }
  return foreign;
}

}  // namespace weir
