// Where the end of a text has occurred before, and what came next: drafts from the prompt and from
// what was drawn (prompt lookup, Saxena 2023), by chains of equal n-grams as in LZ77 compressors.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace weir {

class NgramIndex {
 public:
  // Takes in what is new; `tokens` begin with those of the last call.
  void add(std::span<const int> tokens);

  // The last `length` tokens also stand before tokens[next]; 0: no two of them do.
  struct Match {
    int next = 0, length = 0;
  };
  // Of the latest occurrences of the last six tokens, else of the last two, the longest match, the
  // latest among equals. `tokens` as in the last add().
  Match find(std::span<const int> tokens) const;
  // What followed the match, repeated where it reaches the end of the text.
  static std::vector<int> follow(std::span<const int> tokens, Match match, int count);

 private:
  // N-grams of one length by the position after them: the latest of each hash, and for each
  // position the one before it.
  struct Chains {
    int order;
    std::vector<int> latest = {}, earlier = {};
  };
  static size_t slot_of(const Chains& chains, const int* end);
  static void append(Chains& chains, std::span<const int> tokens, int position);
  static Match find(const Chains& chains, std::span<const int> tokens);

  Chains long_{.order = 6}, short_{.order = 2};
};

}  // namespace weir
