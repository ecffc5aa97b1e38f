#include "serve/token_scores.h"

#include <algorithm>

#include "text/unicode.h"

namespace weir {

double score_number(float log_probability) {
  return log_probability >= -9999 ? double(log_probability) : -9999.;
}

namespace {

Json token_json(const Tokenizer& tokenizer, int token, float log_probability, bool ids) {
  const std::string_view bytes = tokenizer.token_bytes(token);
  Json j = Json::object();
  if (ids) j.set("id", token);
  j.set("token", replace_invalid_utf8(bytes));
  j.set("logprob", score_number(log_probability));
  Json list = Json::array();
  for (const char byte : bytes) list.push(int(uint8_t(byte)));
  j.set("bytes", std::move(list));
  return j;
}

}  // namespace

Json scores_json(const Tokenizer& tokenizer, const std::vector<TokenScore>& scores, bool ids) {
  Json list = Json::array();
  for (const TokenScore& score : scores) {
    Json j = token_json(tokenizer, score.token, score.log_probability, ids);
    Json top = Json::array();
    for (const TokenLogProbability& other : score.top)
      top.push(token_json(tokenizer, other.token, other.log_probability, ids));
    j.set("top_logprobs", std::move(top));
    list.push(std::move(j));
  }
  return list;
}

}  // namespace weir
