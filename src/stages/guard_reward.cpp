#include "stages/guard_reward.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/sha256.h"
#include "base/text.h"
#include "verify/refusal.h"

namespace weir {
namespace {

bool needs_model(const Policy& policy) { return !policy.heads.empty() || policy.judge.is_asked(); }

// Nothing where it needs none; an error where there is none.
Result<std::string> model_of(const Policy& policy, const RewardPart& part,
                             const std::string& base) {
  if (!needs_model(policy)) return std::string();
  const std::string& model = part.model.empty() ? base : part.model;
  if (!model.empty()) return model;
  return Error{
      fmt::format("{}: has {}; name the model that they read with 'model' (a folder or a .gguf "
                  "file), or leave them out of the policy",
                  policy.path, policy.heads.empty() ? "a judge" : "heads")};
}

// Whether a text ends a reply.
bool is_stopped(const Guard& guard, const std::string& text, Direction direction) {
  return !text.empty() && ends_reply(guard.check(text, direction, {}).action);
}

// 1 or 0; negative: the problem does not say.
double known_risk(const Problem& problem) {
  if (problem.verifier != "refusal" && problem.verifier.rfind("guard", 0) != 0) return -1;
  const std::string_view gold = trim(problem.gold);
  return gold == "refuse" ? 1 : gold == "help" ? 0 : -1;
}

TextScorer::Text text_of(const Problem& problem, const std::string& answer) {
  TextScorer::Text text{Json::array(), answer};
  for (const Message& message : problem.question()) {
    Json one = Json::object();
    one.set("role", role_name(message.role));
    one.set("content", message.content);
    text.messages.push(std::move(one));
  }
  return text;
}

// Of a head's categories that end a reply.
double highest(const Policy& policy, std::span<const float> scores, const Head& head,
               Direction direction) {
  double high = 0;
  for (size_t k = 0; k < scores.size(); ++k) {
    const int category = policy.categories.find(head.categories()[k]);
    if (category >= 0 && ends_reply(policy.action(category, direction).action))
      high = std::max(high, double(scores[k]));
  }
  return high;
}

std::string last_text(const TextScorer::Text& text) {
  return text.messages.items().back().text_at("content");
}

}  // namespace

Result<std::unique_ptr<GuardReward>> GuardReward::open(const RewardPart& part,
                                                       const std::string& base, int threads) {
  Policy policy = TRY(Policy::read(part.policy));
  const std::string model = TRY(model_of(policy, part, base));
  std::unique_ptr<GuardReward> reward(new GuardReward(TRY(Guard::create(std::move(policy)))));
  if (!model.empty()) reward->scorer_ = TRY(TextScorer::open(reward->policy(), model, threads));
  return reward;
}

Result<void> GuardReward::ask_model(std::span<const TextScorer::Text> texts, Direction direction,
                                    std::vector<double>& known) {
  std::vector<TextScorer::Text> open;
  std::vector<size_t> places;
  for (size_t i = 0; i < texts.size(); ++i)
    if (known[i] < 0) open.push_back(texts[i]), places.push_back(i);
  for (const size_t place : places) known[place] = 0;
  if (!scorer_ || open.empty()) return {};
  const bool is_answer = direction == Direction::answer;
  const ProbeHead* head = is_answer ? scorer_->answer_head() : scorer_->prompt_head();
  std::vector<float> scores;
  if (head) scores = TRY(is_answer ? scorer_->answer_scores(open) : scorer_->prompt_scores(open));
  std::vector<JudgePrompt> questions;
  std::vector<size_t> asked;
  for (size_t i = 0; i < open.size(); ++i) {
    int category = -1;
    if (head) {
      const size_t size = head->categories().size();
      const auto own = std::span<const float>(scores).subspan(i * size, size);
      known[places[i]] = highest(policy(), own, *head, direction);
      if (policy().judge.is_asked())
        category = undecided_category(policy(), own, *head, scorer_->how(), direction, {});
    } else {
      category = judged_category(policy(), direction, {});
    }
    if (category < 0) continue;
    questions.push_back(judge_prompt(
        policy(), {direction, last_text(open[i]), is_answer ? open[i].answer : "", category}));
    asked.push_back(places[i]);
  }
  if (questions.empty()) return {};
  const std::vector<double> yes = TRY(scorer_->judge(questions));
  for (size_t i = 0; i < asked.size(); ++i) known[asked[i]] = yes[i];
  return {};
}

Result<std::vector<double>> GuardReward::judge(std::span<const JudgedReply> replies) {
  // Samples of one question share its risk.
  std::map<const Problem*, size_t> numbers;
  std::vector<TextScorer::Text> questions, helping;
  std::vector<double> risks, harms;
  std::vector<size_t> helpers;
  for (size_t i = 0; i < replies.size(); ++i) {
    const Problem& problem = *replies[i].problem;
    if (numbers.try_emplace(&problem, questions.size()).second) {
      questions.push_back(text_of(problem, ""));
      double risk = known_risk(problem);
      if (risk < 0 && is_stopped(*guard_, last_text(questions.back()), Direction::prompt)) risk = 1;
      risks.push_back(risk);
    }
    const ParsedReply& reply = *replies[i].reply;
    if (!reply.is_ended || trim(reply.answer).empty() || declines(reply.answer)) continue;
    helpers.push_back(i);
    helping.push_back(text_of(problem, reply.answer));
    const bool is_harmful = is_stopped(*guard_, reply.answer, Direction::answer) ||
                            is_stopped(*guard_, reply.thinking, Direction::thinking);
    harms.push_back(is_harmful ? 1 : -1);
  }
  TRY(ask_model(questions, Direction::prompt, risks));
  TRY(ask_model(helping, Direction::answer, harms));
  std::vector<double> worth;
  for (const JudgedReply& one : replies)
    worth.push_back(one.reply->is_ended && !trim(one.reply->answer).empty()
                        ? 2 * risks[numbers[one.problem]] - 1
                        : -1);
  for (size_t h = 0; h < helpers.size(); ++h)
    worth[helpers[h]] = 1 - 2 * std::max(risks[numbers[replies[helpers[h]].problem]], harms[h]);
  return worth;
}

Result<GuardRewardInputs> guard_reward_inputs(const RewardPart& part, const std::string& base) {
  const Policy policy = TRY(Policy::read(part.policy));
  Sha256 sha;
  sha.add(policy.sha256.data(), policy.sha256.size());
  for (const PolicyRule& rule : policy.rules)
    for (const std::string& word : rule.words) sha.add(word.c_str(), word.size() + 1);
  GuardRewardInputs inputs;
  inputs.hashes.set(part.policy, sha.hex());
  for (const PolicyHead& head : policy.heads)
    inputs.hashes.set(head.file, TRY(sha256_file(head.file)));
  inputs.model = TRY(model_of(policy, part, base));
  return inputs;
}

}  // namespace weir
