// The guard's policy: a YAML file that says which risks are looked for, with which rules, and what
// happens. docs/guard.md describes the file.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "guard/category.h"
#include "guard/direction.h"

namespace weir {

// What a rule looks for: one of words, patterns and a detector.
struct PolicyRule {
  std::string id;
  int category = -1;
  float score = 1;
  uint8_t directions = 0x3f;               // bit 1 << Direction
  std::vector<std::string> words = {};     // of the rule and of its files
  bool whole_words = true;                 // of letters: not inside a longer word
  bool readings = false;                   // the first letters of Han words' readings match, too
  std::vector<std::string> patterns = {};  // RE2, over the text as it came
  bool ignores_case = true;                // of the patterns
  std::string detector = {};               // a name of detector_names() (detectors.h)
  std::string replacement = {};            // of the action rewrite
  int line = 0;
};

// The action and its text for a category in a direction.
struct PolicyAction {
  Action action = Action::allow;
  std::string text = {};  // of refuse and hand_over; "": the policy's
};

// For every category, by its number, and every direction.
using ActionTable = std::vector<std::array<PolicyAction, kDirections>>;

struct PolicyHead {
  std::string file;                          // beside the policy
  std::map<std::string, double> thresholds;  // by category; at this score the action holds
  double threshold = 0.5;                    // of the others
  // At least this much, but below the threshold: a judge is asked, if there is one.
  double undecided = 1;
};

struct PolicyJudge {
  std::string model = {};     // a model of the server, or "self": the one that serves
  std::string url = {};       // another server with OpenAI's chat has that model
  std::string key_file = {};  // beside the policy; "": WEIR_API_KEY, if it is set
  std::string rubric = {};    // what it judges by; "": our words
  int timeout_ms = 2000;      // until on_silence holds
  double threshold = 0.5;     // of the probability of a Yes
  std::vector<std::string> categories = {};  // ids, groups and families; empty: all with an action
  uint8_t directions = 0x01;                 // bit 1 << Direction: prompt, answer
  Action on_silence = Action::flag;          // no answer in time
  bool is_asked() const { return !model.empty(); }
};

// Arguments of a tool that is allowed.
struct ToolArgumentRule {
  std::string argument;                  // its name; "*": every one
  std::string pattern = {};              // RE2, the whole value as text must match; "": any
  std::vector<std::string> values = {};  // or be one of these; empty: any
  int bytes_max = 0;                     // 0: any length
};
struct PolicyTool {
  std::string name;
  std::vector<ToolArgumentRule> arguments = {};
  // After a finding of category "injection" in a document or tool result of the conversation.
  bool after_injection = false;
  // Reads and changes nothing outside: needs no grounding (call_grounding.h).
  bool is_free = false;
  std::vector<std::string> asked_by = {};  // words of a user that ask for it, beside its name's
};
struct PolicyTools {
  bool is_limited = false;            // only the tools below may be called
  bool limits_after_results = false;  // the same once the conversation has a document or result
  // Then calls must rest on the user's own words (call_grounding.h).
  bool grounds_after_results = false;
  std::vector<PolicyTool> allow = {};
  std::vector<std::string> link_hosts = {};  // that links in arguments and answers may lead to
  bool limits_links = false;                 // link_hosts holds
};

struct PolicyBudget {  // 0: none
  int64_t calls_per_reply = 0;
  int64_t calls_per_conversation = 0;
  int64_t tokens_per_reply = 0;
};

struct PolicyAudit {
  bool keeps_text = false;      // of findings; else hashes alone
  bool logs_allowed = false;    // entries for requests without a finding
  bool stops_when_full = true;  // a decision that cannot be written refuses the request
  int seal_entries = 1000;      // a signed head after so many entries
  double seal_seconds = 60;     // or so long
  int retention_days = 0;       // 0: for good
};

struct PolicyLabel {          // GB 45438-2025
  std::string visible = {};   // text that is added to answers; "": none
  bool at_end = true;         // else at the beginning
  std::string producer = {};  // name or code of the provider, in metadata; "": no metadata
};

// A part of the policy that holds for some keys or models instead.
struct PolicyPart {
  std::vector<std::string> keys = {}, models = {};  // ids; empty: all
  ActionTable actions;
};

struct Policy {
  std::string path, name, version;
  std::string sha256;  // of the file's text
  CategorySet categories;
  std::vector<PolicyRule> rules;
  std::vector<PolicyHead> heads;
  PolicyJudge judge;
  PolicyTools tools;
  PolicyBudget budget;
  PolicyAudit audit;
  PolicyLabel label;
  std::string refusal, hand_over, mark;  // texts; mark: "[removed: {category}]"

  // Reads and checks all of it: unknown keys, categories, directions and detectors, patterns that
  // do not compile or match the empty text, lists that are too long. Errors name file and line. A
  // name without '/' and '.' that is no file is a shipped policy ("company").
  static Result<Policy> read(const std::string& path);
  static Result<Policy> parse(std::string_view text, const std::string& path);

  // What holds for a request: the last part that names its key and its model.
  const PolicyAction& action(int category, Direction direction, std::string_view key = {},
                             std::string_view model = {}) const;
  // The text of refuse or hand_over.
  const std::string& text(const PolicyAction& action) const;
  // What stands in place of what is removed: `mark` with the category's name.
  std::string mark_of(int category) const;
  const ActionTable& table(std::string_view key, std::string_view model) const;

  ActionTable actions;
  std::vector<PolicyPart> parts;
};

struct ShippedPolicy {
  const char* name;
  std::string_view text;
};
std::vector<ShippedPolicy> shipped_policies();

}  // namespace weir
