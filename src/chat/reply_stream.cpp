#include "chat/reply_stream.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace weir {
namespace {

bool contains(const std::vector<int>& ids, int id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

ReplyMarks reply_marks(const ConversationFormat& format) {
  return {format.think(), format.end_of_thinking(), format.ends(), format.begins_thinking(),
          false,          {}};
}

ReplyStream::ReplyStream(const Tokenizer& tokenizer, ReplyMarks marks)
    : marks_(std::move(marks)), decoder_(tokenizer), call_decoder_(tokenizer, true) {
  if (marks_.begins_thinking) part_ = ReplyPiece::Part::thinking;
  has_text_ = marks_.continues;
}

std::vector<ReplyPiece> ReplyStream::push(int token) {
  std::vector<ReplyPiece> pieces;
  if (is_ended_) return pieces;
  const bool is_first = is_first_;
  is_first_ = false;
  if (contains(marks_.ends, token)) {
    is_ended_ = true;
    close_part(pieces);
  } else if (is_first && token == marks_.think) {
    part_ = ReplyPiece::Part::thinking;
  } else if (part_ == ReplyPiece::Part::thinking && token == marks_.end_of_thinking) {
    close_part(pieces);
    part_ = ReplyPiece::Part::answer;
  } else if (part_ == ReplyPiece::Part::call || contains(marks_.calls, token)) {
    if (part_ != ReplyPiece::Part::call) close_part(pieces);
    part_ = ReplyPiece::Part::call;
    add(call_decoder_.push(token), pieces);
  } else {
    add(decoder_.push(token), pieces);
  }
  return pieces;
}

std::vector<ReplyPiece> ReplyStream::finish() {
  std::vector<ReplyPiece> pieces;
  if (!is_ended_) close_part(pieces);
  is_ended_ = true;
  return pieces;
}

// The next part must not complete a character that this one leaves incomplete.
void ReplyStream::close_part(std::vector<ReplyPiece>& pieces) {
  add(part_ == ReplyPiece::Part::call ? call_decoder_.finish() : decoder_.finish(), pieces);
  has_text_ = false;
  blanks_.clear();
}

void ReplyStream::add(std::string text, std::vector<ReplyPiece>& pieces) {
  const std::string_view inner = trim(text);
  if (inner.empty()) {
    if (has_text_) blanks_ += text;
    return;
  }
  const size_t begin = size_t(inner.data() - text.data()), end = begin + inner.size();
  std::string shown = has_text_ ? blanks_ + text.substr(0, end) : std::string(inner);
  blanks_ = text.substr(end);
  has_text_ = true;
  pieces.push_back({part_, std::move(shown)});
}

}  // namespace weir
