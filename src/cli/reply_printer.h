// Shows a reply on standard output while it is made: thinking apart from the answer.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "generate/request.h"
#include "text/reply_stream.h"

namespace weir {

// dimmed: in grey, for terminals. marked: between lines "<think>" and "</think>". hidden: left out.
enum class ThinkingStyle { dimmed, marked, hidden };

// Pieces of one reply to the bytes that show them; whoever prints is somebody else. Control
// characters, which a terminal would obey, become '?'.
class ThinkingWriter {
 public:
  explicit ThinkingWriter(ThinkingStyle style) : style_(style) {}
  std::string write(const std::vector<ReplyPiece>& pieces);
  // Ends the last line. Thinking that was never closed stays without its end mark.
  std::string finish();

 private:
  std::string begin_part(ReplyPiece::Part part);

  ThinkingStyle style_;
  enum class State { nothing, thinking, answer } state_ = State::nothing;
};

// Prints replies with their thinking apart; asks for the end when `asks` says so or
// nobody reads any more.
class ReplyPrinter : public Listener {
 public:
  ReplyPrinter(const Tokenizer& tokenizer, ReplyMarks marks, ThinkingStyle style, bool (*asks)())
      : stream_(tokenizer, std::move(marks)), writer_(style), asks_(asks) {}
  bool on_token(const TokenEvent& event) override;
  bool is_cancelled() override;
  void finish();

 private:
  ReplyStream stream_;
  ThinkingWriter writer_;
  bool (*asks_)();
};

// Prints replies in plain text, without the blanks they begin with.
class PlainPrinter : public Listener {
 public:
  explicit PlainPrinter(bool (*asks)()) : asks_(asks) {}
  bool on_token(const TokenEvent& event) override;
  bool is_cancelled() override;
  void finish();

 private:
  bool (*asks_)();
  bool began_ = false;
};

}  // namespace weir
