#include "stages/rejection.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr int kProblemsAtOnce = 64;
constexpr int64_t kSearchFactor = 20;  // problems looked at for one that has a verifier

Result<std::vector<Problem>> pick_problems(const Mixture& data, uint64_t seed, int count) {
  std::vector<Problem> problems;
  for (int64_t i = 0; int64_t(problems.size()) < count; ++i) {
    if (i >= kSearchFactor * count)
      return Error{
          "samples: hardly any of the problems has a verifier, so no reply can be judged; "
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
  return fmt::format(
      "{} replies drawn: {} kept, {} wrong, {} badly formed, {} in mixed language, {} "
      "beyond what a problem needs",
      drawn, kept, wrong, malformed, mixed_language, repeated);
}

Result<std::vector<SampledReply>> draw_samples(const R1Context& context, const StageRecipe& stage,
                                               const Mixture& data, const Model& model) {
  const ReplySamplesRecipe& recipe = stage.samples;
  const uint64_t seed = stage_seed(context, stage.name, "samples");
  std::vector<Problem> problems = TRY(pick_problems(data, seed, recipe.problems));
  EngineOptions options;
  options.sequences_max = kProblemsAtOnce * 4;
  options.joins_equal = true;
  options.exact = learns_exactly(model);
  std::unique_ptr<Generator> generator =
      TRY(Generator::create(model, context.tokenizer, context.pool, options));
  Verifiers verifiers;
  std::vector<SampledReply> samples;
  for (size_t begin = 0; begin < problems.size(); begin += kProblemsAtOnce) {
    const size_t count = std::min(problems.size() - begin, size_t(kProblemsAtOnce));
    const std::span<const Problem> part(problems.data() + begin, count);
    RolloutOptions draw{recipe.per_problem,
                        recipe.reply_tokens,
                        recipe.temperature,
                        1,
                        seed,
                        begin * uint64_t(recipe.per_problem)};
    std::vector<Rollout> rollouts =
        TRY(roll_out(*generator, context.format, verifiers, part, draw, context.pool));
    if (rollouts.empty()) return std::vector<SampledReply>();
    for (const Rollout& rollout : rollouts)
      samples.push_back(make_sample(part[rollout.problem], rollout));
    context.activity("drawing replies", double(begin + count), double(problems.size()));
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
    std::ranges::stable_sort(
        good, {}, [](const SampledReply* s) { return s->problem.messages.back().thinking.size(); });
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

namespace {

Json message_json(const Message& message) {
  Json json = Json::object();
  json.set("role", role_name(message.role));
  json.set("content", message.content);
  if (message.has_thinking) json.set("reasoning_content", message.thinking);
  return json;
}

Result<Message> parse_message(const Json& json) {
  Message message;
  const std::string role = TRY(json.string_at("role"));
  bool is_known = false;
  for (Role one : {Role::system, Role::user, Role::assistant})
    if (role == role_name(one)) message.role = one, is_known = true;
  if (!is_known)
    return Error{fmt::format("'role': '{}' is not system, user or assistant", printable(role))};
  message.content = TRY(json.string_at("content"));
  message.has_thinking = json.find("reasoning_content") != nullptr;
  if (message.has_thinking) message.thinking = TRY(json.string_at("reasoning_content"));
  return message;
}

Json sample_json(const SampledReply& sample) {
  const Problem& problem = sample.problem;
  Json messages = Json::array();
  for (const Message& message : problem.messages) messages.push(message_json(message));
  Json json = Json::object();
  json.set("messages", std::move(messages));
  json.set("family", problem.family);
  json.set("difficulty", problem.difficulty);
  json.set("language", problem.language);
  json.set("verifier", problem.verifier);
  json.set("gold", problem.gold);
  json.set("place", problem.place);
  json.set("right", sample.is_right);
  json.set("well_formed", sample.is_well_formed);
  json.set("language_share", sample.language);
  if (sample.has_gold) json.set("gold_reply", message_json(sample.gold));
  if (problem.has_rejected) json.set("rejected", message_json(problem.rejected));
  return json;
}

Result<SampledReply> parse_sample(std::string_view line) {
  const Json json = TRY(parse_json(line));
  SampledReply sample;
  const Json* messages = TRY(json.at("messages"));
  for (const Json& message : messages->items())
    sample.problem.messages.push_back(TRY(parse_message(message)));
  if (!sample.problem.has_reply()) return Error{"the conversation does not end with a reply"};
  sample.problem.family = TRY(json.string_at("family"));
  sample.problem.difficulty = int(TRY(json.int_at("difficulty")));
  sample.problem.language = TRY(json.string_at("language"));
  sample.problem.verifier = TRY(json.string_at("verifier"));
  sample.problem.gold = TRY(json.string_at("gold"));
  sample.problem.place = TRY(json.string_at("place"));
  sample.problem.style = "sampled";
  sample.is_right = TRY(json.bool_at("right"));
  sample.is_well_formed = TRY(json.bool_at("well_formed"));
  sample.language = TRY(json.double_at("language_share"));
  if (const Json* gold = json.find("gold_reply")) {
    sample.gold = TRY(parse_message(*gold));
    sample.has_gold = true;
  }
  if (const Json* rejected = json.find("rejected")) {
    sample.problem.rejected = TRY(parse_message(*rejected));
    sample.problem.has_rejected = true;
  }
  return sample;
}

}  // namespace

Result<void> write_samples(const std::string& path, const std::vector<SampledReply>& samples) {
  std::string text;
  for (const SampledReply& sample : samples) text += sample_json(sample).dump() + "\n";
  return write_file_atomic(path, text);
}

Result<std::vector<SampledReply>> read_samples(const std::string& path) {
  const std::string text = TRY(read_file(path));
  std::vector<SampledReply> samples;
  size_t number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    if (!line.empty())
      samples.push_back(TRY_IN(fmt::format("{}:{}", path, number), parse_sample(line)));
  }
  return samples;
}

}  // namespace weir
