// What streamed attention (streamed_attention.h) multiplies with: one page of the cache, in any
// type and form, times rows of queries or of probabilities.
#pragma once
#include <memory>

#include "kernels/kernels.h"
#include "tensor/cache.h"

namespace weir {

// Queries as a page wants them, one after another: floats, rotated for types with codes, and then
// words with a scale for every part. A query is as wide as CacheLayout::key.
struct PreparedQueries {
  float* rows = nullptr;     // [queries][width]
  int16_t* words = nullptr;  // the same, types with codes only
  float* scales = nullptr;   // [queries][parts]
  PreparedQueries from(int first, const CacheVector& key) const {
    const size_t n = size_t(first), width = size_t(key.width);
    return {rows + n * width, words ? words + n * width : nullptr,
            scales ? scales + n * size_t(key.parts) : nullptr};
  }
};

// Reads and writes nothing but its arguments: threads share one.
class PageProducts {
 public:
  PageProducts(const CacheVector& key, const CacheVector& value) : key_(key), value_(value) {}
  virtual ~PageProducts() = default;
  // Floats of a thread's scratch for the calls below, 64-byte aligned.
  virtual size_t scratch() const = 0;
  // Rotates the query in rows[query] and makes its words and scales.
  void prepare(const PreparedQueries& queries, int query) const;
  // out[r][u] = query r . key u for the 32 keys of a page; out_row is a multiple of 16. `next`: the
  // page that follows, or null; it is fetched meanwhile.
  virtual void score(const float* page, const float* next, const PreparedQueries& queries, int rows,
                     float* out, size_t out_row, float* scratch) const = 0;
  // out[r][d] (+)= sum over the first `keys` keys u of p[r][u] * value u[d]; p is 0 from `keys`
  // to 32. The values stay rotated.
  virtual void mix(const float* page, const float* next, const float* p, size_t p_row, int rows,
                   int keys, float* out, size_t out_row, bool accumulate, float* scratch) const = 0;
  // Copies vector `at` of `page` to place `to` of `copy` (latent only: rows can be gathered).
  virtual void copy_row(const float* page, int at, float* copy, int to) const = 0;

  const CacheVector& key() const { return key_; }
  const CacheVector& value() const { return value_; }

 protected:
  const CacheVector key_, value_;
};

// Of a head of the expanded form: `page` points to its keys, its values follow.
std::unique_ptr<const PageProducts> expanded_products(const CacheVector& key,
                                                      const CacheVector& value);
// Of the latent form: `page` points to the rows of a layer.
std::unique_ptr<const PageProducts> latent_products(const CacheVector& key,
                                                    const CacheVector& value);

}  // namespace weir
