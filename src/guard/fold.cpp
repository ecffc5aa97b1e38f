#include "guard/fold.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace weir {
namespace {

struct FoldRun {
  char32_t code;
  int kind;
};
struct FoldRange {
  char32_t code, folded;
  int count, step;
};

#include "guard/fold_table.inc"

constexpr char32_t kTableEnd = 0x10000;

FoldedCharacter compute(char32_t code) {
  const auto run = std::upper_bound(std::begin(kFoldRuns), std::end(kFoldRuns), code,
                                    [](char32_t c, const FoldRun& r) { return c < r.code; });
  FoldedCharacter folded{code, CharacterKind(std::prev(run)->kind)};
  const auto range = std::upper_bound(std::begin(kFoldRanges), std::end(kFoldRanges), code,
                                      [](char32_t c, const FoldRange& r) { return c < r.code; });
  // Ranges with a step of two may lie inside of one another.
  for (auto at = range; at != std::begin(kFoldRanges) && std::distance(at, range) < 2;) {
    --at;
    const char32_t distance = code - at->code;
    if (distance % char32_t(at->step) == 0 && distance / char32_t(at->step) < char32_t(at->count)) {
      folded.code = at->folded + distance;
      break;
    }
  }
  return folded;
}

std::vector<FoldedCharacter> make_table() {
  std::vector<FoldedCharacter> table(kTableEnd);
  for (char32_t code = 0; code < kTableEnd; ++code) table[code] = compute(code);
  return table;
}

}  // namespace

FoldedCharacter fold(char32_t code) {
  static const std::vector<FoldedCharacter> table = make_table();
  return code < kTableEnd ? table[code] : compute(code);
}

char reading_initial(char32_t code) {
  if (code < 0x4E00 || code >= 0x4E00 + sizeof kReadings - 1) return 0;
  const char letter = kReadings[code - 0x4E00];
  return letter == '.' ? char(0) : letter;
}

}  // namespace weir
