#include "heads/text_scorer.h"

#include <fmt/format.h>

#include <algorithm>

#include "chat/chat_tools.h"
#include "chat/yes_no.h"
#include "heads/train_heads.h"

namespace weir {
namespace {

constexpr int kTogether = 8;       // questions to the judge
constexpr double kCacheGib = 0.5;  // for their rows

}  // namespace

Result<std::unique_ptr<TextScorer>> TextScorer::open(const Policy& policy, const std::string& model,
                                                     int threads) {
  if (policy.judge.is_asked() && (policy.judge.model != "self" || !policy.judge.url.empty()))
    return Error{fmt::format(
        "{}: its judge is '{}', which weir serve asks; here only 'self' can be asked, the "
        "model {}",
        policy.path, policy.judge.model, model)};
  GenerationSetup setup;
  setup.path = model;
  setup.options.threads = threads;
  setup.options.cache_limit_gib = kCacheGib;
  setup.options.speculate = "off";
  setup.sequences_max = kTogether;
  setup.warms_up = false;
  OpenModel opened = TRY(open_model(setup));
  ChatForm form = TRY(ChatForm::choose(opened, model, {.thinking = false}));
  std::unique_ptr<TextScorer> scorer(new TextScorer(std::move(opened), std::move(form)));
  std::string errors;
  scorer->heads_ = open_heads(policy, *scorer->open_.model, errors);
  if (!policy.heads.empty() && !scorer->heads_.open)
    return Error{fmt::format("{}: none of its heads belongs to {}:{}", policy.path, model, errors)};
  return scorer;
}

Result<std::vector<float>> TextScorer::scores(std::span<const Text> texts, const ProbeHead& head,
                                              bool of_answers) {
  std::vector<StateText> cuts;
  for (const Text& text : texts) {
    LabelledRow row;
    row.messages = text.messages;
    row.answer = text.answer;
    row.is_answer = of_answers;
    cuts.push_back(TRY(state_text(open_, form_, row, HeadTraining().tokens_max)));
  }
  StateReader reader(*open_.model, *open_.pool, false);
  const int block = head.block();
  std::vector<float> states;
  TRY(reader.read(cuts, std::span(&block, 1), states));
  const size_t size = 2 * size_t(head.width()), categories = head.categories().size();
  std::vector<float> all(texts.size() * categories), now(categories);
  size_t at = 0;
  for (size_t i = 0; i < texts.size(); ++i)
    for (size_t cut = 0; cut < cuts[i].cuts.size(); ++cut, at += size) {
      head.score(std::span<const float>(states).subspan(at, size), now);
      for (size_t k = 0; k < categories; ++k) {
        float& high = all[i * categories + k];
        high = std::max(high, now[k]);
      }
    }
  return all;
}

Result<std::vector<float>> TextScorer::prompt_scores(std::span<const Text> texts) {
  return scores(texts, *prompt_head(), false);
}

Result<std::vector<float>> TextScorer::answer_scores(std::span<const Text> texts) {
  return scores(texts, *answer_head(), true);
}

Result<std::vector<double>> TextScorer::judge(std::span<const JudgePrompt> questions) {
  std::vector<YesNoFilter> filters(questions.size(), TRY(YesNoFilter::create(*open_.tokenizer)));
  std::vector<Request> requests;
  for (size_t i = 0; i < questions.size(); ++i) {
    Json messages = Json::array();
    messages.push(chat_message("system", questions[i].system));
    messages.push(chat_message("user", questions[i].user));
    Request request;
    request.prompt = TRY(form_.encode(open_, messages)).tokens;
    request.tokens_max = 1;
    request.sampling.temperature = 0;
    request.token_filter = &filters[i];
    requests.push_back(std::move(request));
  }
  TRY(open_.generator->generate(requests));
  std::vector<double> yes;
  for (const YesNoFilter& filter : filters) yes.push_back(filter.yes());
  return yes;
}

}  // namespace weir
