#include "stages/rewards.h"

#include <algorithm>
#include <cmath>

#include "stages/guard_reward.h"

namespace weir {
namespace {

// Equal rewards differ from their mean by rounding: what is smaller than this is no deviation.
constexpr double kDeviationMin = 1e-9;

// (value - mean) / (deviation of a sample + 1e-4); equal values become 0, exactly.
void normalize(std::vector<double>& values) {
  constexpr double kAdded = 1e-4;
  const double count = double(values.size());
  double sum = 0, squares = 0;
  for (double v : values) sum += v;
  const double mean = values.empty() ? 0 : sum / count;
  for (double v : values) squares += (v - mean) * (v - mean);
  const double deviation = count > 1 ? std::sqrt(squares / (count - 1)) : 0;
  for (double& v : values) v = deviation < kDeviationMin ? 0 : (v - mean) / (deviation + kAdded);
}

bool counts_for(const RewardPart& part, const std::string& name, const Problem& problem) {
  if (!part.families.empty())
    return std::find(part.families.begin(), part.families.end(), problem.family) !=
           part.families.end();
  return name != "accuracy" || !problem.verifier.empty();
}

double rule_value(const std::string& name, const Rollout& rollout, const GrpoRecipe& recipe) {
  if (name == "accuracy") return rollout.is_right() ? 1 : 0;
  if (name == "format") return rollout.reply.is_well_formed ? 1 : 0;
  if (name == "language") return rollout.language;
  if (recipe.length_target <= 0) return 0;
  const double excess = rollout.reply.thinking_tokens - recipe.length_target;
  return -std::clamp(excess / recipe.length_target, 0.0, 1.0);
}

}  // namespace

Result<std::vector<RewardedReply>> RewardFunction::evaluate(std::span<const Problem> problems,
                                                            std::span<const Rollout> rollouts,
                                                            double progress) const {
  std::vector<RewardedReply> replies(rollouts.size());
  for (size_t p = 0; p < kRewardParts.size(); ++p) {
    const std::string name = kRewardParts[p];
    auto found = recipe_.rewards.find(name);
    if (found == recipe_.rewards.end()) continue;
    const RewardPart& part = found->second;
    if (part.weight == 0 || progress < part.from) continue;
    std::vector<JudgedReply> judged;
    std::vector<size_t> places;
    for (size_t i = 0; i < rollouts.size(); ++i) {
      const Rollout& rollout = rollouts[i];
      const Problem& problem = problems[rollout.problem];
      if (!counts_for(part, name, problem)) continue;
      replies[i].counts[p] = true;
      if (part.model.empty() && part.policy.empty())
        replies[i].parts[p] = rule_value(name, rollout, recipe_);
      else if (rollout.reply.is_ended || !part.policy.empty())
        judged.push_back({&problem, &rollout.reply}), places.push_back(i);
    }
    if (!judged.empty()) {
      const std::vector<double> scores =
          TRY(part.policy.empty() ? judges_.models.at(part.model)->judge(judged)
                                  : judges_.guard->judge(judged));
      for (size_t i = 0; i < places.size(); ++i) replies[places[i]].parts[p] = scores[i];
    }
    for (RewardedReply& reply : replies)
      reply.reward += part.weight * std::clamp(reply.parts[p], -part.cap, part.cap);
  }
  return replies;
}

std::vector<double> advantages_apart(std::span<const RewardedReply> replies,
                                     std::span<const size_t> groups, const GrpoRecipe& recipe) {
  std::vector<double> result(replies.size());
  for (size_t begin = 0, end; begin < replies.size(); begin = end) {
    for (end = begin; end < replies.size() && groups[end] == groups[begin];) ++end;
    for (const auto& [name, part] : recipe.rewards) {
      const size_t p =
          size_t(std::find(kRewardParts.begin(), kRewardParts.end(), name) - kRewardParts.begin());
      std::vector<double> values;
      std::vector<size_t> places;
      for (size_t i = begin; i < end; ++i)
        if (replies[i].counts[p]) {
          values.push_back(std::clamp(replies[i].parts[p], -part.cap, part.cap));
          places.push_back(i);
        }
      normalize(values);
      for (size_t i = 0; i < places.size(); ++i) result[places[i]] += part.weight * values[i];
    }
  }
  normalize(result);
  return result;
}

std::vector<double> advantages(std::span<const double> rewards, std::span<const size_t> groups,
                               AdvantageScale scale) {
  std::vector<double> result(rewards.size());
  double all_squares = 0;
  for (size_t begin = 0, end; begin < rewards.size(); begin = end) {
    double sum = 0, squares = 0;
    for (end = begin; end < rewards.size() && groups[end] == groups[begin]; ++end)
      sum += rewards[end];
    const double mean = sum / double(end - begin);
    for (size_t i = begin; i < end; ++i) {
      result[i] = rewards[i] - mean;
      squares += result[i] * result[i];
    }
    all_squares += squares;
    const double deviation = std::sqrt(squares / double(end - begin));
    const double divisor = scale == AdvantageScale::group ? deviation : 1;
    for (size_t i = begin; i < end; ++i)
      result[i] = deviation < kDeviationMin ? 0 : result[i] / divisor;
  }
  const double deviation = rewards.empty() ? 0 : std::sqrt(all_squares / double(rewards.size()));
  if (scale == AdvantageScale::batch && deviation >= kDeviationMin)
    for (double& a : result) a /= deviation;
  return result;
}

}  // namespace weir
