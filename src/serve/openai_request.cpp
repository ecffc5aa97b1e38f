#include "serve/openai_request.h"

#include <fmt/format.h>

#include "base/text.h"
#include "serve/chat_messages.h"
#include "serve/infill_request.h"
#include "serve/request_limits.h"

namespace weir {
namespace {

constexpr int kTextTokens = 16;  // of /completions, as OpenAI documents it

// OpenAI's {"json_schema": {"name": ..., "schema": {...}}}; "strict" is always true here.
void read_schema(RequestFields& fields, const Json& format, ServeRequest& request) {
  const Json* outer = format.find("json_schema");
  const Json* schema = outer ? outer->find("schema") : nullptr;
  if (!schema)
    fields.refuse("response_format", "must have the schema in 'json_schema.schema'");
  else
    hold_to(request, {OutputKind::json_schema, schema->dump()}, "response_format");
}

// response_format, or llama.cpp's grammar.
void read_format(RequestFields& fields, ServeRequest& request) {
  const std::string grammar = fields.text("grammar");
  if (!grammar.empty()) hold_to(request, {OutputKind::gbnf, grammar}, "grammar");
  const Json* format = fields.find("response_format");
  if (!format) return;
  const Json* type = format->find("type");
  if (!type || !type->is_string())
    fields.refuse("response_format", "must be an object with a 'type'");
  else if (type->text() == "json_object")
    hold_to(request, {OutputKind::json_object}, "response_format");
  else if (type->text() == "json_schema")
    read_schema(fields, *format, request);
  else if (type->text() != "text")
    fields.refuse("response_format", "has the type '" + printable(type->text()) +
                                         "'; there are text, json_object and json_schema");
}

void read_common(RequestFields& fields, ServeRequest& request) {
  request.model = fields.text("model");
  read_sampling(fields, request);
  read_bias(fields, request.sampling);
  read_format(fields, request);
  request.stops = fields.texts("stop", kStopsMax);
  request.choices = int(fields.whole("n", 1, 1, kChoicesMax));
  request.streams = fields.flag("stream", false);
  if (const Json* options = fields.find("stream_options")) {
    RequestFields inner(*options, "stream_options.");
    request.includes_usage = inner.flag("include_usage", false);
    fields.take(inner.error());
  }
}

// -1, which clients of local servers send, is no limit.
int read_limit(RequestFields& fields, int or_else) {
  const char* key = fields.has("max_completion_tokens") ? "max_completion_tokens" : "max_tokens";
  const Json* value = fields.find(key);
  if (const Result<int64_t> limit = value ? value->as_int() : Error{}; limit && *limit == -1)
    return 0;
  return int(fields.whole(key, or_else, 1, kTokensMax));
}

// Fields that would change the reply, and that this server does not have.
void refuse_unsupported(RequestFields& fields) {
  for (const char* key : {"functions", "function_call"})
    if (fields.has(key)) fields.refuse(key, "is not supported; use 'tools' and 'tool_choice'");
  for (const std::string& kind : fields.texts("modalities", 8))
    if (kind != "text")
      fields.refuse("modalities", "can hold 'text' alone; this model writes nothing else");
  for (const char* key : {"web_search_options", "moderation"})
    if (fields.has(key)) fields.refuse(key, "is not supported by this server", 501);
}

TextPrompt read_tokens(const Json& list, RequestFields& fields) {
  TextPrompt prompt{.is_tokens = true};
  for (const Json& item : list.items()) {
    const Result<int64_t> token = item.is_number() ? item.as_int() : Error{};
    if (!token || *token < 0 || *token > INT32_MAX) {
      fields.refuse("prompt", "must be a text, a list of texts, or token ids");
      break;
    }
    prompt.tokens.push_back(int(*token));
  }
  return prompt;
}

// A text, a list of texts, token ids, or a list of lists of them.
void read_prompts(RequestFields& fields, ServeRequest& request) {
  const Json* prompt = fields.find("prompt");
  if (!prompt) return fields.refuse("prompt", "is missing; give a text or token ids");
  if (prompt->is_string()) {
    request.prompts.push_back({.text = prompt->text()});
  } else if (!prompt->is_array() || prompt->size() == 0) {
    fields.refuse("prompt", "must be a text, a list of texts, or token ids");
  } else if (prompt->items()[0].is_number()) {
    request.prompts.push_back(read_tokens(*prompt, fields));
  } else if (prompt->size() > kPromptsMax) {
    fields.refuse("prompt", fmt::format("has {} prompts; at most {} may come in one request",
                                        prompt->size(), kPromptsMax));
  } else {
    for (const Json& item : prompt->items()) {
      if (item.is_string())
        request.prompts.push_back({.text = item.text()});
      else if (item.is_array())
        request.prompts.push_back(read_tokens(item, fields));
      else
        fields.refuse("prompt", "must be a text, a list of texts, or token ids");
    }
  }
}

ApiResult<ServeRequest> finished(const RequestFields& fields, ServeRequest request) {
  if (fields.error()) return *fields.error();
  return request;
}

}  // namespace

void read_sampling(RequestFields& fields, ServeRequest& request) {
  SamplingOptions& s = request.sampling;
  s.temperature = fields.real("temperature", s.temperature, 0, 1000);
  s.top_p = fields.real("top_p", s.top_p, 0, 1);
  s.top_k = int(fields.whole("top_k", s.top_k, -1, INT32_MAX));
  if (s.top_k < 0) s.top_k = 0;  // vLLM's word for all
  s.min_p = fields.real("min_p", s.min_p, 0, 1);
  s.typical_p = fields.real("typical_p", s.typical_p, 0, 1);
  s.xtc_probability = fields.real("xtc_probability", s.xtc_probability, 0, 1);
  s.xtc_threshold = fields.real("xtc_threshold", s.xtc_threshold, 0, 1);
  s.repeat_penalty = fields.real("repeat_penalty", s.repeat_penalty, 0, 10);
  s.repeat_penalty = fields.real("repetition_penalty", s.repeat_penalty, 0, 10);
  s.repeat_last_n = int(fields.whole("repeat_last_n", s.repeat_last_n, -1, INT32_MAX));
  s.presence_penalty = fields.real("presence_penalty", s.presence_penalty, -2, 2);
  s.frequency_penalty = fields.real("frequency_penalty", s.frequency_penalty, -2, 2);
  s.dry_multiplier = fields.real("dry_multiplier", s.dry_multiplier, 0, 100);
  s.dry_base = fields.real("dry_base", s.dry_base, 1, 10);
  s.dry_allowed_length =
      int(fields.whole("dry_allowed_length", s.dry_allowed_length, 1, INT32_MAX));
  s.dry_last_n = int(fields.whole("dry_penalty_last_n", s.dry_last_n, -1, INT32_MAX));
  if (fields.has("dry_sequence_breakers"))
    request.dry_breakers = fields.texts("dry_sequence_breakers", 64);
  if (!fields.has("seed")) return;
  const int64_t seed = fields.whole("seed", -1, INT64_MIN, INT64_MAX);
  request.has_seed = seed != -1;  // llama.cpp's word for a random one
  s.seed = uint64_t(seed);
}

void set_effort(ServeRequest& request, const std::string& effort) {
  request.thinking = effort != "none" && effort != "off";
  request.reasoning_effort = *request.thinking ? effort : "";
}

void read_budget(RequestFields& fields, const Json& thinking, ServeRequest& request) {
  RequestFields inner(thinking, "thinking.");
  if (inner.has("budget_tokens") && request.thinking.value_or(true))
    request.thinking_max = int(inner.whole("budget_tokens", 1, 0, kTokensMax));
  fields.take(inner.error());
}

void read_openai_thinking(RequestFields& fields, ServeRequest& request) {
  const auto switch_from = [&](const Json* object, const char* key) {
    const Json* value = object ? object->find(key) : nullptr;
    if (const Result<bool> flag = value ? value->as_bool() : Error{}) request.thinking = *flag;
  };
  if (fields.has("enable_thinking")) request.thinking = fields.flag("enable_thinking", true);
  switch_from(fields.find("chat_template_kwargs"), "thinking");
  switch_from(fields.find("chat_template_kwargs"), "enable_thinking");
  const std::string effort = fields.text("reasoning_effort");
  if (!effort.empty()) set_effort(request, effort);
  if (const Json* thinking = fields.find("thinking")) {
    const std::string& said = thinking->text_at("type");
    if (said == "enabled" || said == "adaptive")
      request.thinking = true;
    else if (said == "disabled")
      request.thinking = false;
    else
      fields.refuse("thinking", "must be {\"type\": \"enabled\"} or {\"type\": \"disabled\"}");
    read_budget(fields, *thinking, request);
  }
  // llama.cpp's name; -1: no limit.
  if (const int64_t limit = fields.whole("reasoning_budget_tokens", -1, -1, kTokensMax); limit >= 0)
    request.thinking_max = int(limit);
}

// OpenAI's object of ids and numbers, or llama.cpp's list of pairs; false there forbids a token.
void read_bias(RequestFields& fields, SamplingOptions& sampling) {
  const Json* bias = fields.find("logit_bias");
  if (!bias) return;
  const char* wanted = "must be an object of token ids and numbers in [-100, 100]";
  const auto add = [&](const Result<int64_t>& token, const Json& value) {
    const Result<bool> flag = value.as_bool();
    const Result<double> number = flag && !*flag      ? Result<double>(-100.0)
                                  : value.is_number() ? value.as_double()
                                                      : Error{};
    if (!token || *token < 0 || *token > INT32_MAX || !number || *number < -100 || *number > 100)
      return fields.refuse("logit_bias", wanted);
    sampling.logit_bias.push_back({int(*token), float(*number)});
  };
  if (!bias->is_object() && !bias->is_array()) return fields.refuse("logit_bias", wanted);
  for (const auto& [id, value] : bias->members()) add(parse_int(id), value);
  for (const Json& pair : bias->items()) {
    if (pair.size() != 2 || !pair.is_array() || !pair.items()[0].is_number())
      return fields.refuse("logit_bias", wanted);
    add(pair.items()[0].as_int(), pair.items()[1]);
  }
}

ApiResult<ServeRequest> read_openai_chat(const Json& body, const SamplingOptions& defaults) {
  RequestFields fields(body);
  ServeRequest request{.sampling = defaults};
  request.messages = read_messages(fields);
  request.continues = read_continues(fields);
  read_common(fields, request);
  request.tokens_max = read_limit(fields, 0);
  read_tools(fields, ToolDialect::chat, request);
  read_openai_thinking(fields, request);
  refuse_unsupported(fields);
  request.wants_scores = fields.flag("logprobs", false);
  const int top = int(fields.whole("top_logprobs", 0, 0, kTopMax));
  if (top > 0 && !request.wants_scores)
    fields.refuse("top_logprobs", "needs 'logprobs' to be true");
  request.sampling.top_log_probabilities = top;
  return finished(fields, std::move(request));
}

ApiResult<ServeRequest> read_openai_text(const Json& body, const SamplingOptions& defaults) {
  RequestFields fields(body);
  ServeRequest request{.sampling = defaults};
  read_prompts(fields, request);
  read_common(fields, request);
  request.echoes = fields.flag("echo", false);
  if (const Json* limit = fields.find("max_tokens"); request.echoes && limit) {
    const Result<int64_t> tokens = limit->is_number() ? limit->as_int() : Error{};
    request.is_prompt_alone = tokens && *tokens == 0;
  }
  request.tokens_max = request.is_prompt_alone ? 1 : read_limit(fields, kTextTokens);
  request.ignores_end = fields.flag("ignore_eos", false);
  request.wants_scores = fields.has("logprobs");
  request.sampling.top_log_probabilities = int(fields.whole("logprobs", 0, 0, kTopMax));
  read_suffix(fields, request);
  if (request.infill && request.echoes && request.wants_scores)
    fields.refuse("logprobs", "does not go with 'echo' and 'suffix': a hole has no text to score");
  if (fields.whole("best_of", request.choices, 1, kChoicesMax) != request.choices)
    fields.refuse("best_of", "must be 'n'; the server does not choose among replies", 501);
  return finished(fields, std::move(request));
}

}  // namespace weir
