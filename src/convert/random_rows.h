// Rows of random numbers, encoded: what make_random fills tensors with.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/quant/blocks.h"

namespace weir {

class RandomRows {
 public:
  RandomRows(uint64_t seed, ThreadPool& pool) : seed_(seed), pool_(pool) {}

  // 512 rows of `columns` normal numbers, one after another, made on first use.
  const std::vector<std::byte>& pool(WeightType type, uint64_t columns, float spread);
  // `rows` of them in an order that depends on the seed and `tensor`, from row `first` on, into
  // `to`.
  void fill(WeightType type, uint64_t columns, float spread, uint64_t tensor, uint64_t first,
            uint64_t rows, std::byte* to);

 private:
  uint64_t seed_;
  ThreadPool& pool_;
  std::map<std::tuple<WeightType, uint64_t, float>, std::vector<std::byte>> made_;
};

}  // namespace weir
