#include "serve/ollama_models.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>

#include "base/text.h"
#include "serve/key_gate.h"
#include "serve/request_fields.h"
#include "serve/request_head.h"

namespace weir {
namespace {

int64_t now_microseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

Json details(const ModelFacts& facts) {
  Json j = Json::object();
  j.set("parent_model", "");
  j.set("format", facts.format);
  j.set("family", facts.family);
  Json families = Json::array();
  families.push(facts.family);
  j.set("families", std::move(families));
  j.set("parameter_size", format_count(double(facts.parameters)));
  j.set("quantization_level", facts.quantization);
  return j;
}

Json entry(const ModelFacts& facts, const std::string& name) {
  Json j = Json::object();
  j.set("name", name);
  j.set("model", name);
  j.set("modified_at", ollama_time(facts.changed * 1'000'000));
  j.set("size", facts.file_bytes);
  j.set("digest", "");
  j.set("details", details(facts));
  return j;
}

HttpReply list_reply(Json list) {
  Json body = Json::object();
  body.set("models", std::move(list));
  return {.body = body.dump()};
}

bool is_empty(const Json& body, const char* key) {
  const Json* value = body.find(key);
  return !value || value->is_null() ||
         (value->is_string() ? value->text().empty() : value->size() == 0);
}

std::optional<HttpReply> unload(ModelPool& pool, const HttpRequest& http, bool is_chat) {
  const RequestHead head = read_head(http.body);
  auto keep = read_keep_alive(head.keep_alive);
  if (!keep || !*keep || **keep != 0) return {};
  ApiResult<Json> body = parse_body(http.body);
  if (!body || !is_empty(*body, is_chat ? "messages" : "prompt")) return {};
  ApiResult<size_t> index = pool.choose(head.model);
  if (!index) return ollama_error(index.error());
  pool.unload(*index);
  const std::string name = head.model.empty() ? pool.model(*index).names[0] : head.model;
  return HttpReply{.body = ollama_loaded(name, is_chat, "unload").dump()};
}

}  // namespace

HttpReply ollama_error(const ApiError& error) {
  Json body = Json::object();
  body.set("error", error.message);
  return error_reply(error, body.dump());
}

std::string ollama_time(int64_t microseconds) {
  const std::time_t seconds = std::time_t(microseconds / 1'000'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  return fmt::format("{}.{:06}Z", text, microseconds % 1'000'000);
}

std::string ollama_time() { return ollama_time(now_microseconds()); }

Json ollama_loaded(const std::string& name, bool is_chat, const char* reason) {
  Json loaded = Json::object();
  loaded.set("model", name);
  loaded.set("created_at", ollama_time());
  Json message = Json::object();
  message.set("role", "assistant");
  message.set("content", "");
  loaded.set(is_chat ? "message" : "response", is_chat ? std::move(message) : Json(""));
  loaded.set("done", true);
  loaded.set("done_reason", reason);
  return loaded;
}

std::optional<HttpReply> ollama_tags(ModelPool& pool, const HttpRequest& http) {
  Json list = Json::array();
  for (size_t i = 0; i < pool.size(); ++i)
    if (may_use(http, pool.model(i)))
      for (const std::string& name : pool.model(i).names)
        list.push(entry(pool.model(i).facts, name));
  return list_reply(std::move(list));
}

std::optional<HttpReply> ollama_ps(ModelPool& pool, const HttpRequest& http) {
  Json list = Json::array();
  for (size_t i = 0; i < pool.size(); ++i) {
    const ModelState state = pool.state(i);
    if (state.status != ModelStatus::loaded || !may_use(http, pool.model(i))) continue;
    const PooledModel& model = pool.model(i);
    Json loaded = entry(model.facts, model.names[0]);
    if (model.bytes > 0) loaded.set("size", int64_t(model.bytes));
    loaded.set("expires_at", state.seconds_left ? ollama_time(now_microseconds() +
                                                              int64_t(*state.seconds_left * 1e6))
                                                : "9999-12-31T23:59:59Z");
    loaded.set("size_vram", 0);
    loaded.set("context_length", model.facts.context);
    list.push(std::move(loaded));
  }
  return list_reply(std::move(list));
}

std::optional<HttpReply> ollama_show(ModelPool& pool, const HttpRequest& http) {
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return ollama_error(body.error());
  RequestFields fields(*body);
  const std::string name = fields.text("model", fields.text("name"));
  if (fields.error()) return ollama_error(*fields.error());
  ApiResult<size_t> index = pool.choose(name);
  if (!index) return ollama_error(index.error());
  const ModelFacts& facts = pool.model(*index).facts;
  Json info = Json::object();
  info.set("general.architecture", facts.family);
  info.set("general.parameter_count", facts.parameters);
  info.set(facts.family + ".context_length", facts.context);
  Json abilities = Json::array();
  for (const std::string& word : ability_words(facts.abilities)) abilities.push(word);
  Json reply = Json::object();
  reply.set("modelfile", "");
  reply.set("parameters", "");
  reply.set("template", facts.chat_template);
  reply.set("details", details(facts));
  reply.set("model_info", std::move(info));
  reply.set("capabilities", std::move(abilities));
  reply.set("modified_at", ollama_time(facts.changed * 1'000'000));
  return HttpReply{.body = reply.dump()};
}

std::optional<HttpReply> ollama_unload_by_chat(ModelPool& pool, const HttpRequest& http) {
  return unload(pool, http, true);
}

std::optional<HttpReply> ollama_unload_by_generate(ModelPool& pool, const HttpRequest& http) {
  return unload(pool, http, false);
}

}  // namespace weir
