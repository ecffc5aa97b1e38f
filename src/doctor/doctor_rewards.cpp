// Findings as a list, and the parts of a reward that could never teach anything.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "doctor/doctor_checks.h"

namespace weir {
namespace {

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string family_names(const StageTraits& traits) {
  std::string names;
  for (const auto& [family, unused] : traits) names += (names.empty() ? "" : ", ") + family;
  return names;
}

// What the families that a part counts for have between them; nothing when there are none.
FamilyTraits traits_of(const RewardPart& part, const StageTraits& traits) {
  FamilyTraits all;
  for (const auto& [family, own] : traits) {
    if (!part.families.empty() && !contains(part.families, family)) continue;
    all.has_verifier |= own.has_verifier;
    all.has_language |= own.has_language;
  }
  return all;
}

// Why a part is the same for every reply, and what to do about it.
struct Silence {
  std::string reason, remedy;
};
Silence why_silent(const std::string& name, const RewardPart& part, const StageRecipe& stage,
                   const StageTraits& traits) {
  const FamilyTraits found = traits_of(part, traits);
  const GrpoRecipe& grpo = stage.grpo;
  if (part.weight == 0) return {"has weight 0", "give it a weight"};
  if (part.cap == 0) return {"is capped at 0", "raise 'cap'"};
  if (part.from >= 1) return {"counts only after the stage has ended", "lower 'from' below 1"};
  if (stage.steps > 0 && part.from * double(stage.steps) > double(stage.steps - 1))
    return {fmt::format("counts after {:.0f} % of {} steps, when the last one has begun",
                        100 * part.from, stage.steps),
            "lower 'from'"};
  if (name == "accuracy" && !found.has_verifier)
    return {"finds no problem with a verifier in this stage's data", "add sources that have one"};
  if (name == "language" && !found.has_language)
    return {"finds no problem whose language is 'en' or 'zh'", "add sources that have one"};
  if (name == "length" && grpo.length_target <= 0)
    return {"has no target", "set 'length_target', the thinking tokens beyond which it counts"};
  if (name == "length" && grpo.length_target >= grpo.reply_tokens)
    return {fmt::format("begins beyond 'reply_tokens' {}, where every reply is cut before",
                        grpo.reply_tokens),
            "lower 'length_target'"};
  return {};
}

}  // namespace

const char* severity_name(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::note:
      return "note";
  }
  return "";
}

int64_t DoctorReport::count(Severity severity) const {
  return std::count_if(findings.begin(), findings.end(),
                       [&](const Finding& finding) { return finding.severity == severity; });
}

void Findings::add(Finding finding) {
  for (Finding& known : list_) {
    if (known.severity != finding.severity || known.check != finding.check ||
        known.stage != finding.stage || known.source != finding.source ||
        known.message != finding.message)
      continue;
    ++known.count;
    return;
  }
  list_.push_back(std::move(finding));
}

void Findings::set_examined(const std::string& stage, const std::string& source, int64_t problems) {
  for (Finding& finding : list_)
    if (finding.stage == stage && finding.source == source && !finding.example.empty())
      finding.examined = problems;
}

std::vector<Finding> Findings::take() {
  std::stable_sort(list_.begin(), list_.end(), [](const Finding& a, const Finding& b) {
    return int(a.severity) < int(b.severity);
  });
  return std::move(list_);
}

bool is_judged(const GrpoRecipe& grpo, const std::string& family) {
  return std::any_of(grpo.rewards.begin(), grpo.rewards.end(), [&](const auto& entry) {
    const RewardPart& part = entry.second;
    return (!part.model.empty() || !part.policy.empty()) &&
           (part.families.empty() || contains(part.families, family));
  });
}

void check_rewards(const StageRecipe& stage, const StageTraits& traits, Findings& findings) {
  for (const auto& [name, part] : stage.grpo.rewards) {
    const Silence silence = why_silent(name, part, stage, traits);
    if (!silence.reason.empty())
      findings.add({Severity::error, "reward", stage.name, "",
                    fmt::format("the reward part '{}' can never fire: it {}", name, silence.reason),
                    "remove the part, or " + silence.remedy});
    for (const std::string& family : part.families)
      if (!traits.contains(family))
        findings.add({Severity::warning, "reward", stage.name, "",
                      fmt::format("the reward part '{}' names the family '{}', and no problem of "
                                  "this stage is of it",
                                  name, printable(family)),
                      fmt::format("correct 'families'; there are: {}", family_names(traits))});
  }
}

}  // namespace weir
