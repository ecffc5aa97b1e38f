// Finds stop strings in text that arrives in pieces, and holds back what may become one, so that no
// part of a stop string is ever shown.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

class StopScanner {
 public:
  // At most 64 strings of 1 to 1024 bytes of UTF-8.
  static Result<StopScanner> create(const std::vector<std::string>& stops);

  // The text that is now certain to be shown. After a stop string is complete, found() is true and
  // nothing more comes out. The result does not depend on how the text was cut: the string that is
  // complete first ends it, the longest one if several are complete at once.
  std::string push(std::string_view piece);
  // At the end of the text: what was held back and became no stop string.
  std::string finish();

  bool found() const { return found_ >= 0; }
  const std::string& stop() const { return patterns_[size_t(found_)].text; }  // found()

 private:
  // Knuth, Morris, Pratt 1977: fallback[i] is the length of the longest proper prefix of the text
  // that also ends its first i + 1 bytes.
  struct Pattern {
    std::string text;
    std::vector<int> fallback;
    int matched = 0;
    bool push(char byte);  // whether the text is complete
  };
  std::vector<Pattern> patterns_;
  std::string pending_;
  int found_ = -1;
};

}  // namespace weir
