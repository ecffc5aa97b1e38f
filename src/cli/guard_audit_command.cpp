// `weir guard audit`: verifies, searches and exports the audit log, and forgets contents.
#include <fmt/format.h>

#include <cstdio>

#include "base/text.h"
#include "cli/guard_commands.h"
#include "guard/audit_check.h"
#include "guard/audit_log.h"

namespace weir {
namespace {

struct AuditVerifyOptions {
  std::string log, public_key;
  bool ignores_head = false;
};
struct AuditSearchOptions {
  std::string log, since, until, action, category, rule, key, model, direction, request;
  bool as_csv = false;
};
struct AuditForgetOptions {
  std::string log, before, reason = "retention";
};

Result<void> verify_log(const AuditVerifyOptions& options) {
  AuditVerification how{.reads_head = !options.ignores_head};
  if (!options.public_key.empty()) how.public_key = TRY(read_public_key(options.public_key));
  const AuditState state = TRY(verify_audit(options.log, how));
  if (!state.error.empty()) return Error{options.log + ": " + state.error};
  fmt::print("{} entries verify ({} decisions, {} of them without content), the last of {}\n",
             state.entries, state.decisions, state.removed,
             state.entries > 0 ? state.last_time : "never");
  fmt::print("{} signed heads cover {} entries; head {}\n", state.seals, state.sealed, state.head);
  if (state.is_torn)
    return Error{options.log +
                 ": ends inside of an entry: a process was killed while it wrote, or "
                 "somebody changed the end; the next start cuts it off"};
  return {};
}

bool is_wanted(const std::string& wanted, const std::string& found) {
  return wanted.empty() || wanted == found;
}

bool is_searched(const AuditEntry& entry, const AuditSearchOptions& o, int64_t since,
                 int64_t until) {
  if (entry.kind != "decision" || entry.is_removed) return false;
  if (entry.time_ms < since || entry.time_ms >= until) return false;
  const Json& body = entry.body;
  const auto has = [&](const char* field, const std::string& wanted) {
    if (wanted.empty() || body.text_at(field) == wanted) return true;
    const Json* findings = body.find("findings");
    if (!findings) return false;
    for (const Json& finding : findings->items())
      if (finding.text_at(field) == wanted) return true;
    return false;
  };
  return has("action", o.action) && has("category", o.category) && has("rule", o.rule) &&
         is_wanted(o.key, body.text_at("key")) && is_wanted(o.model, body.text_at("model")) &&
         is_wanted(o.direction, body.text_at("direction")) &&
         is_wanted(o.request, body.text_at("request"));
}

std::string csv_cell(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

// Line by line, so that a log of any size passes.
Result<void> search_log(const AuditSearchOptions& options) {
  const int64_t since = options.since.empty() ? 0 : TRY(parse_audit_time(options.since));
  const int64_t until = options.until.empty() ? INT64_MAX : TRY(parse_audit_time(options.until));
  if (options.as_csv)
    fmt::print("n,time,request,key,model,direction,action,category,rule,findings,hash\n");
  return walk_audit(options.log, [&](const AuditEntry& entry) -> Result<void> {
    if (!is_searched(entry, options, since, until)) return {};
    const Json& body = entry.body;
    if (options.as_csv) {
      fmt::print("{},{},{}", entry.number, audit_time(entry.time_ms),
                 csv_cell(body.text_at("request")));
      for (const char* field : {"key", "model", "direction", "action", "category", "rule"})
        fmt::print(",{}", csv_cell(body.text_at(field)));
      const Json* findings = body.find("findings");
      fmt::print(",{},{}\n", findings ? findings->size() : 0, entry.hash);
      return {};
    }
    Json j = Json::object();
    j.set("n", entry.number);
    j.set("time", audit_time(entry.time_ms));
    for (const auto& [name, value] : body.members())
      if (name != "salt") j.set(name, value);
    j.set("hash", entry.hash);
    fmt::print("{}\n", j.dump());
    return {};
  });
}

Result<void> forget_contents(const AuditForgetOptions& options) {
  const int64_t before = TRY(parse_audit_time(options.before));
  const int64_t count = TRY(forget_before(options.log, before, options.reason));
  fmt::print("{} contents were taken out; their hashes stay, and the chain verifies\n", count);
  return {};
}

void add_search_options(CommandBuilder& c, AuditSearchOptions& o) {
  c.argument("LOG", o.log, "audit log").required();
  c.option("--since", o.since, "TIME", "from this time on: 2026-03-01, or with T12:00:00.000Z");
  c.option("--until", o.until, "TIME", "before this time");
  c.option("--action", o.action, "ACTION", "of the decision or one of its findings");
  c.option("--category", o.category, "ID", "of the decision or one of its findings");
  c.option("--rule", o.rule, "ID", "of the decision or one of its findings");
  c.option("--key", o.key, "ID", "of the API key");
  c.option("--model", o.model, "NAME", "as the request has it");
  c.option("--direction", o.direction, "NAME", "prompt, answer, ...");
  c.option("--request", o.request, "ID", "of the request");
}

}  // namespace

void add_guard_audit(CommandGroup& group) {
  CommandGroup audit = group.group("audit", "verify, search and export an audit log");
  auto [checked, verified] =
      audit.add("verify", "verify chain, signatures and removals", verify_log);
  checked.argument("LOG", verified.log, "audit log").required();
  checked.option("--public-key", verified.public_key, "FILE",
                 "PEM file of the key that signed it [LOG.pub]");
  checked.flag("--without-head", verified.ignores_head,
               "do not ask for the signed head in LOG.head, which shows a cut end");

  auto [find, found] = audit.add("search", "print decisions, one JSON object a line", search_log);
  add_search_options(find, found);

  auto [out, exported] = audit.add("export", "print decisions as CSV or JSON lines", search_log);
  add_search_options(out, exported);
  out.flag("--csv", exported.as_csv, "CSV with a line for each decision");

  auto [drop, dropped] =
      audit.add("forget", "take the contents of old decisions out", forget_contents, Writes::files);
  drop.argument("LOG", dropped.log, "audit log that no server writes").required();
  drop.option("--before", dropped.before, "TIME", "of decisions before this time").required();
  drop.value("--reason", dropped.reason, "TEXT", "what the log says about it");
}

}  // namespace weir
