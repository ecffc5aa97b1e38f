#include "serve/server.h"

#include <fmt/format.h>

#include <atomic>
#include <random>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "serve/embedding_job.h"
#include "serve/key_gate.h"
#include "serve/knowledge_chat.h"
#include "serve/openai_reply.h"
#include "serve/request_fields.h"
#include "serve/request_head.h"
#include "serve/route.h"
#include "serve/serve_job.h"

namespace weir {
namespace {

bool matches(std::string_view pattern, std::string_view path) {
  const size_t star = pattern.find('*');
  if (star == pattern.npos) return pattern == path;
  const std::string_view begin = pattern.substr(0, star), end = pattern.substr(star + 1);
  if (path.size() <= begin.size() + end.size()) return false;
  const std::string_view part = path.substr(begin.size(), path.size() - begin.size() - end.size());
  return path.starts_with(begin) && path.ends_with(end) && part.find('/') == part.npos;
}

class PoolServer : public Server {
 public:
  PoolServer(std::unique_ptr<ModelPool> pool, const ServerOptions& options)
      : state_{.runs = options.runs, .knowledge = options.knowledge, .guard = options.guard},
        pool_(std::move(pool)),
        keys_(options.keys),
        prompt_log_(options.logs_prompts ? options.http.log : nullptr),
        salt_((uint64_t(std::random_device()()) << 32) | std::random_device()()) {}

  // Who waits for the pool and its engines posts to connections, so they end first.
  ~PoolServer() override {
    pool_->stop();
    if (judge_) judge_->stop();
    http_.reset();
  }

  Result<void> open(HttpServerOptions options) {
    options.write_error = [](const HttpRequest& request, const ApiError& error) {
      return error_writer_of(request)(error);
    };
    if (state_.guard && state_.guard->policy().judge.is_asked())
      judge_ = TRY(ServedJudge::create(*pool_, state_.guard->policy().judge));
    if (keys_)
      options.admit = [this](const HttpRequest& request) { return admit_by_key(*keys_, request); };
    options.on_error = [this](const std::string& line) { state_.errors.add(line); };
    http_ = TRY(HttpServer::start(
        std::move(options), [this](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
          handle(std::move(request), std::move(exchange));
        }));
    return {};
  }

  int port() const override { return http_->port(); }
  int requests() const override { return http_->requests(); }
  void drain() override {
    is_draining_ = true;
    http_->drain();
  }

 private:
  using Exchange = std::shared_ptr<HttpExchange>;

  void handle(HttpRequest request, Exchange exchange) {
    bool is_known = false;
    const Route* route = find_route(request.method, request.path, is_known);
    if (!route) return exchange->reply(error_writer_of(request)(no_route(request, is_known)));
    if (route->show) return exchange->reply(route->show(state_, request));
    if (is_draining_ && (route->generate || route->embed || route->ask))
      return exchange->reply(route->write_error(
          {.status = 503, .message = "the server is stopping", .retry_seconds = 10}));
    ApiResult<ModelWish> wish = wish_of(*route, request);
    if (wish && (request.method == "POST" || !route->before))
      if (auto error = check_model(request, *wish))
        return exchange->reply(route->write_error(*error));
    if (route->before)
      if (auto reply = route->before(*pool_, request)) return exchange->reply(*std::move(reply));
    if (!wish) return exchange->reply(route->write_error(wish.error()));
    if (!route->embed && !pool_->model(wish->index).facts.abilities.writes_text)
      return exchange->reply(route->write_error(writes_no_text(wish->index)));
    if (ModelLease lease = pool_->lease(wish->index, wish->keep_seconds))
      return go_on(*route, request, lease, exchange);
    load_for(*route, std::move(request), *wish, exchange);
  }

  struct ModelWish {
    size_t index = 0;
    std::string name = {};  // as the client has it
    std::optional<double> keep_seconds = {};
  };

  // Nothing is loaded for it.
  ApiError writes_no_text(size_t index) const {
    std::string others;
    for (size_t i = 0; i < pool_->size(); ++i)
      if (pool_->model(i).facts.abilities.writes_text)
        others += (others.empty() ? "" : ", ") + pool_->model(i).names[0];
    return {
        .message = fmt::format(
            "the model '{}' makes embeddings and writes no text; send texts to /v1/embeddings{}",
            pool_->model(index).names[0],
            others.empty() ? "" : ", or name a model that writes: " + others),
        .param = "model"};
  }

  ApiResult<ModelWish> wish_of(const Route& route, const HttpRequest& request) const {
    const RequestHead head = read_head(request.body);
    std::string name = head.model;
    ModelWish wish;
    if (request.method == "GET") name = query_value(request.query, "model");
    if (request.path.starts_with("/api/")) {
      if (name.empty()) name = head.name;
      auto keep = read_keep_alive(head.keep_alive);
      if (!keep) return keep.error();
      wish.keep_seconds = *keep;
    }
    if (name.empty() && route.model_of) name = route.model_of(state_, request);
    name = without_base(state_.knowledge, name);
    ApiResult<size_t> index =
        pool_->choose(name, route.embed != nullptr,
                      [&](const PooledModel& model) { return may_use(request, model); });
    if (!index) return index.error();
    wish.index = *index;
    wish.name = std::move(name);
    return wish;
  }

  // A request that is no JSON loads nothing.
  void load_for(const Route& route, HttpRequest request, ModelWish wish, Exchange exchange) {
    if (request.method == "POST")
      if (auto body = parse_body(request.body); !body)
        return exchange->reply(route.write_error(body.error()));
    const uint64_t ticket = pool_->new_ticket();
    exchange->on_left([this, ticket] { pool_->leave(ticket); });
    auto kept = std::make_shared<const HttpRequest>(std::move(request));
    pool_->wait(ticket, wish.index, wish.keep_seconds,
                [this, &route, kept, exchange](ApiResult<ModelLease> lease) {
                  if (!lease) return exchange->reply(route.write_error(lease.error()));
                  exchange->work([this, &route, kept, exchange, lease = *lease] {
                    go_on(route, *kept, lease, exchange);
                  });
                });
  }

  void go_on(const Route& route, const HttpRequest& request, const ModelLease& lease,
             const Exchange& exchange) {
    if (route.embed) return embed(route, request, lease, exchange);
    if (!lease->text)
      return exchange->reply(route.write_error(
          {.message = "this model writes no text; name another one", .param = "model"}));
    const ServedModel& model = *lease->text;
    if (route.answer) return exchange->reply(route.answer({model, *lease->engine}, request));
    ApiResult<Generation> made = route.ask ? route.ask(state_, request)
                                           : route.generate(model, request, unique_id(request.id));
    if (!made) return exchange->reply(route.write_error(made.error()));
    if (route.generate)
      if (auto error = consult_base(request, *made))
        return exchange->reply(route.write_error(*error));
    if (made->reply) return exchange->reply(*std::move(made->reply));
    GuardedRequest guarded;
    if (state_.guard) {
      auto screened = screen(request, model, made->request);
      if (!screened) return exchange->reply(route.write_error(screened.error()));
      guarded = *std::move(screened);
      if (guarded.refusal) return refuse(*made, *guarded.refusal, lease, exchange);
    }
    ApiResult<PreparedRequest> prepared = model.prepare(made->request);
    if (!prepared) return exchange->reply(route.write_error(prepared.error()));
    if (state_.guard) {
      prepared->text.whole_calls = true;  // judged before they leave
      guarded.heads = model.heads(state_.guard->policy());
      watch_heads(guarded.heads, *prepared);
    }
    if (auto error = take_for_key(request, *prepared))
      return exchange->reply(route.write_error(*error));
    if (prompt_log_) log_prompts(request.id, model.tokenizer(), *prepared);
    auto job = std::make_shared<ServeJob>(
        ServeJobSetup{lease, *lease->engine, model.tokenizer(), *std::move(prepared),
                      std::move(made->writer), route.write_error, made->request.streams, exchange,
                      request.key, state_.guard, std::move(guarded), judge_.get()});
    exchange->post([job = std::move(job)] { job->start(); });
  }

  static void watch_heads(const PolicyHeads& heads, PreparedRequest& prepared) {
    if (!heads.open) return;
    for (TokenRequest& sequence : prepared.sequences) {
      prepared.watches.push_back(
          std::make_unique<HeadWatch>(heads.open, int(sequence.prompt.size()),
                                      fmt::format("{} {}", sequence.adapter, sequence.owner)));
      sequence.hidden_reader = prepared.watches.back().get();
    }
  }

  ApiResult<GuardedRequest> screen(const HttpRequest& http, const ServedModel& model,
                                   ServeRequest& request) const {
    return state_.guard->screen(request, http.key ? http.key->id() : "",
                                request.model.empty() ? model.name() : request.model,
                                unique_id(http.id), model.tokenizer());
  }

  // The reply of a request that goes to no model.
  void refuse(Generation& made, const GuardVerdict& verdict, const ModelLease& lease,
              const Exchange& exchange) const {
    const size_t prompts = std::max<size_t>(1, made.request.prompts.size());
    const std::vector<ReplyParts> choices(prompts * size_t(made.request.choices),
                                          refused_parts(state_.guard->policy(), verdict));
    const std::shared_ptr<ReplyWriter> writer = std::move(made.writer);
    const bool streams = made.request.streams;
    ReplyUsage usage;
    usage.prompts.resize(choices.size());
    // The writer refers to the model that is leased.
    exchange->post([writer, choices, usage, streams, lease, exchange] {
      if (!streams)
        return exchange->reply(
            {.content_type = writer->content_type(false), .body = writer->whole(choices, usage)});
      exchange->begin_stream(writer->content_type(true), writer->keep_alive());
      std::string out = writer->begin(usage);
      for (size_t i = 0; i < choices.size(); ++i) out += writer->part(int(i), choices[i], usage);
      exchange->write(out + writer->end(usage));
      exchange->end_stream();
    });
  }

  // Where the request asks for a knowledge base.
  std::optional<ApiError> consult_base(const HttpRequest& request, Generation& made) const {
    if (state_.knowledge.bases.empty()) return {};
    ApiResult<std::string> name = base_name_of(state_.knowledge, request);
    if (!name) return name.error();
    if (name->empty()) return {};
    return consult(*state_.knowledge.find(*name), request, made);
  }

  // Vectors have no words for a refusal, so it is an error. Token ids are not read.
  std::optional<ApiError> screen_inputs(const HttpRequest& http, EmbeddingRequest& wanted) const {
    const GuardedRequest who{.id = unique_id(http.id),
                             .subject = {http.key ? http.key->id() : "", "embeddings"}};
    for (TextPrompt& input : wanted.inputs) {
      if (input.is_tokens) continue;
      const GuardVerdict verdict =
          state_.guard->guard().check(input.text, Direction::prompt, who.subject);
      if (auto error = state_.guard->note(who, Direction::prompt, verdict, input.text))
        return error;
      if (ends_reply(verdict.action))
        return ApiError{.message = verdict.text.empty() ? "the guard of this server stops the input"
                                                        : verdict.text,
                        .param = wanted.field,
                        .code = "content_filter"};
      if (changes_text(verdict.action)) input.text = Guard::replaced(input.text, verdict);
    }
    return {};
  }

  void embed(const Route& route, const HttpRequest& request, const ModelLease& lease,
             const Exchange& exchange) {
    const auto refuse = [&](const ApiError& error) { exchange->reply(route.write_error(error)); };
    if (!lease->embedding)
      return refuse({.message = "this model makes no embeddings: " + lease->embedding_error,
                     .param = "model"});
    ApiResult<Json> body = parse_body(request.body);
    if (!body) return refuse(body.error());
    ApiResult<EmbeddingRequest> wanted = route.embed(*body);
    if (!wanted) return refuse(wanted.error());
    if (state_.guard)
      if (auto error = screen_inputs(request, *wanted)) return refuse(*error);
    ApiResult<std::vector<std::vector<int>>> tokens = tokens_of(*wanted, *lease->embedder);
    if (!tokens) return refuse(tokens.error());
    int64_t count = 0;
    for (const std::vector<int>& text : *tokens) count += int64_t(text.size());
    if (request.key)
      if (auto error = request.key->meter().check_prompt(count, monotonic_ns()))
        return refuse(*error);
    std::string name = body->text_at("model");
    if (name.empty()) name = pool_->model(*pool_->choose("", true)).names[0];
    auto job = std::make_shared<EmbeddingJob>(
        EmbeddingJobSetup{lease, std::move(name), *std::move(wanted), *std::move(tokens),
                          route.write_error, exchange, request.key});
    exchange->post([job = std::move(job)] { job->start(); });
  }

  // The key may have the name that the client gives, or another one of the same model.
  std::optional<ApiError> check_model(const HttpRequest& request, const ModelWish& wish) const {
    if (!request.key) return {};
    std::vector<std::string> names = pool_->model(wish.index).names;
    if (!wish.name.empty()) names.insert(names.begin(), wish.name);
    return request.key->check_model(names);
  }

  // Each key is an owner in the engine: its sequences share slots with others evenly, and its
  // cached prefixes with nobody.
  static std::optional<ApiError> take_for_key(const HttpRequest& request,
                                              PreparedRequest& prepared) {
    if (!request.key) return {};
    for (auto* sequences : {&prepared.sequences, &prepared.scored})
      for (TokenRequest& sequence : *sequences) sequence.owner = "key " + request.key->id();
    return request.key->meter().check_prompt(prepared.prompt_tokens, monotonic_ns());
  }

  void log_prompts(uint64_t id, const Tokenizer& tokenizer, const PreparedRequest& prepared) const {
    for (const TokenRequest& sequence : prepared.sequences)
      if (const auto text = tokenizer.decode(sequence.prompt, true))
        prompt_log_(fmt::format("request {} prompt {}", id, Json(*text).dump()));
  }

  static ApiError no_route(const HttpRequest& request, bool is_known) {
    if (is_known)
      return {.status = 405,
              .message = fmt::format("{} does not answer {}", printable(request.path),
                                     printable(request.method, 16))};
    return {.status = 404, .message = "there is no " + printable(request.path) + " here"};
  }

  std::string unique_id(uint64_t request) const {
    return fmt::format("{:016x}{:08x}", salt_, request);
  }

  ServerState state_;
  const std::unique_ptr<ModelPool> pool_;
  std::unique_ptr<ServedJudge> judge_;  // null: the policy has none
  const std::shared_ptr<KeyRing> keys_;
  const std::function<void(const std::string&)> prompt_log_;  // null: prompts are not logged
  const uint64_t salt_;
  std::atomic<bool> is_draining_{false};
  std::unique_ptr<HttpServer> http_;
};

}  // namespace

const Route* find_route(const std::string& method, std::string path, bool& is_known) {
  is_known = false;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  for (const char* prefix : {"/beta", "/anthropic", "/v1"})
    if (path.starts_with(prefix) && path.substr(std::string_view(prefix).size()).starts_with('/'))
      path.erase(0, std::string_view(prefix).size());
  for (const auto routes : {openai_routes(), anthropic_routes(), ollama_routes(),
                            llama_server_routes(), token_routes(), page_routes(), state_routes(),
                            knowledge_routes(), model_routes(), metrics_routes(), guard_routes()}) {
    for (const Route& route : routes) {
      if (!matches(route.path, path)) continue;
      is_known = true;
      if (method == route.method) return &route;
    }
  }
  return nullptr;
}

HttpReply (*error_writer_of(const HttpRequest& request))(const ApiError&) {
  bool is_known = false;
  for (const std::string& method : {request.method, std::string("POST"), std::string("GET")})
    if (const Route* route = find_route(method, request.path, is_known)) return route->write_error;
  return openai_error;
}

Result<std::unique_ptr<Server>> Server::start(std::unique_ptr<ModelPool> pool,
                                              ServerOptions options) {
  auto server = std::make_unique<PoolServer>(std::move(pool), options);
  TRY(server->open(std::move(options.http)));
  return std::unique_ptr<Server>(std::move(server));
}

Result<std::unique_ptr<Server>> Server::start(std::unique_ptr<ServedModel> model,
                                              ServerOptions options) {
  PooledModel entry{.names = model->names(), .facts = facts_of(*model), .stays = true};
  const auto loaded = std::make_shared<std::unique_ptr<ServedModel>>(std::move(model));
  entry.load = [loaded, sequences = options.sequences_max](PassGate* gate) {
    return Result<LoadedModel>(loaded_text(std::move(*loaded), sequences, gate));
  };
  std::vector<PooledModel> models;
  models.push_back(std::move(entry));
  auto pool = TRY(ModelPool::create(std::move(models), {}));
  TRY(pool->load_now(0));
  return start(std::move(pool), std::move(options));
}

}  // namespace weir
