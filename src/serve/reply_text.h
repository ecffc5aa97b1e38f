// The text of one reply as the server sends it: the engine's tokens become thinking, answer and
// calls; stop strings end the answer.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "chat/call_parser.h"
#include "chat/line_limits.h"
#include "chat/reply_stream.h"
#include "chat/stop_scanner.h"
#include "serve/reply_writer.h"

namespace weir {

struct ReplyTextOptions {
  // Of a conversation: how its parts are told apart; nothing: all of it is the answer, with its
  // blanks.
  std::optional<ReplyMarks> marks = {};
  std::vector<int> ends = {};  // tokens that end a reply
  std::vector<std::string> stops = {};
  size_t begun = 0;       // bytes that the answer begins with and that are not shown
  LineLimits lines = {};  // of the answer
  double seconds_max = 0;  // ServeRequest::seconds_max
  bool wants_scores = false;
  std::optional<Json> tools = {};  // check_tools(): calls of these are looked for
  // Calls are handed over when they are whole, and what is none stays text; else as they come
  // (call_parser.h says what then becomes of a call that breaks).
  bool whole_calls = true;
  bool single_call = false;  // the first call ends the reply
};

class ReplyText {
 public:
  // Fails on stop strings that can not be looked for. The tokenizer outlives the text.
  static Result<ReplyText> create(const Tokenizer& tokenizer, const ReplyTextOptions& options);

  // Takes the next token. Returns what became certain: often nothing.
  // `is_late`: ends with this token if a line has ended.
  ReplyParts push(const Drawn& drawn, bool is_late = false);
  // By the engine or a stop string. Tokens that come later are to be left out.
  bool is_finished() const { return is_finished_; }
  int tokens() const { return tokens_; }
  int thinking_tokens() const { return thinking_tokens_; }

 private:
  ReplyText(const Tokenizer& tokenizer, const ReplyTextOptions& options, StopScanner scanner);
  void add(const std::vector<ReplyPiece>& pieces, ReplyParts& parts);
  void add_answer(std::string_view text, ReplyParts& parts);
  void add_score(const SampledToken& token, ReplyPiece::Part part);
  bool is_mark(int token) const;
  void read_calls(std::string_view text, ReplyParts& parts);
  void take_events(ReplyParts& parts);
  void finish(const Drawn& drawn, ReplyParts& parts);

  const ReplyTextOptions* options_;
  StreamDecoder decoder_;
  std::optional<ReplyStream> stream_;
  StopScanner scanner_;
  LineScanner lines_;
  size_t begun_ = 0;       // bytes that have come of ReplyTextOptions::begun
  bool has_line_ = false;  // a line of the answer has ended
  std::optional<CallParser> calls_;
  std::vector<CallEvent> events_;
  int call_ = -1;                                            // the last one that has begun
  std::string name_;                                         // its name
  bool has_call_ = false;                                    // a whole one
  std::vector<TokenScore> thinking_scores_, answer_scores_;  // not handed out yet
  bool is_finished_ = false;
  int tokens_ = 0, thinking_tokens_ = 0;
};

}  // namespace weir
