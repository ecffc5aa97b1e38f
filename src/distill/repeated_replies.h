// Whether a teacher repeats itself: a loop inside one reply, or the same reply to many questions.
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace weir {

// A text that ends in the same piece again and again: four times or more, for at least 60 bytes, of
// a piece of at most 400 bytes; or the same line eight times. Looks at the last 16 KiB.
bool ends_in_loop(std::string_view text);

// Replies by their text, over all questions.
class ReplyCounts {
 public:
  // How many other questions had this reply before. One question counts a reply once.
  size_t add(size_t question, const std::string& reply);
  // Whether, of at least 20 questions, the most frequent reply is that to more than half of them.
  bool is_stuck() const;
  const std::string& most_frequent() const { return top_; }
  size_t most() const { return most_; }

 private:
  struct Seen {
    size_t questions = 0, last = 0;
  };
  std::map<std::string, Seen> seen_;
  std::map<size_t, bool> questions_;
  std::string top_;
  size_t most_ = 0;
};

}  // namespace weir
