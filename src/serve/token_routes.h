// What the endpoints about tokens share with others of llama.cpp's server.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "serve/api_error.h"
#include "serve/served_model.h"

namespace weir {

// The prompt that the template makes of the messages of a chat request, in OpenAI's form.
ApiResult<std::vector<int>> templated_tokens(const ServedModel& model, const Json& body);
// Bytes of a token; "" for none (a negative id).
std::string token_text(const Tokenizer& tokenizer, int id);

}  // namespace weir
