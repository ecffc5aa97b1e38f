#include "stages/reward_model.h"

#include <cmath>

#include "train/learner.h"

namespace weir {

Result<VerdictTokens> VerdictTokens::of(const Tokenizer& tokenizer) {
  const std::vector<int> yes = TRY(tokenizer.encode("yes"));
  const std::vector<int> no = TRY(tokenizer.encode("no"));
  if (yes.empty() || no.empty() || yes[0] == no[0])
    return Error{
        "the tokenizer does not tell 'yes' from 'no' by their first token, which reward "
        "models answer with"};
  return VerdictTokens{yes[0], no[0]};
}

Result<TrainingSequence> judged_sequence(const ConversationFormat& format,
                                         const std::vector<Message>& question, const Message& reply,
                                         bool with_thinking, int verdict) {
  std::vector<Message> messages = question;
  messages.push_back(reply);
  if (!with_thinking) messages.back().has_thinking = false;
  RenderedConversation rendered = TRY(format.render(messages));
  TrainingSequence sequence{std::move(rendered.tokens), {}};
  sequence.tokens.push_back(verdict);
  sequence.trained.assign(sequence.tokens.size(), 0);
  sequence.trained.back() = 1;
  return sequence;
}

RewardModel::RewardModel(std::unique_ptr<Model> model, const ConversationFormat& format,
                         VerdictTokens verdict, bool with_thinking, int rows_max, ThreadPool& pool)
    : model_(std::move(model)),
      format_(format),
      verdict_(verdict),
      with_thinking_(with_thinking),
      rows_max_(rows_max),
      pool_(pool),
      arena_(scoring_arena_bytes(model_->config(), rows_max)) {}

Result<std::unique_ptr<RewardModel>> RewardModel::load(const std::string& folder,
                                                       const Tokenizer& tokenizer,
                                                       const ConversationFormat& format,
                                                       bool with_thinking, int rows_max,
                                                       ThreadPool& pool) {
  VerdictTokens verdict = TRY(VerdictTokens::of(tokenizer));
  std::unique_ptr<Model> model = TRY(load_model(folder, false));
  model->pack(pool);
  return std::unique_ptr<RewardModel>(
      new RewardModel(std::move(model), format, verdict, with_thinking, rows_max, pool));
}

// Every reply twice, once for each verdict: p(yes) / (p(yes) + p(no)).
Result<std::vector<double>> RewardModel::judge(std::span<const JudgedReply> replies) {
  const int context_max = model_->config().max_position_embeddings;
  std::vector<double> scores(replies.size(), 0);
  std::vector<TrainingSequence> sequences;
  std::vector<size_t> places;  // of every second sequence
  for (size_t i = 0; i < replies.size(); ++i) {
    const ParsedReply& parsed = *replies[i].reply;
    Message reply{Role::assistant, parsed.answer, parsed.thinking, parsed.has_thinking};
    TrainingSequence sequence = TRY(judged_sequence(format_, replies[i].problem->question(), reply,
                                                    with_thinking_, verdict_.yes));
    if (sequence.rows() > context_max) continue;
    sequence.group = int(places.size());
    places.push_back(i);
    sequences.push_back(sequence);
    sequence.tokens.back() = verdict_.no;
    sequences.push_back(std::move(sequence));
  }
  const std::vector<double> logs = sequence_scores(*model_, sequences, rows_max_, arena_, pool_);
  for (size_t i = 0; i < places.size(); ++i)
    scores[places[i]] = 1 / (1 + std::exp(logs[2 * i + 1] - logs[2 * i]));
  return scores;
}

}  // namespace weir
