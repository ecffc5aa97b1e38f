#include "stages/experience.h"

#include <algorithm>
#include <numeric>

#include "base/random.h"

namespace weir {
namespace {

constexpr int kCurriculumTries = 8;

// Whether the replies of a group are worth the same; with parts normalised apart, in every part.
bool is_uniform(std::span<const RewardedReply> group, bool apart) {
  const RewardedReply& first = group.front();
  return std::ranges::all_of(group, [&](const RewardedReply& reply) {
    return reply.reward == first.reward && (!apart || reply.parts == first.parts);
  });
}

template <class Number>
Json array_of(const std::vector<Number>& values) {
  Json array = Json::array();
  for (Number value : values) array.push(Json(value));
  return array;
}

}  // namespace

void ReplyTally::add(const Rollout& rollout, const RewardedReply& rewarded, bool has_verifier) {
  ++replies;
  if (has_verifier) {
    truncated += rollout.is_truncated;
    right += rollout.is_right();
    wrong += !rollout.is_truncated && rollout.verdict == Verdict::wrong;
    unparseable += !rollout.is_truncated && rollout.verdict == Verdict::unparseable;
  }
  thinking += rollout.reply.thinking_tokens;
  reward += rewarded.reward;
  for (float log : rollout.completion.policy_log_probabilities) negative_log -= double(log);
  tokens += int64_t(rollout.completion.tokens.size());
  for (size_t p = 0; p < parts.size(); ++p)
    if (rewarded.counts[p]) parts[p] += rewarded.parts[p], ++counted[p];
}

void ReplyTally::describe(Json& metrics) const {
  const auto mean = [](double sum, int64_t count) { return count > 0 ? sum / double(count) : 0.0; };
  metrics.set("reward", mean(reward, replies));
  for (size_t p = 0; p < kRewardParts.size(); ++p)
    if (counted[p] > 0)
      metrics.set(std::string("reward_") + kRewardParts[p], mean(parts[p], counted[p]));
  metrics.set("accuracy", mean(double(right), right + wrong + unparseable + truncated));
  metrics.set("right", right);
  metrics.set("wrong", wrong);
  metrics.set("unparseable", unparseable);
  metrics.set("truncated", truncated);
  metrics.set("thinking_tokens", mean(thinking, replies));
  metrics.set("reply_tokens", mean(double(tokens), replies));
  metrics.set("entropy", mean(negative_log, tokens));
  metrics.set("uniform_groups", mean(double(uniform_groups), groups));
  if (guessed > 0) {
    metrics.set("guessed_tokens", guessed);
    metrics.set("accepted_tokens", accepted);
  }
}

std::string Experience::record(double temperature) const {
  std::string lines;
  for (size_t i = 0; i < rollouts.size(); ++i) {
    const Rollout& rollout = rollouts[i];
    const Completion& completion = rollout.completion;
    std::vector<int> experts(completion.experts.begin(), completion.experts.end());
    std::vector<double> logs(completion.policy_log_probabilities.begin(),
                             completion.policy_log_probabilities.end());
    Json line = Json::object();
    line.set("place", problems[rollout.problem].place);
    line.set("temperature", temperature);
    line.set("prompt", array_of(rollout.prompt));
    line.set("tokens", array_of(completion.tokens));
    line.set("log_probabilities", array_of(logs));
    if (!experts.empty()) line.set("experts", array_of(experts));
    line.set("reward", rewards[i].reward);
    line.set("advantage", advantage[i]);
    line.set("outcome", outcome_name(rollout));
    lines += line.dump() + "\n";
  }
  return lines;
}

ExperienceSource::ExperienceSource(const R1Context& context, const StageRecipe& stage,
                                   int64_t steps, RewardJudges judges,
                                   std::unique_ptr<Generator> generator)
    : context_(context),
      stage_(stage),
      recipe_(stage.grpo),
      steps_(steps),
      rewards_(recipe_, std::move(judges)),
      generator_(std::move(generator)) {}

// The next problem of the stage's stream; with a curriculum the first of a few that is worth it.
Result<Problem> ExperienceSource::next_problem() {
  const uint64_t seed = stage_seed(context_, stage_.name, "data");
  for (int tries = 0;; ++tries) {
    const uint64_t index = uint64_t(next_++);
    Problem problem = TRY(stage_.data.make(seed, Split::train, index));
    Random random(seed ^ 2, index);
    if (!recipe_.curriculum || tries == kCurriculumTries || curriculum_.accepts(problem, random))
      return problem;
  }
}

Result<std::vector<Problem>> ExperienceSource::next_problems(int count) {
  std::vector<Problem> problems;
  for (int i = 0; i < count; ++i) problems.push_back(TRY(next_problem()));
  return problems;
}

Result<std::vector<Rollout>> ExperienceSource::draw(std::span<const Problem> problems,
                                                    ReplyTally& tally) {
  RolloutOptions options;
  options.samples = recipe_.group;
  options.reply_tokens = recipe_.reply_tokens;
  options.temperature = recipe_.temperature;
  options.seed = stage_seed(context_, stage_.name, "rollouts");
  options.stream = uint64_t(stream_);
  options.records_experts = true;
  stream_ += int64_t(problems.size()) * recipe_.group;
  const GenerateStatistics before = generator_->statistics();
  std::vector<Rollout> rollouts =
      TRY(roll_out(*generator_, context_.format, verifiers_, problems, options, context_.pool));
  tally.guessed += generator_->statistics().drafted_tokens - before.drafted_tokens;
  tally.accepted += generator_->statistics().accepted_tokens - before.accepted_tokens;
  return rollouts;
}

Result<Experience> ExperienceSource::gather(int64_t step) {
  Experience kept;
  const double progress = double(step) / double(std::max<int64_t>(steps_, 1));
  const int rounds = recipe_.skips_uniform ? 1 + recipe_.extra_rounds : 1;
  for (int round = 0; round < rounds; ++round) {
    const int missing = recipe_.prompts - int(kept.problems.size());
    if (missing <= 0) break;
    std::vector<Problem> problems = TRY(next_problems(missing));
    std::vector<Rollout> rollouts = TRY(draw(problems, kept.tally));
    kept.is_stopped = rollouts.empty();
    if (kept.is_stopped) return kept;
    std::vector<RewardedReply> rewards = TRY(rewards_.evaluate(problems, rollouts, progress));
    keep(std::move(problems), std::move(rollouts), std::move(rewards), round + 1 == rounds, kept);
  }
  std::vector<double> rewards;
  std::vector<size_t> groups;
  for (size_t i = 0; i < kept.rollouts.size(); ++i) {
    rewards.push_back(kept.rewards[i].reward);
    groups.push_back(kept.rollouts[i].problem);
  }
  kept.advantage = normalizes_apart() ? advantages_apart(kept.rewards, groups, recipe_)
                                      : advantages(rewards, groups, recipe_.scale);
  return kept;
}

// Counts everything, keeps the groups that teach. When the last round has none either, its last
// group is kept, so that a step is never empty.
void ExperienceSource::keep(std::vector<Problem> problems, std::vector<Rollout> rollouts,
                            std::vector<RewardedReply> rewards, bool is_last_round,
                            Experience& kept) {
  const size_t group = size_t(recipe_.group);
  for (size_t p = 0; p < problems.size(); ++p) {
    const size_t begin = p * group;
    const bool teaches_nothing =
        is_uniform(std::span(rewards).subspan(begin, group), normalizes_apart());
    const bool has_verifier = !problems[p].verifier.empty();
    int64_t right = 0;
    for (size_t i = begin; i < begin + group; ++i) {
      right += rollouts[i].is_right();
      kept.tally.add(rollouts[i], rewards[i], has_verifier);
    }
    if (has_verifier) curriculum_.observe(problems[p], double(right) / double(group));
    ++kept.tally.groups;
    kept.tally.uniform_groups += teaches_nothing;
    const bool is_last_hope = is_last_round && kept.problems.empty() && p + 1 == problems.size();
    if (teaches_nothing && recipe_.skips_uniform && !is_last_hope) continue;
    std::vector<double> values;
    for (size_t i = begin; i < begin + group; ++i) values.push_back(rewards[i].reward);
    for (size_t chosen : most_varied(values, size_t(recipe_.learn_from))) {
      const size_t i = begin + chosen;
      rollouts[i].problem = kept.problems.size();
      kept.rollouts.push_back(std::move(rollouts[i]));
      kept.rewards.push_back(rewards[i]);
    }
    kept.problems.push_back(std::move(problems[p]));
  }
}

std::vector<size_t> most_varied(std::span<const double> rewards, size_t count) {
  std::vector<size_t> order(rewards.size());
  std::iota(order.begin(), order.end(), size_t(0));
  if (count == 0 || count >= rewards.size()) return order;
  std::ranges::stable_sort(order, {}, [&](size_t i) { return rewards[i]; });
  // The variance of the `low` lowest and the other highest, for every split.
  const auto variance = [&](size_t low) {
    double sum = 0, squares = 0;
    for (size_t k = 0; k < count; ++k) {
      const double r = rewards[order[k < low ? k : rewards.size() - count + k]];
      sum += r, squares += r * r;
    }
    return squares / double(count) - sum * sum / double(count * count);
  };
  size_t best = 0;
  for (size_t low = 1; low <= count; ++low)
    if (variance(low) > variance(best)) best = low;
  order.erase(order.begin() + ptrdiff_t(best),
              order.begin() + ptrdiff_t(rewards.size() - count + best));
  std::ranges::sort(order);
  return order;
}

Json ExperienceSource::cursor() const {
  Json json = Json::object();
  json.set("next", next_);
  json.set("stream", stream_);
  json.set("pass_rates", curriculum_.json());
  return json;
}

Result<void> ExperienceSource::restore(const Json& cursor) {
  next_ = TRY(cursor.int_at("next"));
  stream_ = TRY(cursor.int_at("stream"));
  const Json* rates = TRY(cursor.at("pass_rates"));
  return curriculum_.restore(*rates);
}

}  // namespace weir
