// For tests: a cache of one layer in any form and type, and what its pages say by the words of
// tensor/cache_layout.h, read one number at a time.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <vector>

#include "kernels/quant/narrow_floats.h"
#include "ops/attention/rotation.h"
#include "tensor/cache.h"

namespace weir {

class NarrowCache : public Cache {
 public:
  NarrowCache(const CacheWidths& widths, CacheForm form, CacheType type, int sequences,
              int capacity)
      : layout_(*CacheLayout::make(widths, form, type)), capacity_(capacity) {
    for (int s = 0; s < sequences; ++s) {
      auto& pages = pages_.emplace_back();
      for (int p = 0; p < capacity / kCachePage; ++p) {
        // What nobody wrote must not matter: bytes that are NaN as floats of any width.
        auto& page = memory_.emplace_back(layout_.page_bytes / sizeof(float) + 16);
        std::memset(page.data(), 0xff, page.size() * sizeof(float));
        pages.push_back(page.data());
      }
    }
  }
  CacheForm form() const override { return layout_.form; }
  CacheView view(int layer, int sequence) override {
    return view_of(layout_, layer, pages_[size_t(sequence)].data(), capacity_);
  }
  const Matrix* absorbed(int) const override { return absorbed_weights; }
  const CacheLayout& layout() const { return layout_; }
  // The first `pages` pages of `to` become those of `from`.
  void share(int from, int to, int pages) {
    std::copy_n(pages_[size_t(from)].begin(), pages, pages_[size_t(to)].begin());
  }

  const Matrix* absorbed_weights = nullptr;

 private:
  const CacheLayout layout_;
  const int capacity_;
  std::deque<std::vector<float>> memory_;
  std::vector<std::vector<float*>> pages_;
};

// Vector `at` of the 32 at `from`: kept as a panel, in pairs or as rows.
enum class Kept { panel, pairs, rows };
inline std::vector<float> vector_at(const CacheVector& v, const void* from, Kept kept, int at) {
  std::vector<float> x(static_cast<size_t>(v.width));
  const size_t place = size_t(at), width = size_t(v.width);
  if (!has_codes(v.type)) {
    for (size_t i = 0; i < width; ++i) {
      const size_t n = kept == Kept::panel ? i * kCachePage + place : place * width + i;
      if (v.type == CacheType::f32) {
        x[i] = static_cast<const float*>(from)[n];
        continue;
      }
      const uint16_t h = static_cast<const uint16_t*>(from)[n];
      x[i] = v.type == CacheType::f16 ? f16_to_f32(h) : bf16_to_f32(h);
    }
    return x;
  }
  const auto* scales = static_cast<const float*>(from);
  const auto* codes = reinterpret_cast<const uint8_t*>(scales + size_t(v.parts) * kCachePage);
  const bool is_q4 = v.type == CacheType::q4;
  for (size_t p = 0, begin = 0; p < size_t(v.parts); begin += size_t(v.part[p++])) {
    const size_t part = size_t(v.part[p]);
    for (size_t i = 0; i < part; ++i) {
      const bool is_row = kept == Kept::rows;
      const size_t all = is_row ? width : part * kCachePage;  // codes that are packed together
      const size_t n = is_row                ? begin + i
                       : kept == Kept::panel ? i / 2 * 2 * kCachePage + place * 2 + i % 2
                                             : place / 2 * 2 * part + i * 2 + place % 2;
      const uint8_t* base =
          codes + (is_row ? v.code_bytes(width) * place : v.code_bytes(begin * kCachePage));
      int code = 0;
      if (is_q4)
        code = kNormalCodes[n < all / 2 ? base[n] & 15 : base[n - all / 2] >> 4];
      else
        code = int8_t(base[n]);
      x[begin + i] = scales[p * kCachePage + place] * float(code);
    }
  }
  rotate_back(v, x.data());
  return x;
}

}  // namespace weir
