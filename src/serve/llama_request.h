// Requests of llama.cpp's own server: /completion.
#pragma once
#include <string>
#include <vector>

#include "serve/request_fields.h"
#include "serve/serve_request.h"

namespace weir {

// What its reply holds beside the text.
struct LlamaReplyOptions {
  bool returns_tokens = false;      // ids; streams always have them
  bool returns_timings = false;     // in each part of a stream
  bool is_empty = false;            // n_predict 0: the prompt is read, nothing is generated
  int probabilities = 0;            // tokens of each place with their log-probabilities
  int tokens_max = -1;              // n_predict as it came
  std::vector<std::string> fields;  // 'response_fields': of the reply only these; empty: all
};

// `body`: an object. `defaults`: the sampling of requests that say nothing.
ApiResult<ServeRequest> read_llama_completion(const Json& body, const SamplingOptions& defaults,
                                              LlamaReplyOptions& options);

}  // namespace weir
