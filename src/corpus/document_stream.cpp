#include "corpus/document_stream.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "base/random.h"

namespace weir {

void TrainingBatch::clear() {
  tokens.clear();
  positions.clear();
  sequences.clear();
  targets.clear();
  roots.clear();
  counted = 0;
  target_bytes = 0;
}

DocumentStream::DocumentStream(std::vector<TokenRange> documents)
    : documents_(std::move(documents)), order_(documents_.size()), ends_(documents_.size()) {
  std::iota(order_.begin(), order_.end(), 0u);
  sum_up();
}

void DocumentStream::sum_up() {
  int64_t rows = 0;
  for (size_t i = 0; i < order_.size(); ++i) ends_[i] = rows += documents_[order_[i]].rows();
}

void DocumentStream::shuffle(uint64_t seed, int64_t epoch) {
  // From the order given, not from the last one: the result depends on seed and epoch alone.
  std::iota(order_.begin(), order_.end(), 0u);
  Random random(seed, uint64_t(epoch));
  for (size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random.below(i)]);
  sum_up();
}

void DocumentStream::append_rows(int64_t first, int count, std::span<const uint32_t> tokens,
                                 TrainingBatch& batch) const {
  CHECK_LE(first + count, rows());
  // The first document that ends behind `first`; documents without rows are passed over.
  size_t at = size_t(std::upper_bound(ends_.begin(), ends_.end(), first) - ends_.begin());
  while (count > 0) {
    const TokenRange& document = documents_[order_[at]];
    const size_t skipped = size_t(first - (ends_[at] - document.rows()));
    const int take = int(std::min<int64_t>(count, ends_[at] - first));
    const int sequence = batch.sequences.empty() ? 0 : batch.sequences.back() + 1;
    const uint32_t* token = tokens.data() + document.begin + skipped;
    for (int i = 0; i < take; ++i) {
      batch.tokens.push_back(int(token[i]));
      batch.positions.push_back(i);
      batch.sequences.push_back(sequence);
      batch.targets.push_back(int(token[i + 1]));
    }
    batch.counted += take;
    first += take;
    count -= take;
    ++at;
  }
}

}  // namespace weir
