#include "ops/attention/page_products.h"

#include <algorithm>
#include <cstring>

#include "ops/attention/cache_rows.h"
#include "ops/attention/rotation.h"

namespace weir {
namespace {

static_assert(kCachePage == kCodeRows);

WeightType stored_as(CacheType type) {
  return type == CacheType::f32   ? WeightType::f32
         : type == CacheType::f16 ? WeightType::f16
                                  : WeightType::bf16;
}
size_t number_bytes(CacheType type) { return type == CacheType::f32 ? 4 : 2; }

const float* bytes_after(const float* p, size_t bytes) {
  return reinterpret_cast<const float*>(reinterpret_cast<const char*>(p) + bytes);
}
// Where `from` would be if the page at `page` were the one at `next`.
template <class T>
const void* same_place(const T* from, const void* page, const void* next) {
  return next ? static_cast<const char*>(next) +
                    (reinterpret_cast<const char*>(from) - static_cast<const char*>(page))
              : nullptr;
}

// A page without codes.
NarrowProduct product_of(CacheType type, const float* left, size_t left_row, const float* right,
                         const float* next, int right_row, int rows, int inner, float* out,
                         size_t out_row) {
  NarrowProduct g{};
  g.type = stored_as(type);
  g.left = left;
  g.left_row = left_row;
  g.right = right;
  g.right_row = size_t(right_row);
  g.out = out;
  g.out_row = out_row;
  g.rows = rows;
  g.inner = inner;
  g.next = next;
  return g;
}

class ExpandedNumbers final : public PageProducts {
 public:
  using PageProducts::PageProducts;
  size_t scratch() const override { return 0; }
  void score(const float* page, const float* next, const PreparedQueries& queries, int rows,
             float* out, size_t out_row, float*) const override {
    NarrowProduct g = product_of(key_.type, queries.rows, size_t(key_.width), page, next,
                                 kCachePage, rows, key_.width, out, out_row);
    g.cols = kCachePage;
    kernels().narrow_product(g);
  }
  void mix(const float* page, const float* next, const float* p, size_t p_row, int rows, int keys,
           float* out, size_t out_row, bool accumulate, float*) const override {
    const size_t offset = key_.page_bytes();
    NarrowProduct g = product_of(value_.type, p, p_row, bytes_after(page, offset),
                                 next ? bytes_after(next, offset) : nullptr, value_.width, rows,
                                 keys, out, out_row);
    g.cols = value_.width;
    g.accumulate = accumulate;
    kernels().narrow_product(g);
  }
  void copy_row(const float*, int, float*, int) const override {}
};

class LatentNumbers final : public PageProducts {
 public:
  using PageProducts::PageProducts;
  size_t scratch() const override { return kGemmScratch; }
  // In the lanes of `dot`: rows are too wide for a panel of their own to pay.
  void score(const float* page, const float*, const PreparedQueries& queries, int rows, float* out,
             size_t out_row, float* scratch) const override {
    BlockGemm g{};
    g.type = stored_as(key_.type);
    g.weights = page;
    g.weight_row = size_t(key_.width) * number_bytes(key_.type);
    g.left = queries.rows;
    g.left_row = size_t(key_.width);
    g.out = out;
    g.out_row = out_row;
    g.rows = rows;
    g.cols = kCachePage;
    g.inner = key_.width;
    g.scratch = scratch;
    kernels().block_gemm(g);
  }
  void mix(const float* page, const float* next, const float* p, size_t p_row, int rows, int keys,
           float* out, size_t out_row, bool accumulate, float*) const override {
    NarrowProduct g =
        product_of(value_.type, p, p_row, page, next, key_.width, rows, keys, out, out_row);
    g.cols = value_.width;
    g.accumulate = accumulate;
    kernels().narrow_product(g);
  }
  void copy_row(const float* page, int at, float* copy, int to) const override {
    const size_t bytes = size_t(key_.width) * number_bytes(key_.type);
    std::memcpy(reinterpret_cast<char*>(copy) + size_t(to) * bytes,
                reinterpret_cast<const char*>(page) + size_t(at) * bytes, bytes);
  }
};

// Types with codes: the products of one part, whose right operand is in pairs.
class CodeProducts : public PageProducts {
 protected:
  using PageProducts::PageProducts;

  // Scores of one part, added to those of the parts before.
  void score_part(const PreparedQueries& queries, int rows, int part, int begin,
                  const int8_t* codes, const float* scales, const void* next, float* out,
                  size_t out_row) const {
    WordProduct g{};
    g.left = queries.words + begin;
    g.left_row = size_t(key_.width);
    g.left_scale = queries.scales + part;
    g.left_scale_row = size_t(key_.parts);
    g.right = codes;
    g.right_row = 2 * kCachePage;
    g.right_scale = scales;
    g.out = out;
    g.out_row = out_row;
    g.rows = rows;
    g.cols = kCachePage;
    g.inner = key_.part[part];
    g.accumulate = part > 0;
    g.next = next;
    kernels().word_product(g);
  }
  // Probabilities times the keys' scales, in words, times the codes of one part.
  void mix_part(const float* p, size_t p_row, int rows, int keys, int part, const int8_t* codes,
                const float* scales, const void* next, float* out, size_t out_row,
                bool accumulate) const {
    constexpr int kRowsMost = 64;
    alignas(64) int16_t words[kRowsMost * kCachePage];
    float row_scales[kRowsMost];
    for (int first = 0; first < rows; first += kRowsMost) {
      const int count = std::min(kRowsMost, rows - first);
      for (int r = 0; r < count; ++r)
        row_scales[r] = kernels().to_words(p + size_t(first + r) * p_row, scales, keys, kCachePage,
                                           words + r * kCachePage);
      WordProduct g{};
      g.left = words;
      g.left_row = kCachePage;
      g.left_scale = row_scales;
      g.left_scale_row = 1;
      g.right = codes;
      g.right_row = 2 * size_t(value_.part[part]);
      g.out = out + size_t(first) * out_row;
      g.out_row = out_row;
      g.rows = count;
      g.cols = value_.part[part];
      g.inner = kCachePage;
      g.accumulate = accumulate;
      g.next = next;
      kernels().word_product(g);
    }
  }
  // The codes of q8 where they are, those of q4 unpacked.
  const int8_t* unpacked(const CacheVector& v, const uint8_t* codes, size_t n, int8_t* room) const {
    if (v.type == CacheType::q8) return reinterpret_cast<const int8_t*>(codes);
    kernels().unpack_nibbles(codes, kNormalCodes, n, room);
    return room;
  }
  // Codes that are read where they are can be fetched ahead by the product that reads them.
  static const void* ahead(const CacheVector& v, const void* from, const float* page,
                           const float* next) {
    return v.type == CacheType::q8 ? same_place(static_cast<const char*>(from), page, next)
                                   : nullptr;
  }
};

class ExpandedCodes final : public CodeProducts {
 public:
  using CodeProducts::CodeProducts;
  size_t scratch() const override { return 512 * kCachePage / sizeof(float); }
  void score(const float* page, const float* next, const PreparedQueries& queries, int rows,
             float* out, size_t out_row, float* scratch) const override {
    for (int part = 0, begin = 0; part < key_.parts; begin += key_.part[part++]) {
      const uint8_t* codes = codes_of(key_, page, begin);
      score_part(queries, rows, part, begin,
                 unpacked(key_, codes, size_t(key_.part[part]) * kCachePage,
                          reinterpret_cast<int8_t*>(scratch)),
                 scales_of(page, part), ahead(key_, codes, page, next), out, out_row);
    }
  }
  void mix(const float* page, const float* next, const float* p, size_t p_row, int rows, int keys,
           float* out, size_t out_row, bool accumulate, float* scratch) const override {
    const float* values = bytes_after(page, key_.page_bytes());
    for (int part = 0, begin = 0; part < value_.parts; begin += value_.part[part++]) {
      const uint8_t* codes = codes_of(value_, values, begin);
      mix_part(p, p_row, rows, keys, part,
               unpacked(value_, codes, size_t(value_.part[part]) * kCachePage,
                        reinterpret_cast<int8_t*>(scratch)),
               scales_of(values, part), ahead(value_, codes, page, next), out + begin, out_row,
               accumulate);
    }
  }
  void copy_row(const float*, int, float*, int) const override {}
};

class LatentCodes final : public CodeProducts {
 public:
  using CodeProducts::CodeProducts;
  // Rows unpacked, and one part of them in pairs.
  size_t scratch() const override { return size_t(key_.width + 512) * kCachePage / sizeof(float); }
  void score(const float* page, const float*, const PreparedQueries& queries, int rows, float* out,
             size_t out_row, float* scratch) const override {
    int8_t* pairs = reinterpret_cast<int8_t*>(scratch);
    const int8_t* all = unpacked_rows(page, pairs + 512 * kCachePage);
    for (int part = 0, begin = 0; part < key_.parts; begin += key_.part[part++]) {
      kernels().inner_pairs(all + begin, size_t(key_.width), key_.part[part], pairs);
      score_part(queries, rows, part, begin, pairs, scales_of(page, part), nullptr, out, out_row);
    }
  }
  void mix(const float* page, const float*, const float* p, size_t p_row, int rows, int keys,
           float* out, size_t out_row, bool accumulate, float* scratch) const override {
    int8_t* pairs = reinterpret_cast<int8_t*>(scratch);
    const int8_t* all = unpacked_rows(page, pairs + 512 * kCachePage);
    for (int part = 0, begin = 0; part < value_.parts; begin += value_.part[part++]) {
      kernels().row_pairs(all + begin, size_t(key_.width), value_.part[part], pairs);
      mix_part(p, p_row, rows, keys, part, pairs, scales_of(page, part), nullptr, out + begin,
               out_row, accumulate);
    }
  }
  void copy_row(const float* page, int at, float* copy, int to) const override {
    for (int part = 0; part < key_.parts; ++part)
      scales_of(copy, part)[to] = scales_of(page, part)[at];
    const size_t bytes = key_.code_bytes(size_t(key_.width));
    std::memcpy(codes_of(key_, copy, 0) + size_t(to) * bytes,
                codes_of(key_, page, 0) + size_t(at) * bytes, bytes);
  }

 private:
  const int8_t* unpacked_rows(const float* page, int8_t* room) const {
    const uint8_t* codes = codes_of(key_, page, 0);
    if (key_.type == CacheType::q8) return reinterpret_cast<const int8_t*>(codes);
    const size_t width = size_t(key_.width);
    for (size_t u = 0; u < kCachePage; ++u)
      kernels().unpack_nibbles(codes + u * width / 2, kNormalCodes, width, room + u * width);
    return room;
  }
};

}  // namespace

void PageProducts::prepare(const PreparedQueries& queries, int query) const {
  if (!has_codes(key_.type)) return;
  const PreparedQueries own = queries.from(query, key_);
  rotate(key_, own.rows);
  for (int part = 0, begin = 0; part < key_.parts; begin += key_.part[part++])
    own.scales[part] = kernels().to_words(own.rows + begin, nullptr, key_.part[part],
                                          key_.part[part], own.words + begin);
}

std::unique_ptr<const PageProducts> expanded_products(const CacheVector& key,
                                                      const CacheVector& value) {
  if (has_codes(key.type)) return std::make_unique<ExpandedCodes>(key, value);
  return std::make_unique<ExpandedNumbers>(key, value);
}

std::unique_ptr<const PageProducts> latent_products(const CacheVector& key,
                                                    const CacheVector& value) {
  if (has_codes(key.type)) return std::make_unique<LatentCodes>(key, value);
  return std::make_unique<LatentNumbers>(key, value);
}

}  // namespace weir
