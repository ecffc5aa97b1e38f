#include "serve/reply_text.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "chat/chat_tools.h"

namespace weir {

using Part = ReplyPiece::Part;

Result<ReplyText> ReplyText::create(const Tokenizer& tokenizer, const ReplyTextOptions& options) {
  return ReplyText(tokenizer, options, TRY(StopScanner::create(options.stops)));
}

ReplyText::ReplyText(const Tokenizer& tokenizer, const ReplyTextOptions& options,
                     StopScanner scanner)
    : options_(&options), decoder_(tokenizer), scanner_(std::move(scanner)), lines_(options.lines) {
  if (options.marks) stream_.emplace(tokenizer, *options.marks);
  if (options.tools)
    calls_.emplace(*options.tools,
                   options.whole_calls ? CallParser::Handing::whole : CallParser::Handing::at_once);
}

ReplyParts ReplyText::push(const Drawn& drawn, bool is_late) {
  CHECK(!is_finished_);
  ReplyParts parts;
  parts.tokens = ++tokens_;
  const int token = drawn.token.token;
  const bool is_end = drawn.is_last && drawn.reason == FinishReason::end;
  Part part = Part::answer;
  if (stream_) {
    part = stream_->part();
    add(stream_->push(token), parts);
    if (part == Part::answer) part = stream_->part();  // <think> counts as thinking
    if (part == Part::thinking) ++thinking_tokens_;
  } else if (!is_end) {
    add_answer(decoder_.push(token), parts);
  }
  if (options_->wants_scores && !is_end && !is_mark(token)) add_score(drawn.token, part);
  const bool is_enough = (options_->single_call && has_call_) || (is_late && has_line_);
  if (drawn.is_last || scanner_.found() || lines_.found() || is_enough) finish(drawn, parts);
  if (!parts.thinking.empty() || is_finished_)
    parts.thinking_scores = std::exchange(thinking_scores_, {});
  if (!parts.answer.empty() || is_finished_)
    parts.answer_scores = std::exchange(answer_scores_, {});
  return parts;
}

void ReplyText::add(const std::vector<ReplyPiece>& pieces, ReplyParts& parts) {
  for (const ReplyPiece& piece : pieces) {
    if (piece.part == Part::thinking) parts.thinking += piece.text;
    if (piece.part == Part::answer) add_answer(piece.text, parts);
    if (piece.part != Part::call) continue;
    read_calls(scanner_.finish(), parts);  // stop strings end answers, not calls
    read_calls(piece.text, parts);
  }
}

void ReplyText::add_answer(std::string_view text, ReplyParts& parts) {
  const size_t hidden = std::min(options_->begun - begun_, text.size());
  begun_ += hidden;
  const std::string certain = scanner_.push(text.substr(hidden));
  has_line_ = has_line_ || certain.find('\n') != certain.npos;
  read_calls(lines_.push(certain), parts);
}

void ReplyText::read_calls(std::string_view text, ReplyParts& parts) {
  if (calls_ && !text.empty())
    calls_->push(text, events_);
  else
    parts.answer += text;
  take_events(parts);
}

// After the one call that is wanted nothing more is.
void ReplyText::take_events(ReplyParts& parts) {
  for (CallEvent& event : events_) {
    if (options_->single_call && has_call_) break;
    if (event.kind == CallEvent::Kind::text) parts.answer += event.text;
    if (event.kind == CallEvent::Kind::begin) {
      name_ = event.text;
      parts.call_parts.push_back({.index = ++call_, .name = std::move(event.text)});
    } else if (event.kind == CallEvent::Kind::arguments) {
      const bool joins = !parts.call_parts.empty() && parts.call_parts.back().index == call_;
      if (!joins) parts.call_parts.push_back({.index = call_});
      parts.call_parts.back().arguments += event.text;
    } else if (event.kind == CallEvent::Kind::end) {
      has_call_ = true;
      if (!parts.calls.is_array()) parts.calls = Json::array();
      if (Result<Json> arguments = parse_json(event.text))
        parts.calls.push(tool_call("", name_, *std::move(arguments)));
    }
  }
  events_.clear();
}

bool ReplyText::is_mark(int token) const {
  const auto& marks = options_->marks;
  return std::ranges::count(options_->ends, token) > 0 ||
         (marks && (token == marks->think || token == marks->end_of_thinking));
}

void ReplyText::add_score(const SampledToken& token, Part part) {
  TokenScore score{token.token, token.model_log_probability, token.top};
  if (part == Part::thinking) thinking_scores_.push_back(std::move(score));
  if (part == Part::answer) answer_scores_.push_back(std::move(score));
}

void ReplyText::finish(const Drawn& drawn, ReplyParts& parts) {
  if (!scanner_.found()) {
    if (stream_)
      add(stream_->finish(), parts);
    else
      add_answer(decoder_.finish(), parts);
  }
  read_calls(lines_.push(scanner_.finish()) + lines_.finish(), parts);
  if (calls_) calls_->finish(events_);
  take_events(parts);
  parts.is_last = true;
  parts.has_calls = call_ >= 0;
  const bool is_called = options_->single_call && has_call_;
  parts.reason = drawn.is_last ? drawn.reason
                 : is_called   ? FinishReason::stop
                               : FinishReason::length;
  if (scanner_.found()) {
    parts.reason = FinishReason::stop;
    parts.stop = scanner_.stop();
  }
  is_finished_ = true;
}

}  // namespace weir
