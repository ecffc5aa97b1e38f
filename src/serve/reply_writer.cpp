#include "serve/reply_writer.h"

#include <iterator>

namespace weir {
namespace {

template <class T>
void append_all(std::vector<T>& to, std::vector<T>& more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

void append_parts(ReplyParts& whole, ReplyParts parts) {
  whole.thinking += parts.thinking;
  whole.answer += parts.answer;
  append_all(whole.thinking_scores, parts.thinking_scores);
  append_all(whole.answer_scores, parts.answer_scores);
  append_all(whole.call_parts, parts.call_parts);
  if (!whole.calls.is_array()) whole.calls = Json::array();
  for (Json& call : parts.calls.items()) whole.calls.push(std::move(call));
  whole.has_calls = parts.has_calls;
  whole.tokens = parts.tokens;
  whole.is_last = parts.is_last;
  whole.reason = parts.reason;
  whole.stop = std::move(parts.stop);
  whole.refusal += parts.refusal;
  if (!parts.withheld.is_null()) whole.withheld = std::move(parts.withheld);
}

}  // namespace weir
