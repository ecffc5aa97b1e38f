// Findings as a list, and the parts of a reward that could never teach anything.
#include <fmt/format.h>

#include <algorithm>

#include "r1/doctor_checks.h"

namespace weir {

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

void check_rewards(const StageRecipe& stage, const StageTraits& traits, Findings& findings) {
  for (const auto& [name, part] : stage.grpo.rewards) {
    std::string why, remedy = "remove the part, or ";
    if (part.weight == 0) {
      why = "has weight 0";
      remedy += "give it a weight";
    } else if (part.cap == 0) {
      why = "is capped at 0";
      remedy += "raise 'cap'";
    } else if (part.from >= 1) {
      why = "counts only after the stage has ended";
      remedy += "lower 'from' below 1";
    } else if (stage.steps > 0 && part.from * double(stage.steps) > double(stage.steps - 1)) {
      why = fmt::format("counts after {:.0f} % of {} steps, which is after the last one begins",
                        100 * part.from, stage.steps);
      remedy += "lower 'from'";
    } else if (name == "accuracy" && !traits.has_verifier) {
      why = "finds no problem with a verifier in this stage's data";
      remedy += "add sources that have one";
    } else if (name == "language" && !traits.has_language) {
      why = "finds no problem whose language is 'en' or 'zh'";
      remedy += "add sources that have one";
    } else if (name == "length" && stage.grpo.length_target <= 0) {
      why = "has no target";
      remedy += "set 'length_target', the thinking tokens beyond which it counts";
    } else if (name == "length" && stage.grpo.length_target >= stage.grpo.reply_tokens) {
      why = fmt::format("begins beyond 'reply_tokens' {}, which cuts every reply before",
                        stage.grpo.reply_tokens);
      remedy += "lower 'length_target'";
    } else if (name == "safety" && !traits.has_safety) {
      why = "finds no problem about refusing (verifier 'refusal')";
      remedy += "add a source of kind safety";
    } else if (name == "helpful" && !traits.has_open_question) {
      why = "finds only problems that a rule verifies";
      remedy += "add general questions";
    } else {
      continue;
    }
    // Judges may have other ideas of what they judge; rules do not.
    const bool is_certain = name != "helpful" && name != "safety";
    findings.add({is_certain ? Severity::error : Severity::warning, "reward", stage.name, "",
                  fmt::format("the reward part '{}' can never fire: it {}", name, why), remedy});
  }
}

}  // namespace weir
