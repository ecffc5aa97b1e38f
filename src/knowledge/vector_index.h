// The vectors of a base in memory, eight bits a number, searched exactly.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "knowledge/knowledge_base.h"

namespace weir {

struct ByteVector {
  float scale = 0;  // number = scale * code
  std::vector<int8_t> codes;
};
// The largest number becomes 127. Vectors of zeros have scale 0.
ByteVector to_bytes(std::span<const float> vector);

struct NearVector {
  int64_t chunk;
  float cosine;
};

class VectorIndex {
 public:
  VectorIndex() = default;
  // An error if their widths differ.
  static Result<VectorIndex> load(const KnowledgeBase& base);
  void add(int64_t chunk, float scale, std::span<const int8_t> codes);

  size_t size() const { return chunks_.size(); }
  int width() const { return width_; }
  // The best first, ties to the lower chunk; `query` has length 1 and width() numbers. `allowed`,
  // if not null: sorted chunks. The same result with any number of threads.
  std::vector<NearVector> nearest(std::span<const float> query, size_t count,
                                  const std::vector<int64_t>* allowed, ThreadPool& pool) const;

 private:
  int width_ = 0;
  std::vector<int64_t> chunks_;  // ascending
  std::vector<float> scales_;
  std::vector<int8_t> codes_;  // [size, width]
};

}  // namespace weir
