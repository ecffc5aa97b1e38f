#include "cli/knowledge_model.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/stop_signal.h"
#include "chat/yes_no.h"
#include "cli/model_offers.h"

namespace weir {
namespace {

// The prompt of the first of these names that the model has; "": none.
std::string prompt_of(const Embedder& embedder, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (auto prompt = embedder.prompt(name)) return *prompt;
  const auto usual = embedder.prompt("");
  return usual ? *usual : "";
}

}  // namespace

Result<std::unique_ptr<AnswerModel>> AnswerModel::open(const std::string& path,
                                                       const ModelOptions& options) {
  TRY(check_model_exists(path));
  OpenModel open = TRY(open_model({.path = path, .options = options, .warms_up = false}));
  std::unique_ptr<AnswerModel> model(new AnswerModel(std::move(open)));
  model->asker_ = TRY(Asker::create(model->open_, path, stop_requested));
  if (model->asker_->is_plain())
    return Error{path +
                 ": has no chat template, so it cannot be asked; give a model that was "
                 "tuned to answer"};
  return model;
}

Result<AskReply> AnswerModel::ask(const AnswerPrompt& prompt, int tokens_max, int top) {
  const Ask ask{.system = prompt.system, .text = prompt.user, .tokens_max = tokens_max, .top = top};
  auto replies = TRY(asker_->ask({&ask, 1}));
  if (!replies) return Error{"stopped"};
  return std::move((*replies)[0]);
}

Result<std::string> AnswerModel::write(const AnswerPrompt& prompt, int tokens_max) {
  return TRY(ask(prompt, tokens_max, 0)).text;
}

Result<double> AnswerModel::judge(const AnswerPrompt& prompt) {
  const AskReply reply = TRY(ask(prompt, 1, 20));
  YesShare share;
  if (!reply.top.empty())
    for (const TokenLogProbability& entry : reply.top[0])
      if (const auto text = open_.tokenizer->decode(std::vector<int>{entry.token}))
        share.add(*text, double(entry.log_probability));
  return share.yes().value_or(0.5);
}

Result<std::vector<double>> AnswerModel::fit(std::string_view question,
                                             std::span<const FoundChunk> chunks) {
  return asker_->fit(question, chunks);
}

Result<QuestionEmbedder> QuestionEmbedder::open(const KnowledgeBase& base, int threads) {
  QuestionEmbedder embedder;
  const std::string model = TRY(base.fact("embedding"));
  if (model.empty()) return embedder;
  if (!file_exists(model))
    return Error{
        fmt::format("{}: was embedded with {}, which is gone; put it back, or search with "
                    "--words alone",
                    base.path(), model)};
  embedder.embedder_ = TRY(Embedder::open(model, {.threads = threads}));
  embedder.prompt_ = prompt_of(*embedder.embedder_, {"query", "search_query"});
  return embedder;
}

Result<std::vector<float>> QuestionEmbedder::embed(const std::string& question) {
  if (!embedder_) return std::vector<float>();
  std::vector<int> tokens = TRY(embedder_->encode(prompt_ + question));
  const std::vector<std::vector<int>> texts = {embedder_->cut(std::move(tokens))};
  return TRY(embedder_->embed_tokens(texts))[0];
}

TextEmbedder document_embedder(Embedder& embedder) {
  const std::string prompt = prompt_of(embedder, {"document", "passage", "search_document"});
  return [&embedder,
          prompt](std::span<const std::string> texts) -> Result<std::vector<std::vector<float>>> {
    std::vector<std::vector<int>> tokens;
    for (const std::string& text : texts)
      tokens.push_back(embedder.cut(TRY(embedder.encode(prompt + text))));
    return embedder.embed_tokens(tokens);
  };
}

}  // namespace weir
