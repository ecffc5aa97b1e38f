#include "adapt/asker.h"

#include <string>

#include "chat/chat_tools.h"
#include "chat/generator.h"
#include "grammar/token_grammar.h"
#include "knowledge/answer_prompt.h"

namespace weir {
namespace {

class StopListener : public Listener {
 public:
  explicit StopListener(const std::function<bool()>& is_stopped) : is_stopped_(is_stopped) {}
  bool on_token(const TokenEvent&) override { return true; }
  bool is_cancelled() override { return is_stopped_ && is_stopped_(); }

 private:
  const std::function<bool()>& is_stopped_;
};

}  // namespace

Result<std::unique_ptr<Asker>> Asker::create(const OpenModel& open, const std::string& path,
                                             std::function<bool()> is_stopped) {
  // A model that may think is asked to answer at once: what is asked here is small.
  ChatForm form = TRY(ChatForm::choose(open, path, {.thinking = false}));
  return std::unique_ptr<Asker>(new Asker(open, std::move(form), std::move(is_stopped)));
}

Result<std::shared_ptr<TokenGrammar>> Asker::grammar_of(const OutputForm& form,
                                                        const std::vector<int>& ends) {
  if (!grammars_) grammars_.emplace(TRY(TokenVocabulary::create(*open_.tokenizer, ends)));
  return grammars_->get(form);
}

Result<ChatPrompt> Asker::prompt_of(const Ask& asked) const {
  Json messages = Json::array();
  // Templates of small models may have no place for a system prompt.
  const bool has_place = !asked.system.empty() && form_.check({.system = asked.system}).has_value();
  if (has_place) messages.push(chat_message("system", asked.system));
  const bool is_joined = !asked.system.empty() && !has_place;
  messages.push(chat_message("user", is_joined ? asked.system + "\n\n" + asked.text : asked.text));
  return form_.encode(open_, messages);
}

Result<std::optional<std::vector<AskReply>>> Asker::ask(std::span<const Ask> asked) {
  std::vector<Request> requests;
  std::vector<std::unique_ptr<TokenFilter>> filters;
  for (const Ask& one : asked) {
    ChatPrompt prompt = TRY(prompt_of(one));
    Request request;
    form_.set_ends(open_, request);
    request.tokens_max = one.tokens_max;
    if (one.base_alone) request.adapter = AdapterUse::kNone;
    request.sampling = {.temperature = float(one.temperature), .seed = one.seed};
    request.sampling.top_log_probabilities = one.top;
    request.stream = requests.size();
    if (one.form) {
      auto grammar = TRY(grammar_of(*one.form, request.stop_ids));
      std::optional<int> after;
      if (prompt.begins_thinking)
        if (const int end = form_.marks(open_, true, false).end_of_thinking; end >= 0) after = end;
      filters.push_back(
          std::make_unique<GrammarFilter>(std::move(grammar), prompt.tokens.size(), after));
      request.token_filter = filters.back().get();
    }
    request.prompt = std::move(prompt.tokens);
    requests.push_back(std::move(request));
  }
  StopListener listener(is_stopped_);
  std::vector<Completion> completions = TRY(open_.generator->generate(requests, &listener));
  std::vector<AskReply> replies;
  for (Completion& completion : completions) {
    if (completion.reason == FinishReason::cancelled) return std::optional<std::vector<AskReply>>();
    replies.push_back({form_.reply_of(open_, {}, completion.tokens, completion.text).answer,
                       completion.reason != FinishReason::length,
                       std::move(completion.top_log_probabilities)});
  }
  return std::optional(std::move(replies));
}

Result<std::optional<std::vector<double>>> Asker::likelihoods(std::span<const Ask> asked,
                                                              std::string_view reply) {
  const std::vector<int> replied = TRY(open_.tokenizer->encode(reply));
  if (replied.empty()) return Error{"a reply without text has no likelihood"};
  std::vector<Request> requests;
  for (const Ask& one : asked) {
    Request request;
    request.prompt = TRY(prompt_of(one)).tokens;
    request.scores_prompt = true;
    request.scored_from = int(request.prompt.size());
    request.prompt.insert(request.prompt.end(), replied.begin(), replied.end());
    request.tokens_max = 1;
    request.sampling.temperature = 0;
    if (one.base_alone) request.adapter = AdapterUse::kNone;
    requests.push_back(std::move(request));
  }
  StopListener listener(is_stopped_);
  std::vector<double> means;
  for (const Completion& completion : TRY(open_.generator->generate(requests, &listener))) {
    if (completion.reason == FinishReason::cancelled) return std::optional<std::vector<double>>();
    double sum = 0;
    for (const TokenScore& score : completion.prompt_scores)
      if (score.is_scored) sum += double(score.log_probability);
    means.push_back(sum / double(replied.size()));
  }
  return std::optional(std::move(means));
}

Result<std::vector<double>> Asker::fit(std::string_view question,
                                       std::span<const FoundChunk> chunks) {
  if (chunks.empty()) return std::vector<double>();
  std::vector<Ask> asked;
  for (const FoundChunk& chunk : chunks) {
    AnswerPrompt prompt = question_prompt(question, chunk);
    asked.push_back(
        {.system = std::move(prompt.system), .text = std::move(prompt.user), .base_alone = true});
  }
  auto means = TRY(likelihoods(asked, question));
  if (!means) return Error{"stopped"};
  return *std::move(means);
}

}  // namespace weir
