// Splits a reply's tokens, as they are drawn, into thinking, answer and tool calls: the streaming
// form of ConversationFormat::parse(), for showing a reply while it is generated.
#pragma once
#include <string>
#include <vector>

#include "chat/conversation.h"

namespace weir {

struct ReplyPiece {
  enum class Part { thinking, answer, call } part = Part::answer;
  std::string text;
};

// The tokens that separate the parts of a reply; -1: the tokenizer has no such token.
struct ReplyMarks {
  int think = -1, end_of_thinking = -1;
  std::vector<int> ends = {};    // of the reply
  bool begins_thinking = false;  // the prompt ended with <think>
  // The reply goes on inside of a text, whose blanks count.
  bool continues = false;
  // Tokens that begin tool calls. Everything after one is calls, with the text of control tokens.
  std::vector<int> calls = {};
};
ReplyMarks reply_marks(const ConversationFormat& format);

class ReplyStream {
 public:
  // The tokenizer outlives the stream.
  ReplyStream(const Tokenizer& tokenizer, ReplyMarks marks);

  // Text that became certain with this token, often none. The joined pieces of a part are what
  // parse() finds: without outer blanks, and with marks after the first </think> as text of the
  // answer. After the end of sequence nothing comes.
  std::vector<ReplyPiece> push(int token);
  // At the end: U+FFFD for an incomplete character.
  std::vector<ReplyPiece> finish();
  // Of the next token, unless that one changes it.
  ReplyPiece::Part part() const { return part_; }

 private:
  void add(std::string text, std::vector<ReplyPiece>& pieces);
  void close_part(std::vector<ReplyPiece>& pieces);

  ReplyMarks marks_;
  StreamDecoder decoder_, call_decoder_;
  ReplyPiece::Part part_ = ReplyPiece::Part::answer;
  bool is_first_ = true, is_ended_ = false;
  bool has_text_ = false;  // of this part
  std::string blanks_;     // left out unless more text follows
};

}  // namespace weir
