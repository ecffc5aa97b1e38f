// Shows a reply on standard output while it is made: thinking apart from the answer.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/generator.h"
#include "chat/reply_stream.h"

namespace weir {

// dimmed: in grey, for terminals. marked: between lines "<think>" and "</think>". hidden: left out.
enum class ThinkingStyle { dimmed, marked, hidden };

// Pieces of one reply to the bytes that show them; whoever prints is somebody else. Control
// characters, which a terminal would obey, become '?'. Calls of tools are left out.
class ThinkingWriter {
 public:
  explicit ThinkingWriter(ThinkingStyle style) : style_(style) {}
  std::string write(const std::vector<ReplyPiece>& pieces);
  // Ends the last line. Thinking that was never closed stays without its end mark.
  std::string finish();
  bool is_dimmed() const { return state_ == State::thinking && style_ == ThinkingStyle::dimmed; }

 private:
  std::string begin_part(ReplyPiece::Part part);

  ThinkingStyle style_;
  enum class State { nothing, thinking, answer } state_ = State::nothing;
};

// What all commands that generate show: how far a long prompt is read, on standard error if that is
// a terminal, gone as soon as text comes. Ends the work when `asks` says so or standard output is
// broken.
class ReplyListener : public Listener {
 public:
  explicit ReplyListener(bool (*asks)()) : asks_(asks) {}
  ~ReplyListener() override { hide_progress(); }
  void on_prompt(const PromptProgress& progress) override;
  bool is_cancelled() override;

 protected:
  void hide_progress();
  static void print_now(std::string_view text);

 private:
  bool (*asks_)();
  int64_t began_ns_ = 0;
  bool is_shown_ = false;
};

// "reading the prompt: 2304 of 6846 tokens, 40 s left"; `seconds` since its computed tokens were
// none.
std::string prompt_line(const PromptProgress& progress, double seconds);

// What text of a reply may be shown: a guard's.
class ReplyGate {
 public:
  virtual ~ReplyGate() = default;
  // The pieces of the next token; `is_last`: what is left at the end. Returns what may be shown.
  virtual std::vector<ReplyPiece> pass(std::vector<ReplyPiece> pieces, bool is_last) = 0;
  virtual bool is_ended() const = 0;  // the rest of the reply is not wanted
};

// Prints replies with their thinking apart.
class ReplyPrinter : public ReplyListener {
 public:
  // `gate`: null, or outlives this.
  ReplyPrinter(const Tokenizer& tokenizer, ReplyMarks marks, ThinkingStyle style, bool (*asks)(),
               ReplyGate* gate = nullptr)
      : ReplyListener(asks), stream_(tokenizer, std::move(marks)), writer_(style), gate_(gate) {}
  // The reply began with these tokens, which were shown before.
  void resume(const std::vector<int>& tokens);
  bool on_token(const TokenEvent& event) override;
  void finish();

 private:
  ReplyStream stream_;
  ThinkingWriter writer_;
  ReplyGate* gate_;
};

// Prints replies in plain text, without the blanks they begin with.
class PlainPrinter : public ReplyListener {
 public:
  // `resumes`: the text continues a reply; leading blanks are kept.
  explicit PlainPrinter(bool (*asks)(), bool resumes = false, ReplyGate* gate = nullptr)
      : ReplyListener(asks), began_(resumes), gate_(gate) {}
  bool on_token(const TokenEvent& event) override;
  void finish();

 private:
  void print(std::string_view text);

  bool began_;
  ReplyGate* gate_;
};

}  // namespace weir
