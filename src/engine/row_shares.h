// Which prompts the rows of a pass belong to. Keys (owners: TokenRequest::owner) get equal
// shares, whatever number of prompts they have; what one does not need goes to the others. Of a
// key's rows the oldest prompt gets a quarter, so that none starves, and the shortest ones the
// rest, so that a short prompt need not wait for a long one (shortest remaining work first).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace weir {

// A prompt that is being read.
struct PromptRows {
  int key = 0;   // index of its key
  int left = 0;  // rows that it still needs
  int rows = 0;  // of this pass
};

// Sets `rows` of prompts, the oldest first, to `budget` in all, or to all that is left. `served`:
// per key, the rows that it got so far; grows by these. When there are fewer rows than keys, those
// that got the fewest come first.
void share_rows(std::span<PromptRows> prompts, std::span<int64_t> served, int budget);

}  // namespace weir
