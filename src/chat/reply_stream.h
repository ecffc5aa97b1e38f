// An assistant's tokens as they are drawn, cut into thinking, answer and calls of tools: the
// streaming form of ConversationFormat::parse(), for showing a reply while it is made.
#pragma once
#include <string>
#include <vector>

#include "chat/conversation.h"

namespace weir {

struct ReplyPiece {
  enum class Part { thinking, answer, call } part = Part::answer;
  std::string text;
};

// The tokens that a reply is cut at; -1: there is none.
struct ReplyMarks {
  int think = -1, end_of_thinking = -1;
  std::vector<int> ends = {};    // of the reply
  bool begins_thinking = false;  // the prompt ended with <think>
  // Tokens that begin a call: all that follows is calls, with the text of control tokens.
  std::vector<int> calls = {};
};
ReplyMarks reply_marks(const ConversationFormat& format);

class ReplyStream {
 public:
  // The tokenizer outlives the stream.
  ReplyStream(const Tokenizer& tokenizer, ReplyMarks marks);

  // Text that became certain with this token, often nothing. The pieces of a part, joined over the
  // reply, are what parse() finds: outer blanks are left out, marks after the first </think> are
  // text of the answer. After the end of sequence nothing comes.
  std::vector<ReplyPiece> push(int token);
  // At the end: an incomplete character that was held back.
  std::vector<ReplyPiece> finish();

 private:
  void add(std::string text, std::vector<ReplyPiece>& pieces);
  void close_part(std::vector<ReplyPiece>& pieces);

  ReplyMarks marks_;
  StreamDecoder decoder_, call_decoder_;
  ReplyPiece::Part part_ = ReplyPiece::Part::answer;
  bool is_first_ = true, is_ended_ = false;
  bool has_text_ = false;  // of this part
  std::string blanks_;     // that stay out unless more text follows
};

}  // namespace weir
