// Finds many words at once in normalised text (normaliser.h): Aho and Corasick, "Efficient string
// matching" (1975). Time is linear in the text, whatever the words.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

struct WordMatch {
  int rule = 0;
  size_t begin = 0, end = 0;  // bytes of the text as it came
};

class WordMatcher {
 public:
  static constexpr size_t kEntriesMax = 100'000, kSymbolsMax = 96;

  WordMatcher();
  WordMatcher(WordMatcher&&) noexcept;
  ~WordMatcher();

  // `rule` is the caller's number. whole: of letters, not inside of a longer word. readings: the
  // first letters of a Han entry's readings match too (three characters and more). Fails for an
  // entry that is too short (one character) or too long to mean something.
  struct Entry {
    int rule = 0;
    bool is_whole = true, has_readings = false;
  };
  Result<void> add(std::string_view word, const Entry& entry);
  // After the last add().
  void finish();
  size_t entries() const { return entries_; }

  class Stream;

 private:
  struct Machine;
  std::unique_ptr<Machine> machine_;
  size_t entries_ = 0;
};

// One text that comes in parts. The matcher outlives it.
class WordMatcher::Stream {
 public:
  explicit Stream(const WordMatcher& matcher);
  ~Stream();
  // The next part. Matches are added in order of their ends.
  void push(std::string_view text, bool is_last, std::vector<WordMatch>& matches);
  // No match that comes later begins before this byte.
  size_t certain() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
