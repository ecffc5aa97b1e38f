#include "knowledge/vector_index.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "knowledge/byte_product.h"

namespace weir {
namespace {

constexpr size_t kSliceRows = 2048;

bool is_better(const NearVector& a, const NearVector& b) {
  return a.cosine != b.cosine ? a.cosine > b.cosine : a.chunk < b.chunk;
}

}  // namespace

ByteVector to_bytes(std::span<const float> vector) {
  ByteVector bytes;
  bytes.codes.resize(vector.size());
  float largest = 0;
  for (float v : vector) largest = std::max(largest, std::fabs(v));
  if (!(largest > 0) || !std::isfinite(largest)) return bytes;
  bytes.scale = largest / 127;
  for (size_t i = 0; i < vector.size(); ++i)
    bytes.codes[i] = int8_t(std::lround(vector[i] / bytes.scale));
  return bytes;
}

Result<VectorIndex> VectorIndex::load(const KnowledgeBase& base) {
  VectorIndex index;
  Statement all =
      TRY(base.database().prepare("SELECT chunk, scale, codes FROM vectors ORDER BY chunk"));
  while (TRY(all.step())) {
    const std::span<const std::byte> codes = all.bytes(2);
    if (codes.empty() || codes.size() > 65536 ||
        (index.width_ > 0 && codes.size() != size_t(index.width_)))
      return Error{base.path() +
                   ": its vectors differ in width; embed the documents again with "
                   "weir knowledge add --embed-again"};
    index.add(all.integer(0), float(all.real(1)),
              {reinterpret_cast<const int8_t*>(codes.data()), codes.size()});
  }
  return index;
}

void VectorIndex::add(int64_t chunk, float scale, std::span<const int8_t> codes) {
  CHECK(width_ == 0 || codes.size() == size_t(width_));
  width_ = int(codes.size());
  chunks_.push_back(chunk);
  scales_.push_back(scale);
  codes_.insert(codes_.end(), codes.begin(), codes.end());
}

std::vector<NearVector> VectorIndex::nearest(std::span<const float> query, size_t count,
                                             const std::vector<int64_t>* allowed,
                                             ThreadPool& pool) const {
  if (chunks_.empty() || query.size() != size_t(width_) || count == 0) return {};
  const ByteVector bytes = to_bytes(query);
  const size_t slices = (size() + kSliceRows - 1) / kSliceRows;
  std::vector<std::vector<NearVector>> best(slices);
  pool.parallel_for(int(slices), [&](int slice, int) {
    std::vector<NearVector>& heap = best[size_t(slice)];  // the worst of the best at its front
    const size_t end = std::min(size(), (size_t(slice) + 1) * kSliceRows);
    for (size_t row = size_t(slice) * kSliceRows; row < end; ++row) {
      const int32_t product =
          byte_product(bytes.codes.data(), codes_.data() + row * size_t(width_), size_t(width_));
      const NearVector found{chunks_[row], float(product) * bytes.scale * scales_[row]};
      if (heap.size() == count && !is_better(found, heap.front())) continue;
      if (allowed && !std::ranges::binary_search(*allowed, found.chunk)) continue;
      if (heap.size() == count) {
        std::ranges::pop_heap(heap, is_better);
        heap.pop_back();
      }
      heap.push_back(found);
      std::ranges::push_heap(heap, is_better);
    }
  });
  std::vector<NearVector> all;
  for (const auto& part : best) all.insert(all.end(), part.begin(), part.end());
  std::ranges::sort(all, is_better);
  if (all.size() > count) all.resize(count);
  return all;
}

}  // namespace weir
