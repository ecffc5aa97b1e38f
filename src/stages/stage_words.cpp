#include "stages/stage_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace weir {
namespace {

constexpr size_t kNamesMax = 6;

// "sums, words and facts".
std::string list_of(const Mixture& data) {
  std::vector<std::string> names;
  for (const Mixture::Source& source : data.sources()) names.push_back(source.name);
  if (names.size() > kNamesMax) {
    names.resize(kNamesMax - 1);
    names.push_back("others");
  }
  if (names.empty()) return "";
  const std::string last = names.back();
  names.pop_back();
  return names.empty() ? last : fmt::format("{} and {}", fmt::join(names, ", "), last);
}

std::string tuning_sentence(const StageRecipe& stage) {
  if (stage.samples.from.empty())
    return fmt::format("learns to reply as the examples do: {}", list_of(stage.data));
  const std::string beside =
      stage.data.empty() ? "" : fmt::format(", with {} beside", list_of(stage.data));
  return fmt::format(
      "asks {} for {} replies to each of {} problems, keeps the right ones and learns "
      "from them{}",
      stage.samples.from, stage.samples.per_problem, stage.samples.problems, beside);
}

}  // namespace

std::string stage_sentence(const StageRecipe& stage) {
  if (!stage.about.empty()) return stage.about;
  switch (stage.kind) {
    case StageKind::pretrain:
      return fmt::format("reads {}, and learns to predict each next token", list_of(stage.data));
    case StageKind::sft:
      return tuning_sentence(stage);
    case StageKind::grpo:
      return fmt::format(
          "tries {} answers to each of {} questions a step, and learns from those "
          "that earn more than the others",
          stage.grpo.group, stage.grpo.prompts);
    case StageKind::reward:
      return stage.reward.judges == JudgeKind::safety
                 ? "learns to say whether a reply to a request is acceptable"
                 : "learns to say which of two answers is the better one";
    case StageKind::dpo:
      return "learns to prefer the better one of two replies to a question";
    case StageKind::distill:
      return stage.distill.source == DistillSource::student
                 ? "learns on its own replies what a teacher would have said at each place"
                 : fmt::format("learns a teacher's distributions on {}", list_of(stage.data));
  }
  return "";
}

}  // namespace weir
