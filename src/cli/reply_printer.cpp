#include "cli/reply_printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/clock.h"
#include "base/terminal.h"
#include "base/text.h"

namespace weir {
namespace {

// A prompt of which fewer tokens are left is read before anybody wonders.
constexpr int64_t kShownTokens = 32;

constexpr const char* kDim = "\x1b[2m";
constexpr const char* kReset = "\x1b[0m";

// C0 without tab and line end, DEL, and C1 (U+0080 to U+009F, in UTF-8 c2 80 to c2 9f).
std::string harmless(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_c1 =
        byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    const bool is_control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
    out += is_control || is_c1 ? '?' : text[i];
    i += is_c1;
  }
  return out;
}

}  // namespace

std::string ThinkingWriter::begin_part(ReplyPiece::Part part) {
  const State wanted = part == ReplyPiece::Part::thinking ? State::thinking : State::answer;
  if (wanted == state_) return "";
  const bool was_thinking = state_ == State::thinking;
  state_ = wanted;
  if (style_ == ThinkingStyle::hidden) return "";
  const bool is_dimmed = style_ == ThinkingStyle::dimmed;
  if (wanted == State::thinking) return is_dimmed ? kDim : "<think>\n";
  if (!was_thinking) return "";
  return is_dimmed ? std::string(kReset) + "\n" : "\n</think>\n";
}

std::string ThinkingWriter::write(const std::vector<ReplyPiece>& pieces) {
  std::string out;
  for (const ReplyPiece& piece : pieces) {
    out += begin_part(piece.part);
    const bool is_shown =
        piece.part == ReplyPiece::Part::answer ||
        (piece.part == ReplyPiece::Part::thinking && style_ != ThinkingStyle::hidden);
    if (is_shown) out += harmless(piece.text);
  }
  return out;
}

std::string ThinkingWriter::finish() {
  const bool is_dim = state_ == State::thinking && style_ == ThinkingStyle::dimmed;
  state_ = State::nothing;
  return is_dim ? std::string(kReset) + "\n" : "\n";
}

std::string prompt_line(const PromptProgress& progress, double seconds) {
  std::string line =
      fmt::format("reading the prompt: {} of {} tokens", progress.done, progress.total);
  if (progress.computed > 0 && progress.done < progress.total)
    line +=
        fmt::format(", {} left", format_seconds(seconds * double(progress.total - progress.done) /
                                                double(progress.computed)));
  return line;
}

void ReplyListener::on_prompt(const PromptProgress& progress) {
  if (progress.computed == 0) began_ns_ = monotonic_ns();
  if (progress.done >= progress.total) return hide_progress();
  if (!stderr_is_terminal() || progress.total - progress.done < kShownTokens) return;
  const double seconds = double(monotonic_ns() - began_ns_) * 1e-9;
  fmt::print(stderr, "\r\x1b[K{}", prompt_line(progress, seconds));
  fflush(stderr);
  is_shown_ = true;
}

void ReplyListener::hide_progress() {
  if (!is_shown_) return;
  fputs("\r\x1b[K", stderr);
  fflush(stderr);
  is_shown_ = false;
}

bool ReplyListener::is_cancelled() { return asks_() || ferror(stdout); }

void ReplyListener::print_now(std::string_view text) {
  if (text.empty()) return;
  fwrite(text.data(), 1, text.size(), stdout);
  fflush(stdout);
}

bool ReplyPrinter::on_token(const TokenEvent& event) {
  hide_progress();
  std::vector<ReplyPiece> pieces = stream_.push(event.token.token);
  if (gate_) pieces = gate_->pass(std::move(pieces), false);
  print_now(writer_.write(pieces));
  return !ferror(stdout) && !(gate_ && gate_->is_ended());
}

void ReplyPrinter::resume(const std::vector<int>& tokens) {
  for (const int token : tokens) writer_.write(stream_.push(token));
  if (writer_.is_dimmed()) print_now(kDim);
}

void ReplyPrinter::finish() {
  hide_progress();
  std::vector<ReplyPiece> pieces = stream_.finish();
  if (gate_) pieces = gate_->pass(std::move(pieces), true);
  print_now(writer_.write(pieces) + writer_.finish());
}

namespace {

std::string joined(const std::vector<ReplyPiece>& pieces) {
  std::string text;
  for (const ReplyPiece& piece : pieces) text += piece.text;
  return text;
}

}  // namespace

bool PlainPrinter::on_token(const TokenEvent& event) {
  hide_progress();
  if (!gate_) {
    print(event.text);
    return !ferror(stdout);
  }
  std::vector<ReplyPiece> pieces;
  pieces.push_back({ReplyPiece::Part::answer, std::string(event.text)});
  print(joined(gate_->pass(std::move(pieces), false)));
  return !ferror(stdout) && !gate_->is_ended();
}

void PlainPrinter::print(std::string_view text) {
  if (!began_) text.remove_prefix(std::min(text.find_first_not_of(" \n\t"), text.size()));
  if (text.empty()) return;
  began_ = true;
  print_now(text);
}

void PlainPrinter::finish() {
  hide_progress();
  if (gate_) print(joined(gate_->pass({}, true)));
  print_now("\n");
}

}  // namespace weir
