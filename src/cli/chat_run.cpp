#include "cli/chat_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr int64_t kLookedAt = 50;  // problems of a source

constexpr int kDrawsMax = 1000;                   // until a problem of the family is found
constexpr uint64_t kIndices = uint64_t(1) << 20;  // of an endless source

}  // namespace

Result<RunStage> ChatRun::choose(const std::string& name) {
  const std::vector<RunStage> stages = TRY(list_run_stages(folder_));
  return RunStage(*TRY(choose_stage(stages, name)));
}

Result<std::string> ChatRun::table(const std::string& current) {
  std::string text;
  for (const RunStage& stage : TRY(list_run_stages(folder_))) {
    std::string note = headline_score(stage.scores);
    if (!stage.is_finished)
      note = "not finished";
    else if (!stage.is_chat())
      note = "judges replies, cannot be talked to";
    std::string line = fmt::format("{} {:<16} {:<9} {}", stage.name == current ? '*' : ' ',
                                   printable(stage.name), printable(stage.kind), note);
    while (line.ends_with(' ')) line.pop_back();
    text += line + "\n";
  }
  return text;
}

Result<bool> ChatRun::knows_turns() {
  if (!file_exists(join_path(folder_, "recipe.yaml"))) return true;
  TRY(read_recipe());
  for (const StageRecipe& stage : recipe_->stages) {
    if (stage.tuning.turns > 1) return true;
    for (const Mixture::Source& source : stage.data.sources()) {
      const int64_t count = source.set->count(Split::train);
      for (int64_t p = 0; p < (count < 0 ? kLookedAt : std::min(count, kLookedAt)); ++p) {
        const Problem problem = TRY(source.set->make(0, Split::train, uint64_t(p)));
        if (std::ranges::count(problem.messages, Role::user, &Message::role) > 1) return true;
      }
    }
  }
  return false;
}

Result<void> ChatRun::read_recipe() {
  if (recipe_) return {};
  const Recipe file = TRY(Recipe::read(join_path(folder_, "recipe.yaml")));
  auto recipe = std::make_unique<R1Recipe>(TRY(read_r1_recipe(file)));
  for (const EvaluationSet& set : recipe->evaluation.sets)
    sources_.push_back({set.name, set.set.get()});
  if (sources_.empty())
    for (const StageRecipe& stage : recipe->stages)
      for (const Mixture::Source& source : stage.data.sources())
        sources_.push_back({source.name, source.set.get()});
  std::erase_if(sources_, [](const Source& s) { return s.set->count(Split::held_out) == 0; });
  recipe_ = std::move(recipe);
  return {};
}

Result<Problem> ChatRun::draw(const std::string& family, uint64_t number) {
  TRY(read_recipe());
  if (sources_.empty()) return Error{"the run's recipe has no held-out problems"};
  std::set<std::string> known;
  Random random(uint64_t(recipe_->seed), number);
  for (int i = 0; i < kDrawsMax; ++i) {
    const Source& source = sources_[size_t(random.below(sources_.size()))];
    const int64_t count = source.set->count(Split::held_out);
    const uint64_t index = random.below(count < 0 ? kIndices : uint64_t(count));
    Problem problem =
        TRY_IN(source.name, source.set->make(uint64_t(recipe_->seed), Split::held_out, index));
    if (family.empty() || family == source.name || family == problem.family) return problem;
    known.insert(source.name);
    known.insert(problem.family);
  }
  const std::vector<std::string> names(known.begin(), known.end());
  const std::string near = nearest_word(family, names);
  return Error{fmt::format("no held-out problem is of the family '{}'; {}", printable(family),
                           near.empty() ? fmt::format("there are: {}", fmt::join(names, ", "))
                                        : "did you mean '" + near + "'?")};
}

Result<std::string> ChatRun::judge(const Problem& problem, const std::string& answer) {
  if (problem.verifier.empty()) return std::string("not checked: the problem has no verifier");
  const Verifier* verifier = TRY(verifiers_.of(problem));
  return fmt::format("{} (gold: {})", verdict_name(verifier->check(answer, problem.gold)),
                     printable(problem.gold));
}

}  // namespace weir
