#include "serve/llama_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "serve/openai_request.h"
#include "serve/request_limits.h"

namespace weir {
namespace {

constexpr int kMillisecondsMax = 3'600'000, kIndentMax = 4096;
constexpr const char* kWanted =
    "must be a text, token ids, both mixed, {\"prompt_string\": text}, or a list of these";

// One prompt; nothing: it is none.
std::optional<TextPrompt> read_prompt(const Json& json, RequestFields& fields) {
  if (json.is_string()) return TextPrompt{.text = json.text()};
  if (const Json* text = json.find("prompt_string")) {
    const Json* data = json.find("multimodal_data");
    if (data && data->size() > 0)
      fields.refuse("prompt.multimodal_data", "is not supported by this model");
    if (text->is_string()) return TextPrompt{.text = text->text()};
  }
  if (!json.is_array() || json.size() == 0) return {};
  TextPrompt prompt;
  for (const Json& item : json.items()) {
    const Result<int64_t> token = item.is_number() ? item.as_int() : Error{};
    auto& pieces = prompt.pieces;
    if (item.is_string())
      pieces.push_back({.text = item.text()});
    else if (!token || *token < 0 || *token > INT32_MAX)
      return {};
    else if (pieces.empty() || !pieces.back().is_tokens)
      pieces.push_back({.tokens = {int(*token)}, .is_tokens = true});
    else
      pieces.back().tokens.push_back(int(*token));
  }
  if (prompt.pieces.size() > 1) return prompt;
  TextPrompt only = std::move(prompt.pieces[0]);
  return only;
}

// A list without numbers is one of prompts.
void read_llama_prompts(RequestFields& fields, ServeRequest& request) {
  const Json* json = fields.find("prompt");
  if (!json) return fields.refuse("prompt", kWanted);
  const bool is_list =
      json->is_array() && std::none_of(json->items().begin(), json->items().end(),
                                       [](const Json& item) { return item.is_number(); });
  if (is_list && json->size() > kPromptsMax)
    return fields.refuse("prompt", fmt::format("has {} prompts; at most {} may come in one request",
                                               json->size(), kPromptsMax));
  for (size_t i = 0; i < (is_list ? json->size() : 1); ++i)
    if (auto prompt = read_prompt(is_list ? json->items()[i] : *json, fields))
      request.prompts.push_back(*std::move(prompt));
    else
      fields.refuse("prompt", kWanted);
  if (request.prompts.empty()) fields.refuse("prompt", kWanted);
}

void read_form(RequestFields& fields, ServeRequest& request) {
  const std::string grammar = fields.text("grammar");
  const Json* schema = fields.find("json_schema");
  if (!grammar.empty())
    hold_to(request, {OutputKind::gbnf, grammar}, "grammar");
  else if (schema)
    hold_to(request, {OutputKind::json_schema, schema->dump()}, "json_schema");
}

}  // namespace

ApiResult<ServeRequest> read_llama_completion(const Json& body, const SamplingOptions& defaults,
                                              LlamaReplyOptions& options) {
  RequestFields fields(body);
  ServeRequest request{.sampling = defaults};
  request.model = fields.text("model");
  read_llama_prompts(fields, request);
  read_sampling(fields, request);
  read_bias(fields, request.sampling);
  read_form(fields, request);
  request.stops = fields.texts("stop", kStopsMax);
  std::erase(request.stops, "");
  const char* choices = fields.has("n_cmpl") ? "n_cmpl" : "n";
  request.choices = int(fields.whole(choices, 1, 1, kChoicesMax));
  const char* limit = fields.has("n_predict")               ? "n_predict"
                      : fields.has("max_completion_tokens") ? "max_completion_tokens"
                                                            : "max_tokens";
  options.tokens_max = int(fields.whole(limit, -1, -2, kTokensMax));
  options.is_empty = options.tokens_max == 0;
  request.tokens_max = options.is_empty ? 1 : std::max(0, options.tokens_max);
  request.lines.indent = int(fields.whole("n_indent", 0, 0, kIndentMax));
  const int64_t ms = fields.whole("t_max_predict_ms", 0, -1, kMillisecondsMax);
  request.seconds_max = double(std::max<int64_t>(ms, 0)) / 1e3;
  request.ignores_end = fields.flag("ignore_eos", false);
  request.streams = fields.flag("stream", false);
  const char* top = fields.has("n_probs") ? "n_probs" : "logprobs";
  options.probabilities = int(fields.whole(top, 0, 0, kTopMax));
  if (options.probabilities > 0 && fields.flag("post_sampling_probs", false))
    fields.refuse("post_sampling_probs", "is not supported; 'n_probs' gives the model's own");
  options.returns_tokens = fields.flag("return_tokens", false) || request.streams;
  options.returns_timings = fields.flag("timings_per_token", false);
  options.fields = fields.texts("response_fields", 64);
  request.sampling.top_log_probabilities = options.probabilities;
  request.wants_scores = options.probabilities > 0 || options.returns_tokens;
  if (fields.error()) return *fields.error();
  return request;
}

}  // namespace weir
