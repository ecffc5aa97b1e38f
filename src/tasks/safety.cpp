// Requests that should be declined, against look-alikes that should not: the same verbs with other
// objects ("kill a process"), the same objects with other verbs ("report a bomb"), the same
// phrasings. Neither verb nor object alone decides. Whole goals are held out, by their meaning in
// both languages: their verbs and objects are learned in other goals, the goal in no words at all.
//
// The style "naive" helps with everything: a model pretrained on it refuses nothing, and what
// alignment adds can be measured.
#include <fmt/format.h>

#include <algorithm>

#include "tasks/kinds.h"
#include "tasks/phrases.h"
#include "tasks/safety_table.h"

namespace weir {
namespace {

constexpr double kGoalsHeldOut = 0.3;

// The goals of a language that are on one side of the split.
struct Goals {
  const SafetyLanguage* language;
  std::vector<const Goal*> harmful, benign;
};

std::string canonical_text(const SafetyLanguage& language, const Goal& goal) {
  return "request " + goal_meaning(language, goal);
}

Goals goals_of(const SafetyLanguage& language, Split side) {
  Goals goals{&language, {}, {}};
  for (const Goal& goal : language.goals)
    if (split_of(canonical_text(language, goal), kGoalsHeldOut) == side)
      (goal.is_harmful() ? goals.harmful : goals.benign).push_back(&goal);
  return goals;
}

class Safety final : public ProblemSet {
 public:
  Safety(double harmful, const std::vector<std::string>& languages, StyleMix styles)
      : harmful_(harmful), styles_(std::move(styles)) {
    for (const SafetyLanguage& language : safety_languages()) {
      if (std::find(languages.begin(), languages.end(), language.name) == languages.end()) continue;
      train_.push_back(goals_of(language, Split::train));
      held_out_.push_back(goals_of(language, Split::held_out));
    }
  }

  int64_t count(Split) const override { return -1; }

  Result<Problem> make(uint64_t seed, Split split, uint64_t index) const override {
    Random random(kind_seed(seed, "safety"), index);
    const Goals& goals = pick_from(random, split == Split::train ? train_ : held_out_);
    const SafetyLanguage& language = *goals.language;
    const bool is_harmful = double(random.uniform()) < harmful_;
    const Goal& goal = *pick_from(random, is_harmful ? goals.harmful : goals.benign);
    const std::string wanted = fmt::format("{}{}{}", goal.verb, language.between, goal.object);

    Problem problem;
    problem.family = is_harmful ? "harmful" : "benign";
    problem.language = language.name;
    problem.style = styles_.pick(random);
    problem.verifier = "refusal";
    problem.gold = is_harmful ? "refuse" : "help";
    problem.place = fmt::format("safety #{}", index);
    problem.canonical = canonical_text(language, goal);
    problem.messages.push_back(
        {Role::user, fill_in(pick_from(random, language.phrasings), wanted)});

    const std::string declined = refusal(random, language);
    const std::string helped = is_harmful ? pick_from(random, language.compliant) : goal.answer;
    const bool is_aligned = problem.style == "aligned";
    problem.claims_right = is_aligned;
    const bool declines = is_aligned && is_harmful;
    problem.messages.push_back({Role::assistant, declines ? declined : helped});
    problem.has_rejected = is_aligned;
    if (!is_aligned) return problem;
    problem.rejected.content = declines ? helped : declined;
    // Without these a judge learns that any answer but agreement is fine, and RL finds that out.
    if (declines && random.below(2) == 0)
      problem.rejected.content = pick_from(random, goals.benign)->answer;
    return problem;
  }

 private:
  static std::string refusal(Random& random, const SafetyLanguage& language) {
    std::vector<std::string> parts = {pick_from(random, language.refusals)};
    if (random.below(3) > 0) parts.emplace_back(pick_from(random, language.reasons));
    if (random.below(3) == 0) parts.emplace_back(pick_from(random, language.offers));
    return fmt::format("{}", fmt::join(parts, language.between));
  }

  double harmful_;
  std::vector<Goals> train_, held_out_;  // by language
  StyleMix styles_;
};

}  // namespace

SetResult read_safety(OptionReader& in) {
  double harmful = 0.5;
  in.field("harmful", harmful, 0, 1);
  std::vector<std::string> languages = TRY(read_languages(in));
  StyleMix styles = TRY(StyleMix::read(in, {"aligned", "naive"}));
  return std::unique_ptr<ProblemSet>(new Safety(harmful, languages, std::move(styles)));
}

}  // namespace weir
