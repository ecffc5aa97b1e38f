// Counts the distinct pieces of a text on all threads: all that training needs to know of it.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/pretokenize.h"
#include "tokenizer/tokenizer_train.h"
#include "tokenizer/word_table.h"

namespace weir {

struct PieceCounts {
  WordTable pieces;
  std::vector<int64_t> counts;  // by number in `pieces`

  void add(std::string_view piece, int64_t times);
};

// Pieces longer than 4 KiB are counted in parts: every merge reads all of a piece it occurs in. The
// numbers of pieces depend on the threads, their counts do not.
Result<PieceCounts> count_pieces(std::span<const std::string_view> documents,
                                 const PreTokenizer& pre_tokenizer, bool nfc, ThreadPool& pool,
                                 const TrainProgress& progress);

}  // namespace weir
