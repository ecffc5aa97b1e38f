#include "distill/repeated_replies.h"

#include <algorithm>

namespace weir {
namespace {

constexpr size_t kLooked = 16 << 10, kPieceMax = 400, kTimes = 4, kLoopBytes = 60;
constexpr size_t kLineTimes = 8, kLineBytes = 8;
constexpr size_t kQuestionsMin = 20;

bool ends_in_piece(std::string_view text) {
  for (size_t piece = 1; piece <= kPieceMax && kTimes * piece <= text.size(); ++piece) {
    // The longest end of the text in which every byte equals the one a piece before.
    size_t length = piece;
    while (length < text.size() &&
           text[text.size() - 1 - length] == text[text.size() - 1 - length + piece])
      ++length;
    if (length >= std::max(kTimes * piece, kLoopBytes)) return true;
  }
  return false;
}

bool repeats_a_line(std::string_view text) {
  std::map<std::string_view, size_t> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.size() >= kLineBytes && ++lines[line] >= kLineTimes) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

}  // namespace

bool ends_in_loop(std::string_view text) {
  if (text.size() > kLooked) text.remove_prefix(text.size() - kLooked);
  return ends_in_piece(text) || repeats_a_line(text);
}

size_t ReplyCounts::add(size_t question, const std::string& reply) {
  questions_[question] = true;
  Seen& seen = seen_[reply];
  if (seen.questions > 0 && seen.last == question) return seen.questions - 1;
  seen.last = question;
  if (++seen.questions > most_) most_ = seen.questions, top_ = reply;
  return seen.questions - 1;
}

bool ReplyCounts::is_stuck() const {
  return questions_.size() >= kQuestionsMin && 2 * most_ > questions_.size();
}

}  // namespace weir
