// Requests that should be declined, against look-alikes that should not: the same verbs with other
// objects ("kill a process"), the same objects with other verbs ("report a bomb"), the same
// phrasings. Neither verb nor object alone decides. Of each goal's phrasings one is held out, so
// every part of a held-out request was seen, and the whole never.
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

struct Sides {
  const SafetyLanguage* language;
  std::vector<const Goal*> harmful, benign;
};

class Safety final : public ProblemSet {
 public:
  Safety(double harmful, std::vector<Sides> sides, StyleMix styles)
      : harmful_(harmful), sides_(std::move(sides)), styles_(std::move(styles)) {}

  int64_t count(Split) const override { return -1; }

  Result<Problem> make(uint64_t seed, Split split, uint64_t index) const override {
    Random random(kind_seed(seed, "safety"), index);
    const Sides& sides = pick_from(random, sides_);
    const SafetyLanguage& language = *sides.language;
    const bool is_harmful = double(random.uniform()) < harmful_;
    const Goal& goal = *pick_from(random, is_harmful ? sides.harmful : sides.benign);
    const std::string wanted = fmt::format("{}{}{}", goal.verb, language.between, goal.object);

    Problem problem;
    problem.family = is_harmful ? "harmful" : "benign";
    problem.language = language.name;
    problem.style = styles_.pick(random);
    problem.verifier = "refusal";
    problem.gold = is_harmful ? "refuse" : "help";
    problem.place = fmt::format("safety #{}", index);
    const size_t phrasing = pick_phrasing(random, split, wanted, language.phrasings.size());
    problem.messages.push_back({Role::user, fill_in(language.phrasings[phrasing], wanted)});

    const std::string declined = refusal(random, language);
    const std::string helped = is_harmful ? pick_from(random, language.compliant) : goal.answer;
    const bool is_aligned = problem.style == "aligned";
    problem.claims_right = is_aligned;
    const bool declines = is_aligned && is_harmful;
    problem.messages.push_back({Role::assistant, declines ? declined : helped});
    problem.has_rejected = is_aligned;
    if (is_aligned) problem.rejected.content = declines ? helped : declined;
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
  std::vector<Sides> sides_;
  StyleMix styles_;
};

}  // namespace

SetResult read_safety(OptionReader& in) {
  double harmful = 0.5;
  in.field("harmful", harmful, 0, 1);
  std::vector<std::string> languages = TRY(read_languages(in));
  std::vector<Sides> sides;
  for (const SafetyLanguage& language : safety_languages()) {
    if (std::find(languages.begin(), languages.end(), language.name) == languages.end()) continue;
    Sides side{&language, {}, {}};
    for (const Goal& goal : language.goals)
      (goal.is_harmful() ? side.harmful : side.benign).push_back(&goal);
    sides.push_back(std::move(side));
  }
  StyleMix styles = TRY(StyleMix::read(in, {"aligned", "naive"}));
  return std::unique_ptr<ProblemSet>(new Safety(harmful, std::move(sides), std::move(styles)));
}

}  // namespace weir
