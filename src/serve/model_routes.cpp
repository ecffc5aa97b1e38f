// The models of the server, as OpenAI lists them, with llama-server's status of each; its requests
// to load and unload one.
#include <fmt/format.h>

#include "serve/key_gate.h"
#include "serve/openai_reply.h"
#include "serve/request_fields.h"
#include "serve/route.h"

namespace weir {
namespace {

// llama-server has three words.
const char* status_word(ModelStatus status) {
  switch (status) {
    case ModelStatus::loading:
      return "loading";
    case ModelStatus::loaded:
      return "loaded";
    case ModelStatus::unloaded:
    case ModelStatus::unloading:
      break;
  }
  return "unloaded";
}

Json status_json(const ModelState& state) {
  Json status = Json::object();
  status.set("value", status_word(state.status));
  if (state.error.empty()) return status;
  status.set("failed", true);
  status.set("error", state.error);
  return status;
}

Json meta_json(const ModelFacts& facts) {
  Json meta = Json::object();
  meta.set("n_ctx_train", facts.context);
  meta.set("n_params", facts.parameters);
  meta.set("size", facts.file_bytes);
  return meta;
}

Json entry(const ModelPool& pool, size_t index, const std::string& name) {
  const PooledModel& model = pool.model(index);
  Json j = Json::object();
  j.set("id", name);
  j.set("object", "model");
  j.set("created", model.facts.changed);
  j.set("owned_by", "weir");
  j.set("status", status_json(pool.state(index)));
  j.set("meta", meta_json(model.facts));
  Json abilities = Json::array();
  for (const std::string& word : ability_words(model.facts.abilities)) abilities.push(word);
  j.set("capabilities", std::move(abilities));
  return j;
}

std::optional<HttpReply> list_models(ModelPool& pool, const HttpRequest& http) {
  Json list = Json::array();
  for (size_t i = 0; i < pool.size(); ++i)
    if (may_use(http, pool.model(i)))
      for (const std::string& name : pool.model(i).names) list.push(entry(pool, i, name));
  Json body = Json::object();
  body.set("object", "list");
  body.set("data", std::move(list));
  return HttpReply{.body = body.dump()};
}

std::optional<HttpReply> show_model(ModelPool& pool, const HttpRequest& http) {
  const std::string name = http.path.substr(http.path.rfind('/') + 1);
  const auto sees = [&](const PooledModel& model) { return may_use(http, model); };
  ApiResult<size_t> index = pool.choose(name, false, sees);
  if (!index) return openai_error(index.error());
  if (!sees(pool.model(*index))) return openai_error(pool.no_model(name, sees));
  return HttpReply{.body = entry(pool, *index, name).dump()};
}

ApiResult<size_t> named_model(const ModelPool& pool, const HttpRequest& http) {
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return std::move(body).error();
  RequestFields fields(*body);
  const std::string name = fields.text("model");
  if (name.empty()) fields.refuse("model", "must be the name of a model");
  if (fields.error()) return *fields.error();
  return pool.choose(name);
}

HttpReply success() { return {.body = R"({"success":true})"}; }

// Begins to load; the list tells when it is done.
std::optional<HttpReply> load(ModelPool& pool, const HttpRequest& http) {
  ApiResult<size_t> index = named_model(pool, http);
  if (!index) return openai_error(index.error());
  pool.wait(pool.new_ticket(), *index, {}, [](const ApiResult<ModelLease>&) {});
  return success();
}

std::optional<HttpReply> unload(ModelPool& pool, const HttpRequest& http) {
  ApiResult<size_t> index = named_model(pool, http);
  if (!index) return openai_error(index.error());
  if (pool.unload(*index)) return success();
  return openai_error({.message = "the model '" + pool.model(*index).names[0] +
                                  "' is kept loaded while the server runs",
                       .param = "model"});
}

constexpr Route kModelRoutes[] = {
    {"GET", "/models", openai_error, nullptr, nullptr, list_models},
    {"GET", "/models/*", openai_error, nullptr, nullptr, show_model},
    {"POST", "/models/load", openai_error, nullptr, nullptr, load},
    {"POST", "/models/unload", openai_error, nullptr, nullptr, unload},
};

}  // namespace

std::span<const Route> model_routes() { return kModelRoutes; }

}  // namespace weir
