#include "serve/server.h"

#include <fmt/format.h>

#include <atomic>
#include <random>
#include <utility>

#include "base/text.h"
#include "serve/engine_thread.h"
#include "serve/openai_reply.h"
#include "serve/route.h"
#include "serve/serve_job.h"

namespace weir {
namespace {

bool matches(std::string_view pattern, std::string_view path) {
  if (!pattern.ends_with('*')) return pattern == path;
  pattern.remove_suffix(1);
  return path.size() > pattern.size() && path.starts_with(pattern) &&
         path.find('/', pattern.size()) == path.npos;
}

class EngineServer : public Server {
 public:
  EngineServer(std::unique_ptr<ServedModel> model, int sequences_max, RunFolders runs)
      : state_{.runs = std::move(runs)},
        model_(std::move(model)),
        engine_(model_->engine(), sequences_max),
        salt_((uint64_t(std::random_device()()) << 32) | std::random_device()()) {}

  // The receivers of the engine's thread post to connections, so it ends first.
  ~EngineServer() override {
    engine_.stop();
    http_.reset();
  }

  Result<void> open(HttpServerOptions options) {
    options.write_error = openai_error;
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
  void handle(HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
    bool is_known = false;
    const Route* route = find_route(request.method, request.path, is_known);
    if (!route) return exchange->reply(openai_error(no_route(request, is_known)));
    if (route->show) return exchange->reply(route->show(state_, request));
    if (route->answer) return exchange->reply(route->answer({*model_, engine_}, request));
    if (is_draining_)
      return exchange->reply(route->write_error(
          {.status = 503, .message = "the server is stopping", .retry_seconds = 10}));
    ApiResult<Generation> made = route->generate(*model_, request, unique_id(request.id));
    if (!made) return exchange->reply(route->write_error(made.error()));
    if (made->reply) return exchange->reply(*std::move(made->reply));
    ApiResult<PreparedRequest> prepared = model_->prepare(made->request);
    if (!prepared) return exchange->reply(route->write_error(prepared.error()));
    auto job = std::make_shared<ServeJob>(
        ServeJobSetup{engine_, model_->tokenizer(), *std::move(prepared), std::move(made->writer),
                      route->write_error, made->request.streams, exchange});
    exchange->post([job = std::move(job)] { job->start(); });
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
  std::unique_ptr<ServedModel> model_;
  EngineThread engine_;
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
                            llama_server_routes(), page_routes(), state_routes()}) {
    for (const Route& route : routes) {
      if (!matches(route.path, path)) continue;
      is_known = true;
      if (method == route.method) return &route;
    }
  }
  return nullptr;
}

Result<std::unique_ptr<Server>> Server::start(std::unique_ptr<ServedModel> model,
                                              ServerOptions options) {
  auto server = std::make_unique<EngineServer>(std::move(model), options.sequences_max,
                                               std::move(options.runs));
  TRY(server->open(std::move(options.http)));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace weir
