#include "serve/served_judge.h"

#include <atomic>
#include <chrono>
#include <utility>

#include "base/clock.h"
#include "chat/yes_no.h"
#include "client/chat_api.h"

namespace weir {
namespace {

constexpr int kServerThreads = 4;  // questions to another server at the same time

Json message_of(const char* role, const std::string& content) {
  Json message = Json::object();
  message.set("role", role);
  message.set("content", content);
  return message;
}

Json messages_of(const JudgePrompt& prompt) {
  Json messages = Json::array();
  messages.push(message_of("system", prompt.system));
  messages.push(message_of("user", prompt.user));
  return messages;
}

// Of a reply in OpenAI's form: the share of Yes among the probable tokens, or the word alone.
std::optional<double> score_of(const Json& reply) {
  const Json* choices = reply.find("choices");
  if (!choices || choices->size() == 0) return {};
  const Json& choice = choices->items()[0];
  const Json* scores = choice.find("logprobs");
  const Json* content = scores ? scores->find("content") : nullptr;
  const Json* top =
      content && content->size() > 0 ? content->items()[0].find("top_logprobs") : nullptr;
  YesShare share;
  if (top)
    for (const Json& entry : top->items())
      if (const auto log_probability = entry.double_at("logprob"))
        share.add(entry.text_at("token"), *log_probability);
  if (const std::optional<double> yes = share.yes()) return yes;
  const Json* message = choice.find("message");
  const std::optional<bool> word =
      message ? yes_or_no(message->text_at("content")) : std::optional<bool>();
  if (!word) return {};
  return *word ? 1.0 : 0.0;
}

}  // namespace

// One question. Whoever is first, the answer or the clock, ends it.
class ServedJudge::Call : public TokenReceiver {
 public:
  Call(JudgePrompt asked, int64_t deadline, Ready ready)
      : prompt(std::move(asked)), deadline_ns(deadline), ready_(std::move(ready)) {}

  void take(std::vector<Token> tokens) override {
    const bool failed = tokens.empty() || tokens.front().drawn.reason == FinishReason::failed;
    end(failed ? std::nullopt : std::optional<double>(filter->yes()));
  }
  void fail(const std::string&) override { end({}); }

  void end(std::optional<double> score) {
    if (!is_over_.exchange(true)) ready_(score);
  }
  bool is_over() const { return is_over_; }

  const JudgePrompt prompt;
  const int64_t deadline_ns;
  std::optional<YesNoFilter> filter = {};
  std::mutex mutex = {};  // guards the next two
  ModelLease lease = {};
  uint64_t job = 0, ticket = 0;

 private:
  const Ready ready_;
  std::atomic<bool> is_over_{false};
};

Result<std::unique_ptr<ServedJudge>> ServedJudge::create(ModelPool& pool,
                                                         const PolicyJudge& judge) {
  std::unique_ptr<ServedJudge> made(new ServedJudge(pool, judge));
  if (!judge.url.empty()) {
    TRY(parse_http_url(judge.url));
    made->key_ = TRY(find_key(judge.key_file));
    for (int i = 0; i < kServerThreads; ++i)
      made->threads_.emplace_back([raw = made.get()] { raw->ask_server(); });
  } else if (judge.model != "self") {
    auto index = pool.choose(judge.model);
    if (!index) return Error{"the policy's judge: " + index.error().message};
    if (!pool.model(*index).facts.abilities.writes_text)
      return Error{"the policy's judge: the model '" + judge.model + "' writes no text"};
    made->model_ = *index;
  }
  made->threads_.emplace_back([raw = made.get()] { raw->watch(); });
  return made;
}

ServedJudge::~ServedJudge() { stop(); }

void ServedJudge::stop() {
  {
    std::lock_guard lock(mutex_);
    stops_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  for (const auto& call : std::exchange(calls_, {})) call->end({});
}

void ServedJudge::ask(JudgePrompt prompt, const ModelLease& own, Ready ready) {
  const auto call = std::make_shared<Call>(
      std::move(prompt), monotonic_ns() + int64_t(judge_.timeout_ms) * 1'000'000, std::move(ready));
  {
    std::lock_guard lock(mutex_);
    if (stops_) return call->end({});
    calls_.push_back(call);
    if (!judge_.url.empty()) waiting_.push_back(call);
  }
  wake_.notify_all();
  if (!judge_.url.empty()) return;
  if (judge_.model == "self") return submit(call, own);
  if (ModelLease lease = pool_.lease(model_)) return submit(call, lease);
  call->ticket = pool_.new_ticket();
  pool_.wait(call->ticket, model_, {}, [this, call](ApiResult<ModelLease> lease) {
    if (!lease) return call->end({});
    submit(call, *lease);
  });
}

void ServedJudge::submit(const std::shared_ptr<Call>& call, const ModelLease& lease) {
  if (!lease->text || call->is_over()) return call->end({});
  const ServedModel& model = *lease->text;
  TemplateOptions how;
  if (model.form().has_thinking_switch()) how.thinking = false;
  auto prompt = model.form().encode(model.open(), messages_of(call->prompt), std::move(how));
  auto filter = YesNoFilter::create(model.tokenizer());
  if (!prompt || !filter || int(prompt->tokens.size()) > model.positions_max())
    return call->end({});
  call->filter = *std::move(filter);
  TokenRequest request;
  request.prompt = std::move(prompt->tokens);
  request.tokens_max = 1;
  request.sampling.temperature = 0;
  request.token_filter = &*call->filter;
  request.owner = "guard";  // the rubric's rows are shared by all questions
  std::lock_guard lock(call->mutex);
  call->lease = lease;
  std::vector<TokenRequest> requests;
  requests.push_back(std::move(request));
  const auto job = lease->engine->submit(std::move(requests), call);
  if (!job) return call->end({});
  call->job = *job;
}

// Ends what no one answered in time.
void ServedJudge::watch() {
  std::unique_lock lock(mutex_);
  while (!stops_) {
    if (calls_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const std::shared_ptr<Call> first = calls_.front();
    const int64_t left = first->deadline_ns - monotonic_ns();
    if (left > 0 && !first->is_over()) {
      wake_.wait_for(lock, std::chrono::nanoseconds(left));
      continue;
    }
    calls_.pop_front();
    lock.unlock();
    const bool is_late = !first->is_over();
    first->end({});
    ModelLease lease;
    uint64_t job = 0;
    {
      std::lock_guard of_call(first->mutex);
      lease = std::move(first->lease);
      job = first->job;
    }
    if (is_late && job > 0) lease->engine->cancel(job);
    if (is_late && first->ticket > 0) pool_.leave(first->ticket);
    lease.reset();
    lock.lock();
  }
}

void ServedJudge::ask_server() {
  std::shared_ptr<Call> call;
  HttpClientOptions options;
  options.key = key_;
  options.connect_seconds = options.silence_seconds = judge_.timeout_ms * 1e-3;
  options.is_cancelled = [&] { return call->is_over(); };
  HttpUrl url = *parse_http_url(judge_.url);
  if (url.path.empty()) url.path = "/v1";
  HttpClient client(std::move(url), options);
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stops_ || !waiting_.empty(); });
      if (stops_) return;
      call = std::move(waiting_.front());
      waiting_.pop_front();
    }
    Json request = Json::object();
    request.set("model", judge_.model);
    request.set("messages", messages_of(call->prompt));
    request.set("temperature", 0);
    request.set("max_tokens", 1);
    request.set("logprobs", true);
    request.set("top_logprobs", 20);
    const auto reply = client.post_json("/chat/completions", request);
    call->end(reply ? score_of(*reply) : std::nullopt);
  }
}

}  // namespace weir
