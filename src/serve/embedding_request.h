// What a client asks for when it wants vectors, in any dialect, and the reply in the same one.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "embed/embedder.h"
#include "serve/api_error.h"
#include "serve/serve_request.h"

namespace weir {

struct EmbeddingReply {
  std::string model;  // as the client names it, or its name
  std::vector<std::vector<float>> vectors;
  int64_t tokens = 0;  // of all inputs
  double seconds = 0;
};

struct EmbeddingRequest {
  std::vector<TextPrompt> inputs = {};  // texts or token ids
  std::string field = "input";          // of the request, that has them
  std::string prompt_name = {};         // Embedder::prompt
  int dimensions = 0;                   // numbers of a vector; 0: all
  bool cuts = false;                    // what is too long, instead of refusing it
  bool is_base64 = false;
  // The body of the reply.
  std::string (*write)(const EmbeddingRequest&, const EmbeddingReply&) = nullptr;
};

// Most inputs of one request, as OpenAI has it.
constexpr size_t kEmbeddedInputsMax = 2048;

// OpenAI's /v1/embeddings; a body with 'content' instead of 'input' is llama-server's.
ApiResult<EmbeddingRequest> read_openai_embeddings(const Json& body);
// llama-server's /embedding: 'content' or 'input'.
ApiResult<EmbeddingRequest> read_llama_embedding(const Json& body);
// Ollama's /api/embed, and /api/embeddings with one 'prompt'. Without input the model is loaded.
ApiResult<EmbeddingRequest> read_ollama_embed(const Json& body);
ApiResult<EmbeddingRequest> read_ollama_embeddings(const Json& body);

// The tokens of the inputs, ready for Embedder::embed_tokens. 400 for inputs that are too long and
// not to be cut, with both numbers, for ids and dimensions that the model does not have.
ApiResult<std::vector<std::vector<int>>> tokens_of(const EmbeddingRequest& request,
                                                   const Embedder& embedder);

}  // namespace weir
