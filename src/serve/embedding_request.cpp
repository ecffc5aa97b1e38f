#include "serve/embedding_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/text.h"
#include "embed/vector_text.h"
#include "serve/request_fields.h"

namespace weir {
namespace {

constexpr int kDimensionsMax = 1 << 20, kEuclidean = 2;
constexpr const char* kInputs = "must be a text, a list of token ids, or a list of these";

bool is_ids(const Json& json) {
  return json.is_array() && json.size() > 0 && json.items()[0].is_number();
}

// A text or a list of ids; false: neither.
bool read_input(const Json& json, std::vector<TextPrompt>& inputs) {
  if (json.is_string()) {
    inputs.push_back({.text = json.text()});
    return true;
  }
  if (!is_ids(json)) return false;
  TextPrompt input{.is_tokens = true};
  for (const Json& item : json.items()) {
    const Result<int64_t> id = item.is_number() ? item.as_int() : Error{};
    if (!id || *id < 0 || *id > INT32_MAX) return false;
    input.tokens.push_back(int(*id));
  }
  inputs.push_back(std::move(input));
  return true;
}

void read_inputs(RequestFields& fields, const char* key, EmbeddingRequest& request) {
  request.field = key;
  const Json* json = fields.find(key);
  if (!json) return fields.refuse(key, kInputs);
  const bool is_list = json->is_array() && !is_ids(*json);
  if (is_list && json->size() == 0) return fields.refuse(key, "is an empty list");
  if (is_list && json->size() > kEmbeddedInputsMax)
    return fields.refuse(key, fmt::format("has {} inputs; at most {} may come in one request",
                                          json->size(), kEmbeddedInputsMax));
  for (size_t i = 0; i < (is_list ? json->size() : 1); ++i)
    if (!read_input(is_list ? json->items()[i] : *json, request.inputs))
      return fields.refuse(key, kInputs);
}

void read_common(RequestFields& fields, EmbeddingRequest& request) {
  request.dimensions = int(fields.whole("dimensions", 0, 1, kDimensionsMax));
  request.cuts = fields.flag("truncate", request.cuts);
  request.prompt_name = fields.text("prompt_name");
}

ApiResult<EmbeddingRequest> finish_embedding(const RequestFields& fields,
                                             EmbeddingRequest request) {
  if (fields.error()) return *fields.error();
  return request;
}

std::string quoted(const std::string& text) { return Json(text).dump(); }

// {"object": "list", "data": [{"object": "embedding", "index", "embedding"}], "model", "usage"}.
std::string write_openai(const EmbeddingRequest& request, const EmbeddingReply& reply) {
  std::string body = R"({"object":"list","data":[)";
  for (size_t i = 0; i < reply.vectors.size(); ++i)
    body += fmt::format(R"({}{{"object":"embedding","index":{},"embedding":{}}})", i ? "," : "", i,
                        request.is_base64 ? '"' + vector_base64(reply.vectors[i]) + '"'
                                          : vector_json(reply.vectors[i]));
  return body + fmt::format(R"(],"model":{},"usage":{{"prompt_tokens":{},"total_tokens":{}}}}})",
                            quoted(reply.model), reply.tokens, reply.tokens);
}

// A list of {"index", "embedding": [vector]}: there with a vector for each token if none is pooled.
std::string write_llama(const EmbeddingRequest&, const EmbeddingReply& reply) {
  std::string body = "[";
  for (size_t i = 0; i < reply.vectors.size(); ++i)
    body += fmt::format(R"({}{{"index":{},"embedding":[{}]}})", i ? "," : "", i,
                        vector_json(reply.vectors[i]));
  return body + "]";
}

std::string write_ollama(const EmbeddingRequest&, const EmbeddingReply& reply) {
  std::string list;
  for (const auto& vector : reply.vectors) list += (list.empty() ? "" : ",") + vector_json(vector);
  return fmt::format(
      R"({{"model":{},"embeddings":[{}],"total_duration":{},"load_duration":0,"prompt_eval_count":{}}})",
      quoted(reply.model), list, int64_t(reply.seconds * 1e9), reply.tokens);
}

std::string write_ollama_old(const EmbeddingRequest&, const EmbeddingReply& reply) {
  return fmt::format(R"({{"embedding":{}}})",
                     reply.vectors.empty() ? "[]" : vector_json(reply.vectors[0]));
}

}  // namespace

ApiResult<EmbeddingRequest> read_openai_embeddings(const Json& body) {
  RequestFields fields(body);
  if (!fields.has("input") && fields.has("content")) return read_llama_embedding(body);
  EmbeddingRequest request{.write = write_openai};
  read_inputs(fields, "input", request);
  read_common(fields, request);
  const std::string format = fields.text("encoding_format", "float");
  request.is_base64 = format == "base64";
  if (!request.is_base64 && format != "float")
    fields.refuse("encoding_format", "must be \"float\" or \"base64\"");
  return finish_embedding(fields, std::move(request));
}

ApiResult<EmbeddingRequest> read_llama_embedding(const Json& body) {
  RequestFields fields(body);
  EmbeddingRequest request{.write = write_llama};
  read_inputs(fields, fields.has("input") ? "input" : "content", request);
  read_common(fields, request);
  if (fields.whole("embd_normalize", kEuclidean, -1, INT32_MAX) != kEuclidean)
    fields.refuse("embd_normalize", "must be 2: vectors have the Euclidean length 1");
  return finish_embedding(fields, std::move(request));
}

ApiResult<EmbeddingRequest> read_ollama_embed(const Json& body) {
  RequestFields fields(body);
  EmbeddingRequest request{.cuts = true, .write = write_ollama};
  const Json* input = fields.find("input");
  if (input && !(input->is_array() && input->size() == 0)) read_inputs(fields, "input", request);
  read_common(fields, request);
  return finish_embedding(fields, std::move(request));
}

ApiResult<EmbeddingRequest> read_ollama_embeddings(const Json& body) {
  RequestFields fields(body);
  EmbeddingRequest request{.field = "prompt", .cuts = true, .write = write_ollama_old};
  const std::string prompt = fields.text("prompt");
  if (!prompt.empty()) request.inputs.push_back({.text = prompt});
  return finish_embedding(fields, std::move(request));
}

ApiResult<std::vector<std::vector<int>>> tokens_of(const EmbeddingRequest& request,
                                                   const Embedder& embedder) {
  if (request.dimensions > embedder.width())
    return ApiError{.message = fmt::format("'dimensions' is {}, and the vectors of this model have "
                                           "{} numbers",
                                           request.dimensions, embedder.width()),
                    .param = "dimensions"};
  const auto prompt = embedder.prompt(request.prompt_name);
  if (!prompt)
    return ApiError{.message = "'prompt_name': " + prompt.error().message, .param = "prompt_name"};
  std::vector<std::vector<int>> list;
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    const TextPrompt& input = request.inputs[i];
    const std::string place =
        request.inputs.size() > 1 ? fmt::format("{}[{}]", request.field, i) : request.field;
    auto tokens =
        input.is_tokens ? embedder.frame(input.tokens) : embedder.encode(*prompt + input.text);
    if (!tokens)
      return ApiError{.message = fmt::format("'{}': {}", place, tokens.error().message),
                      .param = request.field};
    if (int(tokens->size()) > embedder.tokens_max() && !request.cuts)
      return ApiError{
          .message = fmt::format("'{}' has {} tokens and this model reads at most {}; shorten it, "
                                 "or send \"truncate\": true",
                                 place, tokens->size(), embedder.tokens_max()),
          .param = request.field,
          .code = "context_length_exceeded"};
    list.push_back(embedder.cut(*std::move(tokens)));
  }
  return list;
}

}  // namespace weir
