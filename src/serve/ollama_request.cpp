#include "serve/ollama_request.h"

#include "base/text.h"
#include "chat/chat_tools.h"
#include "serve/chat_messages.h"
#include "serve/infill_request.h"
#include "serve/openai_request.h"
#include "serve/request_limits.h"

namespace weir {
namespace {

void read_options(RequestFields& fields, ServeRequest& request) {
  if (const Json* format = fields.find("format")) {
    if (format->is_object())
      hold_to(request, {OutputKind::json_schema, format->dump()}, "format");
    else if (format->is_string() && format->text() == "json")
      hold_to(request, {OutputKind::json_object}, "format");
    else if (!format->is_string() || !format->text().empty())
      fields.refuse("format", "must be \"json\" or a JSON Schema");
  }
  const Json* options = fields.find("options");
  if (!options) return;
  if (!options->is_object()) return fields.refuse("options", "must be an object");
  RequestFields inner(*options, "options.");
  read_sampling(inner, request);
  const int64_t limit = inner.whole("num_predict", -1, INT32_MIN, kTokensMax);
  if (limit > 0) request.tokens_max = int(limit);
  request.stops = inner.texts("stop", kStopsMax);
  fields.take(inner.error());
}

// true, false, or how much: "low", "medium", "high".
void read_think(RequestFields& fields, ServeRequest& request) {
  const Json* think = fields.find("think");
  if (!think) return;
  if (const Result<bool> flag = think->as_bool()) {
    request.thinking = *flag;
  } else if (think->is_string()) {
    request.thinking = true;
    request.reasoning_effort = think->text();
  } else {
    fields.refuse("think", "must be true, false, or a level as text");
  }
}

// Ollama's messages have 'thinking' and the tool's name; images are refused.
Json read_conversation(const Json& body, RequestFields& fields) {
  Json list = read_messages(fields);
  const Json* messages = body.find("messages");
  for (size_t i = 0; messages && i < messages->items().size() && i < list.size(); ++i) {
    const Json& message = messages->items()[i];
    const std::string place = "messages[" + std::to_string(i) + "]";
    if (const Json* images = message.find("images"); images && images->size() > 0)
      fields.refuse(place + ".images", "are not supported by this model");
    if (const Json* thinking = message.find("thinking"); thinking && thinking->is_string())
      list.items()[i].set("reasoning_content", *thinking);
    if (const Json* name = message.find("tool_name"); name && name->is_string())
      list.items()[i].set("name", *name);
  }
  return list;
}

ApiResult<ServeRequest> finish_ollama(const RequestFields& fields, ServeRequest request) {
  if (fields.error()) return *fields.error();
  return request;
}

ServeRequest begin(RequestFields& fields, const SamplingOptions& defaults) {
  ServeRequest request{.sampling = defaults};
  request.model = fields.text("model");
  request.streams = fields.flag("stream", true);
  read_options(fields, request);
  read_think(fields, request);
  request.wants_scores = fields.flag("logprobs", false);
  request.sampling.top_log_probabilities = int(fields.whole("top_logprobs", 0, 0, kTopMax));
  if (request.sampling.top_log_probabilities > 0 && !request.wants_scores)
    fields.refuse("top_logprobs", "needs 'logprobs' to be true");
  return request;
}

}  // namespace

ApiResult<ServeRequest> read_ollama_chat(const Json& body, const SamplingOptions& defaults) {
  RequestFields fields(body);
  ServeRequest request = begin(fields, defaults);
  const Json* messages = fields.find("messages");
  if (messages && messages->size() > 0) {
    request.messages = read_conversation(body, fields);
    request.continues = ends_with_reply(request.messages);
  }
  read_tools(fields, ToolDialect::chat, request);
  request.whole_calls = true;
  return finish_ollama(fields, std::move(request));
}

ApiResult<ServeRequest> read_ollama_generate(const Json& body, const SamplingOptions& defaults) {
  RequestFields fields(body);
  ServeRequest request = begin(fields, defaults);
  const std::string prompt = fields.text("prompt"), system = fields.text("system");
  if (const Json* images = fields.find("images"); images && images->size() > 0)
    fields.refuse("images", "are not supported by this model");
  if (const Json* context = fields.find("context"); context && context->size() > 0)
    fields.refuse("context", "is not kept by this server; send the conversation to /api/chat");
  if (!fields.text("template").empty())
    fields.refuse("template", "is not supported; the model's own is used, or none with 'raw'");
  const bool has_suffix = !fields.text("suffix").empty(), is_raw = fields.flag("raw", false);
  if (has_suffix && is_raw)
    fields.refuse("suffix", "does not go with 'raw', which sends the prompt as it is");
  if (has_suffix || is_raw) {
    request.prompts.push_back({.text = prompt});
    read_suffix(fields, request);
  } else if (!prompt.empty()) {
    request.messages = Json::array();
    if (!system.empty()) request.messages.push(chat_message("system", system));
    request.messages.push(chat_message("user", prompt));
  }
  return finish_ollama(fields, std::move(request));
}

}  // namespace weir
