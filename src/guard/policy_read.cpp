// Reads a policy file and checks every value of it; docs/guard.md describes the form.
#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/options.h"
#include "base/sha256.h"
#include "base/text.h"
#include "guard/argument_rule.h"
#include "guard/detectors.h"
#include "guard/policy.h"
#include "guard/rule_set.h"

namespace weir {
namespace {

constexpr size_t kPolicyBytesMax = size_t(1) << 20, kWordFileBytesMax = size_t(8) << 20;
constexpr size_t kTextMax = 4000, kRulesMax = 2000;
constexpr int kForm = 1;  // of the file

std::string unknown(const std::string& word, const char* what, std::vector<std::string> known) {
  const std::string near = nearest_word(word, known);
  if (!near.empty()) return fmt::format("is no {}; did you mean '{}'?", what, near);
  if (known.size() > 12) known = {known.begin(), known.begin() + 12};
  return fmt::format("is no {}; there are {} ...", what, fmt::join(known, ", "));
}

class PolicyReader {
 public:
  PolicyReader(const Recipe& recipe, Policy& policy) : recipe_(recipe), policy_(policy) {}

  Result<void> read() {
    OptionReader in(recipe_);
    int form = 0;
    in.field("guard", form, kForm, kForm);
    in.field("name", policy_.name);
    in.field("version", policy_.version);
    std::string description;
    in.field("description", description);
    TRY(read_categories(in.section("categories")));
    TRY(read_texts(in.section("texts")));
    policy_.actions.resize(size_t(policy_.categories.size()));
    TRY(read_actions(in.section("actions"), policy_.actions));
    TRY(read_rules(in.section("rules")));
    TRY(read_heads(in.section("heads")));
    TRY(read_judge(in.section("judge")));
    TRY(read_tools(in.section("tools")));
    TRY(read_budget(in.section("budget")));
    TRY(read_audit(in.section("audit")));
    TRY(read_label(in.section("label")));
    TRY(read_parts(in.section("parts")));
    TRY(in.finish());
    if (form != kForm)
      return in.error("guard", fmt::format("must be {}: the form of the file", kForm));
    if (policy_.name.empty()) return in.error("name", "is missing; give the policy a name");
    if (policy_.version.empty())
      return in.error("version", "is missing; audit entries name it, so that a change is seen");
    return {};
  }

 private:
  Result<void> read_categories(OptionReader in) {
    for (const std::string& id : in.keys()) {
      std::string name;
      in.field(id, name);
      if (auto added = policy_.categories.add(id, name); !added)
        return in.error(id, added.error().message);
    }
    return in.finish();
  }

  Result<void> check_text(const OptionReader& in, const std::string& key, const std::string& text) {
    if (text.size() > kTextMax) return in.error(key, "is longer than 4,000 bytes");
    return {};
  }

  Result<void> read_texts(OptionReader in) {
    policy_.refusal = "I can't help with that.";
    policy_.hand_over = "I can't help with that here. Please talk to a person.";
    policy_.mark = "[{category}]";
    for (const std::string& key : in.keys()) {
      std::string text;
      in.field(key, text);
      TRY(check_text(in, key, text));
      if (key == "refuse")
        policy_.refusal = text;
      else if (key == "hand_over")
        policy_.hand_over = text;
      else if (key == "mark")
        policy_.mark = text;
      else if (policy_.categories.members(key).empty())
        return in.error(key, unknown(key, "category", policy_.categories.ids()) +
                                 " (or refuse, hand_over, mark)");
      else
        texts_.push_back({key, text});
    }
    return in.finish();
  }

  std::string text_of(int category) const {
    std::string text;
    size_t of = SIZE_MAX;  // the most special one
    for (const auto& [key, value] : texts_) {
      const std::vector<int> members = policy_.categories.members(key);
      if (members.size() < of && std::ranges::find(members, category) != members.end()) {
        text = value;
        of = members.size();
      }
    }
    return text;
  }

  // "refuse", or an object of directions.
  Result<void> read_action(const OptionReader& in, const std::string& key, const Json& value,
                           ActionTable& table) {
    const std::vector<int> categories = policy_.categories.members(key);
    std::vector<std::pair<uint8_t, Action>> entries;
    const auto take = [&](uint8_t directions, const Json& word) -> Result<void> {
      const auto action = find_action(word.text());
      if (!action)
        return in.error(
            key, unknown(word.is_string() ? word.text() : "", "action",
                         {"allow", "flag", "redact", "rewrite", "refuse", "hand_over", "stop"}));
      entries.push_back({directions, *action});
      return {};
    };
    if (value.is_string()) TRY(take(0x3f, value));
    if (value.is_object())
      for (const char* wide : {"all", "input", "output", ""})
        for (const auto& [name, word] : value.members())
          if (TRY(is_turn(in, key, name, wide))) TRY(take(*directions_of(name), word));
    if (!value.is_string() && !value.is_object())
      return in.error(key, "must be an action, or a section of directions and actions");
    for (const auto& [directions, action] : entries)
      for (int d = 0; d < kDirections; ++d)
        if (directions >> d & 1)
          for (const int category : categories)
            table[size_t(category)][size_t(d)] = {action, text_of(category)};
    return {};
  }

  static std::optional<uint8_t> directions_of(const std::string& name) {
    if (name == "all") return uint8_t(0x3f);
    if (name == "input") return uint8_t(0x07);
    if (name == "output") return uint8_t(0x38);
    const auto direction = find_direction(name);
    if (!direction) return {};
    return uint8_t(1 << int(*direction));
  }

  // Wide words come first, so that a single direction outweighs them.
  Result<bool> is_turn(const OptionReader& in, const std::string& key, const std::string& name,
                       std::string_view wide) {
    const bool is_wide = name == "all" || name == "input" || name == "output";
    if (!directions_of(name))
      return in.error(key, fmt::format("has '{}', which {}", printable(name),
                                       unknown(name, "direction", direction_words())));
    return wide.empty() ? !is_wide : name == wide;
  }

  static std::vector<std::string> direction_words() {
    std::vector<std::string> words = {"input", "output", "all"};
    for (int d = 0; d < kDirections; ++d) words.push_back(direction_name(Direction(d)));
    return words;
  }

  // Groups come before what is in them, whatever the order of the file.
  Result<void> read_actions(OptionReader in, ActionTable& table) {
    std::vector<std::string> keys = in.keys();
    for (const std::string& key : keys)
      if (policy_.categories.members(key).empty())
        return in.error(key, unknown(key, "category, group or family", policy_.categories.ids()));
    std::ranges::stable_sort(keys, [&](const std::string& a, const std::string& b) {
      return policy_.categories.members(a).size() > policy_.categories.members(b).size();
    });
    for (const std::string& key : keys) {
      Json value;
      in.field(key, value);
      TRY(read_action(in, key, value, table));
    }
    return in.finish();
  }

  Result<void> read_rules(OptionReader in) {
    const std::vector<std::string> ids = in.keys();
    if (ids.size() > kRulesMax) return Error{recipe_.path + ": more than 2,000 rules"};
    for (const std::string& id : ids) {
      PolicyRule rule;
      rule.id = id;
      TRY(read_rule(in.section(id), in, id, rule));
      policy_.rules.push_back(std::move(rule));
    }
    return in.finish();
  }

  Result<void> read_rule(OptionReader in, const OptionReader& rules, const std::string& id,
                         PolicyRule& rule) {
    const auto line = recipe_.lines.find("rules." + id);
    rule.line = line == recipe_.lines.end() ? 0 : line->second;
    std::string category;
    std::vector<std::string> directions, files;
    double score = 1;
    in.field("category", category);
    in.field("directions", directions);
    in.field("score", score, 0, 1);
    in.field("words", rule.words);
    in.field("words_file", files);
    in.field("whole_words", rule.whole_words);
    in.field("readings", rule.readings);
    in.field("patterns", rule.patterns);
    in.field("ignore_case", rule.ignores_case);
    in.field("detector", rule.detector);
    in.field("replacement", rule.replacement);
    TRY(in.finish());
    rule.score = float(score);
    rule.category = policy_.categories.find(category);
    if (rule.category < 0)
      return in.error("category", category.empty()
                                      ? "is missing; name the category of what the rule finds"
                                      : unknown(category, "category", policy_.categories.ids()));
    if (!directions.empty()) rule.directions = 0;
    for (const std::string& name : directions) {
      const auto bits = directions_of(name);
      if (!bits) return in.error("directions", unknown(name, "direction", direction_words()));
      rule.directions |= *bits;
    }
    for (const std::string& file : files) TRY(read_words(in, file, rule.words));
    const int kinds =
        int(!rule.words.empty()) + int(!rule.patterns.empty()) + int(!rule.detector.empty());
    if (kinds != 1)
      return rules.error(id, "needs one of 'words', 'words_file', 'patterns' and 'detector'");
    if (!rule.detector.empty() && !find_detector(rule.detector))
      return in.error("detector", unknown(rule.detector, "detector", detector_names()));
    return {};
  }

  std::string beside(const std::string& file) const {
    if (file.starts_with('/')) return file;
    const size_t slash = recipe_.path.rfind('/');
    return slash == std::string::npos ? file : recipe_.path.substr(0, slash + 1) + file;
  }

  // One word a line; # begins a comment.
  Result<void> read_words(const OptionReader& in, const std::string& file,
                          std::vector<std::string>& words) {
    const auto text = read_file(beside(file), kWordFileBytesMax);
    if (!text) return in.error("words_file", "can not be read: " + text.error().message);
    if (const size_t bad = first_invalid_utf8(*text); bad != std::string::npos)
      return in.error("words_file", file + " is no UTF-8 text");
    for (const std::string& line : split(*text, '\n')) {
      const std::string_view word = trim(line);
      if (!word.empty() && word[0] != '#') words.emplace_back(word);
    }
    return {};
  }

  Result<void> read_heads(OptionReader in) {
    for (const std::string& id : in.keys()) {
      OptionReader inner = in.section(id);
      PolicyHead head;
      inner.field("file", head.file);
      inner.field("threshold", head.threshold, 0, 1);
      inner.field("undecided", head.undecided, 0, 1);
      OptionReader each = inner.section("thresholds");
      for (const std::string& category : each.keys()) {
        double threshold = 0.5;
        each.field(category, threshold, 0, 1);
        if (policy_.categories.find(category) < 0)
          return each.error(category, unknown(category, "category", policy_.categories.ids()));
        head.thresholds[category] = threshold;
      }
      TRY(each.finish());
      TRY(inner.finish());
      if (head.file.empty()) return inner.error("file", "is missing; name the file of the heads");
      head.file = beside(head.file);
      policy_.heads.push_back(std::move(head));
    }
    return in.finish();
  }

  Result<void> read_judge(OptionReader in) {
    PolicyJudge& judge = policy_.judge;
    std::string on_silence = action_name(judge.on_silence);
    std::vector<std::string> directions = {"prompt"};
    in.field("model", judge.model);
    in.field("url", judge.url);
    in.field("key_file", judge.key_file);
    in.field("rubric", judge.rubric);
    in.field("timeout_ms", judge.timeout_ms, 1, 600'000);
    in.field("threshold", judge.threshold, 0, 1);
    in.field("categories", judge.categories);
    in.field("directions", directions);
    in.choice("on_silence", on_silence, {"allow", "flag", "refuse", "hand_over", "stop"});
    TRY(in.finish());
    TRY(check_text(in, "rubric", judge.rubric));
    judge.on_silence = *find_action(on_silence);
    for (const std::string& category : judge.categories)
      if (policy_.categories.members(category).empty())
        return in.error("categories", unknown(category, "category", policy_.categories.ids()));
    judge.directions = 0;
    for (const std::string& name : directions) {
      if (name != "prompt" && name != "answer")
        return in.error("directions", "may be 'prompt' and 'answer'; a judge reads no others");
      judge.directions |= *directions_of(name);
    }
    if (judge.model.empty() && (!judge.url.empty() || in.has("threshold")))
      return in.error("model",
                      "is missing; name the model that judges, or 'self' for the one that serves");
    if (!judge.url.empty() && judge.model == "self")
      return in.error("model", "'self' is the model that serves; name one of the server of 'url'");
    if (!judge.key_file.empty()) judge.key_file = beside(judge.key_file);
    return {};
  }

  Result<void> read_tools(OptionReader in) {
    PolicyTools& tools = policy_.tools;
    in.field("only_listed", tools.is_limited);
    in.field("only_listed_after_results", tools.limits_after_results);
    in.field("grounded_after_results", tools.grounds_after_results);
    if (in.has("link_hosts")) tools.limits_links = true;
    in.field("link_hosts", tools.link_hosts);
    OptionReader allow = in.section("allow");
    for (const std::string& name : allow.keys()) {
      OptionReader inner = allow.section(name);
      PolicyTool tool{.name = name};
      inner.field("after_injection", tool.after_injection);
      inner.field("free", tool.is_free);
      inner.field("asked_by", tool.asked_by);
      OptionReader arguments = inner.section("arguments");
      for (const std::string& argument : arguments.keys()) {
        OptionReader rules = arguments.section(argument);
        ToolArgumentRule rule{.argument = argument};
        rules.field("pattern", rule.pattern);
        rules.field("values", rule.values);
        rules.field("bytes_max", rule.bytes_max, 0, 1 << 24);
        TRY(rules.finish());
        if (auto checked = check_argument_pattern(rule.pattern); !checked)
          return rules.error("pattern", checked.error().message);
        tool.arguments.push_back(std::move(rule));
      }
      TRY(arguments.finish());
      TRY(inner.finish());
      tools.allow.push_back(std::move(tool));
    }
    TRY(allow.finish());
    return in.finish();
  }

  Result<void> read_budget(OptionReader in) {
    in.field("calls_per_reply", policy_.budget.calls_per_reply, 0, 1'000'000);
    in.field("calls_per_conversation", policy_.budget.calls_per_conversation, 0, 1'000'000);
    in.field("tokens_per_reply", policy_.budget.tokens_per_reply, 0, 1'000'000'000);
    return in.finish();
  }

  Result<void> read_audit(OptionReader in) {
    PolicyAudit& audit = policy_.audit;
    in.field("keep_text", audit.keeps_text);
    in.field("log_allowed", audit.logs_allowed);
    in.field("stop_when_full", audit.stops_when_full);
    in.field("seal_entries", audit.seal_entries, 1, 1'000'000);
    in.field("seal_seconds", audit.seal_seconds, 1, 86400);
    in.field("retention_days", audit.retention_days, 0, 36500);
    return in.finish();
  }

  Result<void> read_label(OptionReader in) {
    PolicyLabel& label = policy_.label;
    std::string at = label.at_end ? "end" : "begin";
    in.field("visible", label.visible);
    in.choice("at", at, {"begin", "end"});
    in.field("producer", label.producer);
    TRY(in.finish());
    label.at_end = at == "end";
    return check_text(in, "visible", label.visible);
  }

  Result<void> read_parts(OptionReader in) {
    for (const std::string& id : in.keys()) {
      OptionReader inner = in.section(id);
      PolicyPart part;
      inner.field("keys", part.keys);
      inner.field("models", part.models);
      part.actions = policy_.actions;
      TRY(read_actions(inner.section("actions"), part.actions));
      TRY(inner.finish());
      if (part.keys.empty() && part.models.empty())
        return in.error(id, "names no 'keys' and no 'models'; write it into 'actions'");
      policy_.parts.push_back(std::move(part));
    }
    return in.finish();
  }

  const Recipe& recipe_;
  Policy& policy_;
  std::vector<std::pair<std::string, std::string>> texts_;  // of categories and groups
};

}  // namespace

Result<Policy> Policy::parse(std::string_view text, const std::string& path) {
  const Recipe recipe = TRY(Recipe::parse(text, path));
  Policy policy;
  policy.path = path;
  policy.sha256 = sha256_hex(text);
  TRY(PolicyReader(recipe, policy).read());
  TRY(RuleSet::create(policy));
  return policy;
}

Result<Policy> Policy::read(const std::string& path) {
  if (path.find_first_of("/.") == std::string::npos && !file_exists(path)) {
    std::vector<std::string> names;
    for (const ShippedPolicy& shipped : shipped_policies()) {
      if (path == shipped.name) return parse(shipped.text, path);
      names.push_back(shipped.name);
    }
    return Error{fmt::format("{}: there is no such file, and no policy of that name; there are {}",
                             printable(path), fmt::join(names, ", "))};
  }
  return parse(TRY(read_file(path, kPolicyBytesMax)), path);
}

}  // namespace weir
