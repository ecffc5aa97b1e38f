#include "r1/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/progress.h"

namespace weir {
namespace {

constexpr int kProblemsAtOnce = 64;
constexpr int64_t kSearchFactor = 20;  // problems looked at for one that has a verifier

Result<std::vector<Problem>> pick_problems(const Mixture& data, uint64_t seed, int count) {
  std::vector<Problem> problems;
  for (int64_t i = 0; int64_t(problems.size()) < count; ++i) {
    if (i >= kSearchFactor * count)
      return Error{"samples: hardly any of the problems has a verifier, so no reply can be judged; "
                   "name other sources in 'samples.data'"};
    Problem problem = TRY(data.make(seed, Split::train, uint64_t(i)));
    if (!problem.verifier.empty()) problems.push_back(std::move(problem));
  }
  return problems;
}

SampledReply make_sample(const Problem& problem, const Rollout& rollout) {
  SampledReply sample;
  sample.problem = problem;
  sample.has_gold = problem.has_reply();
  if (sample.has_gold) sample.gold = problem.messages.back();
  sample.problem.messages = problem.question();
  const ParsedReply& parsed = rollout.reply;
  sample.problem.messages.push_back(
      {Role::assistant, parsed.answer, parsed.thinking, parsed.has_thinking});
  sample.problem.style = "sampled";
  sample.is_right = rollout.is_right();
  sample.is_well_formed = parsed.is_well_formed;
  sample.language = rollout.language;
  return sample;
}

}  // namespace

std::string SampleCounts::text() const {
  return fmt::format("{} replies drawn: {} kept, {} wrong, {} badly formed, {} in mixed language, {} "
                     "beyond what a problem needs",
                     drawn, kept, wrong, malformed, mixed_language, repeated);
}

Result<std::vector<SampledReply>> draw_samples(const R1Context& context, const StageRecipe& stage,
                                               const Mixture& data, const Model& model) {
  const ReplySamplesRecipe& recipe = stage.samples;
  const uint64_t seed = stage_seed(context, stage.name, "samples");
  std::vector<Problem> problems = TRY(pick_problems(data, seed, recipe.problems));
  GeneratorOptions options;
  options.sequences_max = kProblemsAtOnce * 4;
  std::unique_ptr<Generator> generator =
      TRY(Generator::create(model, context.tokenizer, context.pool, options));
  Verifiers verifiers;
  std::vector<SampledReply> samples;
  Progress progress("drawing replies", double(problems.size()), "problems");
  for (size_t begin = 0; begin < problems.size(); begin += kProblemsAtOnce) {
    const size_t count = std::min(problems.size() - begin, size_t(kProblemsAtOnce));
    const std::span<const Problem> part(problems.data() + begin, count);
    RolloutOptions draw{recipe.per_problem, recipe.reply_tokens, recipe.temperature, 1, seed,
                        begin * uint64_t(recipe.per_problem)};
    std::vector<Rollout> rollouts =
        TRY(roll_out(*generator, context.format, verifiers, part, draw, context.pool));
    if (rollouts.empty()) return std::vector<SampledReply>();
    for (const Rollout& rollout : rollouts)
      samples.push_back(make_sample(part[rollout.problem], rollout));
    progress.update(double(begin + count));
  }
  return samples;
}

std::vector<Problem> keep_good(const std::vector<SampledReply>& samples,
                               const ReplySamplesRecipe& recipe, SampleCounts& counts) {
  std::vector<Problem> kept;
  const size_t group = size_t(recipe.per_problem);
  for (size_t begin = 0; begin < samples.size(); begin += group) {
    std::vector<const SampledReply*> good;
    for (size_t i = begin; i < std::min(begin + group, samples.size()); ++i) {
      const SampledReply& sample = samples[i];
      ++counts.drawn;
      if (!sample.is_right)
        ++counts.wrong;
      else if (!sample.is_well_formed)
        ++counts.malformed;
      else if (sample.language < recipe.language_min)
        ++counts.mixed_language;
      else
        good.push_back(&sample);
    }
    std::ranges::stable_sort(good, {}, [](const SampledReply* s) {
      return s->problem.messages.back().thinking.size();
    });
    std::set<std::pair<std::string, std::string>> seen;
    for (const SampledReply* sample : good) {
      const Message& reply = sample->problem.messages.back();
      if (int(seen.size()) < recipe.keep && seen.insert({reply.thinking, reply.content}).second)
        kept.push_back(sample->problem);
      else
        ++counts.repeated;
    }
  }
  counts.kept = int64_t(kept.size());
  return kept;
}

Json sample_json(const SampledReply& sample) {
  Json messages = Json::array();
  for (const Message& message : sample.problem.messages) {
    Json one = Json::object();
    one.set("role", role_name(message.role));
    one.set("content", message.content);
    if (message.has_thinking) one.set("reasoning_content", message.thinking);
    messages.push(std::move(one));
  }
  Json json = Json::object();
  json.set("messages", std::move(messages));
  json.set("family", sample.problem.family);
  json.set("difficulty", sample.problem.difficulty);
  json.set("language", sample.problem.language);
  json.set("verifier", sample.problem.verifier);
  json.set("gold", sample.problem.gold);
  json.set("right", sample.is_right);
  return json;
}

}  // namespace weir
