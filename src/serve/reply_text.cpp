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
    : options_(&options),
      decoder_(tokenizer),
      scanner_(std::move(scanner)),
      lines_(options.lines) {
  if (options.marks) stream_.emplace(tokenizer, *options.marks);
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
  if (drawn.is_last || scanner_.found() || lines_.found() || (is_late && has_line_))
    finish(drawn, parts);
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
    if (piece.part == Part::call) calls_ += piece.text;
  }
}

// An answer that begins like a call written as text is held back until that is known.
void ReplyText::add_answer(std::string_view text, ReplyParts& parts) {
  const size_t hidden = std::min(options_->begun - begun_, text.size());
  begun_ += hidden;
  std::string certain = scanner_.push(text.substr(hidden));
  has_line_ = has_line_ || certain.find('\n') != certain.npos;
  certain = lines_.push(certain);
  if (certain.empty()) return;
  if (!has_answer_ && options_->tools)
    holds_answer_ = certain[0] == '{' || certain[0] == '`' || certain[0] == '<';
  has_answer_ = true;
  (holds_answer_ ? held_ : parts.answer) += certain;
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

// Calls that are none of the wanted form stay text.
void ReplyText::find_calls(ReplyParts& parts) {
  const std::string& text = calls_.empty() ? held_ : calls_;
  if (options_->tools && !text.empty()) parts.calls = find_tool_calls(text, *options_->tools);
  if (parts.calls.size() > 0 && calls_.empty()) held_.clear();
  parts.answer += held_;
  if (parts.calls.size() == 0) parts.answer += calls_;
  if (parts.calls.size() > 0) parts.answer = trim(parts.answer);
}

void ReplyText::finish(const Drawn& drawn, ReplyParts& parts) {
  if (!scanner_.found()) {
    if (stream_)
      add(stream_->finish(), parts);
    else
      add_answer(decoder_.finish(), parts);
  }
  std::string rest = lines_.push(scanner_.finish());
  rest += lines_.finish();
  (holds_answer_ ? held_ : parts.answer) += rest;
  find_calls(parts);
  parts.is_last = true;
  parts.reason = drawn.is_last ? drawn.reason : FinishReason::length;
  if (scanner_.found()) {
    parts.reason = FinishReason::stop;
    parts.stop = scanner_.stop();
  }
  is_finished_ = true;
}

}  // namespace weir
