// Tokens with their log-probabilities as JSON, in the form that OpenAI's dialects share.
#pragma once
#include <vector>

#include "base/json.h"
#include "serve/reply_writer.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// A log-probability that JSON can hold: -9999 stands for those below and for what is no number.
double score_number(float log_probability);

// [{"token", "logprob", "bytes", "top_logprobs": [the same without it]}]; with `ids` also "id", as
// llama.cpp's server has it. Bytes that are a part of a character only are U+FFFD as text.
Json scores_json(const Tokenizer& tokenizer, const std::vector<TokenScore>& scores,
                 bool ids = false);

}  // namespace weir
