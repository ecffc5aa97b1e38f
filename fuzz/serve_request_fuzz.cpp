// Any bytes as the body of a request in each dialect: refused with a status and a sentence of valid
// UTF-8, or within the limits that the engine relies on.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "serve/anthropic_request.h"
#include "serve/embedding_request.h"
#include "serve/infill_request.h"
#include "serve/llama_request.h"
#include "serve/ollama_request.h"
#include "serve/openai_request.h"
#include "serve/responses_request.h"

namespace {

void check(const weir::ServeRequest& request) {
  if (request.choices < 1 || request.choices > 128 || request.tokens_max < 0) std::abort();
  if (request.stops.size() > 64 || request.prompts.size() > 128) std::abort();
  for (const weir::Json& message : request.messages.items())
    if (!message.find("role") || !message.find("content")) std::abort();
  if (request.tools && request.tools->size() == 0) std::abort();
  if (request.continues && request.messages.size() == 0) std::abort();
}

weir::ApiResult<weir::ServeRequest> read_completion(const weir::Json& body,
                                                    const weir::SamplingOptions& defaults) {
  weir::LlamaReplyOptions options;
  return weir::read_llama_completion(body, defaults, options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto body = weir::parse_body(bytes);
  if (!body) {
    if (weir::first_invalid_utf8(body.error().message) != std::string::npos) std::abort();
    return 0;
  }
  for (const auto read : {weir::read_openai_chat, weir::read_openai_text, weir::read_responses,
                          read_completion, weir::read_anthropic, weir::read_anthropic_count,
                          weir::read_ollama_chat, weir::read_ollama_generate}) {
    auto request = read(*body, {});
    if (request) {
      check(*request);
      continue;
    }
    const weir::ApiError& error = request.error();
    if (error.status < 400 || error.status > 599 || error.message.empty()) std::abort();
    if (weir::first_invalid_utf8(error.message) != std::string::npos) std::abort();
  }
  for (const auto read : {weir::read_openai_embeddings, weir::read_llama_embedding,
                          weir::read_ollama_embed, weir::read_ollama_embeddings}) {
    auto request = read(*body);
    if (!request) {
      if (request.error().status != 400 || request.error().param.empty()) std::abort();
      if (weir::first_invalid_utf8(request.error().message) != std::string::npos) std::abort();
      continue;
    }
    if (request->inputs.size() > weir::kEmbeddedInputsMax || !request->write) std::abort();
    if (request->dimensions < 0) std::abort();
  }
  weir::LlamaReplyOptions options;
  if (auto request = weir::read_llama_infill(*body, {}, options)) {
    check(*request);
    if (request->prompts.size() != 1 || !request->infill || request->seconds_max < 0) std::abort();
  }
  return 0;
}
