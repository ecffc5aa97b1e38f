#include "cli/red_team_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/sha256.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "chat/chat_form.h"
#include "client/chat_api.h"
#include "heads/head_reader.h"
#include "heads/pooled_states.h"
#include "heads/probe_head.h"
#include "verify/refusal.h"

namespace weir {
namespace {

bool is_help(std::string_view reply) { return !trim(reply).empty() && !declines(reply); }

Json messages_of(const BankItem& item, bool has_tools) {
  Json messages = Json::array();
  for (const BankMessage& message : item.messages) {
    Json one = Json::object();
    one.set("role", message.role == "tool" && !has_tools ? "user" : message.role);
    one.set("content", message.content);
    messages.push(std::move(one));
  }
  return messages;
}

class ModelTarget final : public RedTeamTarget {
 public:
  explicit ModelTarget(const TargetOptions& options) : options_(options) {}

  Result<void> open() {
    GenerationSetup setup;
    setup.path = options_.model;
    setup.options.threads = options_.threads;
    setup.options.speculate = "off";
    setup.sequences_max = options_.sequences;
    setup.warms_up = false;
    open_ = TRY(open_model(setup));
    form_ = TRY(ChatForm::choose(open_, options_.model, {}));
    if (!options_.heads.empty()) {
      heads_ = TRY(open_heads(options_.heads, *open_.model));
      threshold_ = options_.threshold > 0 ? options_.threshold : heads_.prompt->threshold();
    }
    identity_ = fmt::format("{} {} {} {}", base_hash_of(*open_.model), threshold_, options_.tokens,
                            options_.heads.empty() ? "" : TRY(sha256_file(options_.heads)));
    return {};
  }

  const std::string& identity() const override { return identity_; }

  Result<void> judge(std::span<const BankItem> items, std::span<Outcome> outcomes) override {
    std::vector<std::vector<int>> prompts;
    for (const BankItem& item : items) prompts.push_back(TRY(encode(item)));
    if (heads_.prompt) TRY(judge_prompts(prompts, outcomes));
    if (options_.tokens > 0) TRY(judge_replies(prompts, outcomes));
    return {};
  }

 private:
  // Templates without tools get what a tool returned from the user.
  Result<std::vector<int>> encode(const BankItem& item) const {
    auto prompt = form_->encode(open_, messages_of(item, true));
    if (!prompt) prompt = form_->encode(open_, messages_of(item, false));
    return TRY(std::move(prompt)).tokens;
  }

  Result<void> judge_prompts(const std::vector<std::vector<int>>& prompts,
                             std::span<Outcome> outcomes) {
    std::vector<StateText> texts;
    for (const std::vector<int>& prompt : prompts)
      texts.push_back({prompt, 0, {int(prompt.size())}});
    StateReader reader(*open_.model, *open_.pool, false);
    const int block = heads_.prompt->block();
    std::vector<float> states;
    TRY(reader.read(texts, std::span(&block, 1), states));
    const size_t size = 2 * size_t(heads_.prompt->width());
    for (size_t i = 0; i < prompts.size(); ++i) {
      const double score =
          heads_.prompt->harmful(std::span<const float>(states).subspan(i * size, size));
      outcomes[i].head = score;
      outcomes[i].by_head = score >= threshold_;
    }
    return {};
  }

  // Where the head of answers reaches its threshold, the guard would have ended the reply.
  struct Watch : Listener {
    std::vector<std::unique_ptr<HeadReader>> readers;
    std::vector<int> tokens, stopped_at;
    double threshold = 1;
    bool on_token(const TokenEvent& event) override {
      const size_t i = size_t(event.request);
      ++tokens[i];
      if (readers[i] && stopped_at[i] == 0) {
        const std::span<const float> scores = readers[i]->answer_scores();
        if (*std::max_element(scores.begin(), scores.end()) >= threshold) stopped_at[i] = tokens[i];
      }
      return true;
    }
    bool is_cancelled() override { return stop_requested(); }
  };

  Result<void> judge_replies(const std::vector<std::vector<int>>& prompts,
                             std::span<Outcome> outcomes) {
    Watch watch;
    watch.tokens.resize(prompts.size());
    watch.stopped_at.resize(prompts.size());
    if (heads_.answer) watch.threshold = heads_.answer->threshold();
    const bool reads = heads_.answer && heads_.answer->block() == heads_.prompt->block();
    std::vector<Request> requests;
    for (const std::vector<int>& prompt : prompts) {
      Request request;
      request.prompt = prompt;
      request.tokens_max = options_.tokens;
      request.sampling.temperature = 0;
      form_->set_ends(open_, request);
      watch.readers.push_back(reads ? std::make_unique<HeadReader>(
                                          *heads_.prompt, heads_.answer.get(), int(prompt.size()))
                                    : nullptr);
      request.hidden_reader = watch.readers.back().get();
      requests.push_back(std::move(request));
    }
    const std::vector<Completion> done = TRY(open_.generator->generate(requests, &watch));
    for (size_t i = 0; i < done.size(); ++i) {
      if (done[i].reason == FinishReason::cancelled) continue;
      Outcome& outcome = outcomes[i];
      outcome.helped = is_help(done[i].text);
      if (watch.stopped_at[i] > 0) outcome.stopped_at = watch.stopped_at[i];
      outcome.helped_now = *outcome.helped && !outcome.is_stopped() && !outcome.stopped_at;
    }
    return {};
  }

  const TargetOptions options_;
  OpenModel open_;
  std::optional<ChatForm> form_;
  OpenHeads heads_;
  double threshold_ = 1;
  std::string identity_;
};

class ServerTarget final : public RedTeamTarget {
 public:
  ServerTarget(std::unique_ptr<ChatApi> api, std::string name, int tokens)
      : api_(std::move(api)),
        name_(std::move(name)),
        tokens_(tokens),
        identity_(fmt::format("{} {} {}", api_->server().text(), name_, tokens)) {}

  const std::string& identity() const override { return identity_; }

  Result<void> judge(std::span<const BankItem> items, std::span<Outcome> outcomes) override {
    for (size_t i = 0; i < items.size(); ++i) {
      if (stop_requested()) return {};
      Json request = Json::object();
      request.set("model", name_);
      request.set("messages", messages_of(items[i], false));
      request.set("temperature", 0);
      request.set("max_tokens", tokens_);
      const ChatApiReply reply =
          TRY(api_->ask(std::move(request), [](bool, const std::string&) { return true; }));
      outcomes[i].helped = is_help(reply.answer);
      outcomes[i].helped_now = *outcomes[i].helped && !outcomes[i].is_stopped();
    }
    return {};
  }

 private:
  const std::unique_ptr<ChatApi> api_;
  const std::string name_;
  const int tokens_;
  const std::string identity_;
};

}  // namespace

Result<std::unique_ptr<RedTeamTarget>> open_model_target(const TargetOptions& options) {
  auto target = std::make_unique<ModelTarget>(options);
  TRY(target->open());
  return std::unique_ptr<RedTeamTarget>(std::move(target));
}

Result<std::unique_ptr<RedTeamTarget>> open_server_target(const ServerTargetOptions& options) {
  HttpClientOptions http;
  http.key = TRY(find_key(options.key_file));
  http.is_cancelled = stop_requested;
  auto api = std::make_unique<ChatApi>(TRY(parse_http_url(options.url)), http);
  std::string name = options.model;
  if (name.empty()) {
    const ModelList list = TRY(api->models());
    if (list.names.empty())
      return Error{options.url + ": has no list of models; name one with --model"};
    name = list.names.front();
  }
  return std::unique_ptr<RedTeamTarget>(
      std::make_unique<ServerTarget>(std::move(api), std::move(name), options.tokens));
}

}  // namespace weir
