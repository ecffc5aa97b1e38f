// Integer products of quantized activation rows with quantized weight rows, added in 32 bits
// within a block and in eight float lanes over the blocks. Integers are exact, so this is the
// definition, whatever the instruction set, and however many rows are taken at a time. a: the
// integers of the activation row, q: those of the weights less their centre, k: within the block,
// j: the number of 32 of them within their 256.
//   blocks of 32    i[l] = sum of q a over elements 4l .. 4l+3
//                   f[l] = fma(i[l], step, f[l]) over the blocks of a section, from 0
//                   with minimums f[j] = fma(minimum of block j, sum of its a, f[j])
//   blocks of 256   i[l] = sum of s q a over elements with k / 4 % 8 = l;  f[l] = i[l] step
//                   with minimums f[j] = fma(-o[j], least, f[j]), o[j] = m[j] * sum of a, or with
//                   groups of 16 fma(m[2j+1], sum of the second half, m[2j] * sum of the first)
//   lane[l] = fma(f[l], scale of the section, lane[l]);   the product is sum_of(lane)
// Sums of i[l] stay below 2^31 (quantized_row-inl.h), those of a block of 32 below 2^24.
// Written over formats-inl.h and quantized_row-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/div_up.h"
#include "kernels/quant/formats-inl.h"
#include "kernels/quant/quantized_row-inl.h"

namespace weir {
namespace {

// Thirty-two integers in the order of QuantizedRow.
struct WordPair {
  Words even, odd;
};

template <class F>
constexpr int kMinimums = F::kGroup == 16 ? 16 : 8;  // of a block of 256

// The h-th eight minimums of a block of 256, as `bytes` has them.
template <class F>
[[gnu::always_inline]] inline Eight group_minimums(const uint64_t* bytes, int h) {
  return F::kGroup == 16 ? numbers_of(bytes, h) : numbers_of(bytes[0]);
}
// What the sums of an activation row give with the minimums of a block of 256; minimums(h): the
// h-th eight.
template <class F, class Minimums>
[[gnu::always_inline]] inline Eight minimum_offset(const float* sums, const Minimums& minimums) {
  const Eight first = minimums(0) * load_eight(sums);
  if constexpr (F::kGroup == 16)
    return fma(minimums(1), load_eight(sums + 8), first);
  else
    return first;
}

// A row of weights as it is stored, block after block.
template <class F>
class StoredRow {
 public:
  static constexpr bool kIsSpread = false;
  StoredRow() = default;
  StoredRow(const uint8_t* row, int) : b_(row) {}

  void start() {
    if constexpr (F::kNumbers == 256) {
      const GroupScales s = F::scales(b_);
      steps_ = words(s.step);
      if constexpr (kHasMinimum<F>) {
        minimums_[0] = s.minimum[0];
        minimums_[1] = s.minimum[1];
      }
    }
  }
  void next() { b_ += F::kBytes; }
  void prefetch(size_t ahead) const {
    for (int line = 0; line < F::kBytes; line += 64) __builtin_prefetch(b_ + ahead + line);
  }

  template <int j>
  [[gnu::always_inline]] WordPair pair() const {
    Bytes q = F::template quants<j>(b_);
    if constexpr (F::kCenter != 0) q = minus(q, F::kCenter);
    constexpr bool kSigned = F::kSigned || F::kCenter != 0;
    WordPair p{even_words<kSigned>(q), odd_words<kSigned>(q)};
    if constexpr (F::kNumbers == 256) {
      const Words step = select_word<j>(steps_);
      p.even = p.even * step;
      p.odd = p.odd * step;
    }
    return p;
  }
  Eight step() const { return splat_half_eight(b_ + F::kStep); }
  // Blocks of 256: minimum_offset(), and its unit.
  Eight offset(const float* sums) const {
    return minimum_offset<F>(sums, [&](int h) { return group_minimums<F>(minimums_, h); });
  }
  Eight least() const { return splat_half_eight(b_ + F::kMinimum); }
  // Blocks of 32: the minimums of `count` blocks before this one, then zeros.
  Eight minimums(int count) const {
    return halves_at<F::kBytes>(b_ - size_t(count) * F::kBytes + F::kMinimum, count);
  }

  static Words words(const uint64_t* p) {
    return F::kGroup == 16 ? split_bytes(p) : double_bytes(*p);
  }

 private:
  const uint8_t* b_ = nullptr;
  Words steps_;
  uint64_t minimums_[2];
};

// A row unpacked for many activation rows: integers, multiplied by the steps of their groups,
// then the units of the blocks, then the minimums, and in blocks of 256 their units.
template <class F>
class SpreadRow {
 public:
  static constexpr bool kIsSpread = true;
  static constexpr int kMinimumsOfSection = F::kNumbers == 32 ? 8 : kMinimums<F>;
  SpreadRow() = default;
  SpreadRow(const uint8_t* row, int inner)
      : words_(reinterpret_cast<int16_t*>(const_cast<uint8_t*>(row))),
        steps_(reinterpret_cast<float*>(words_ + inner)),
        minimums_(steps_ + inner / F::kNumbers),
        least_(minimums_ + div_up(inner, kSection) * kMinimumsOfSection) {}
  static size_t bytes(int inner) {
    const int sections = div_up(inner, kSection);
    const int floats = inner / F::kNumbers + sections * (kMinimumsOfSection + 1);
    return size_t(2 * inner + 4 * floats + 63) / 64 * 64;
  }

  void start() {}
  void next() {
    words_ += F::kNumbers;
    ++steps_;
    if constexpr (F::kNumbers == 256) minimums_ += kMinimumsOfSection, ++least_;
  }
  void prefetch(size_t) const {}
  template <int j>
  [[gnu::always_inline]] WordPair pair() const {
    return pair(j);
  }
  WordPair pair(int j) const {
    return {load_words(words_ + 32 * j), load_words(words_ + 32 * j + 16)};
  }
  Eight step() const { return splat_eight(*steps_); }
  Eight offset(const float* sums) const {
    return minimum_offset<F>(sums, [&](int h) { return load_eight(minimums_ + 8 * h); });
  }
  Eight least() const { return splat_eight(*least_); }
  Eight minimums(int) {
    const Eight m = load_eight(minimums_);
    minimums_ += 8;
    return m;
  }

  // Fills the row from a stored one.
  static void spread(const uint8_t* stored, int inner, uint8_t* to) {
    SpreadRow row(to, inner);
    StoredRow<F> from(stored, inner);
    for (int k = 0, block = 0; k < inner; k += F::kNumbers, ++block) {
      from.start();
      row.template take<0>(from);
      const uint8_t* b = stored + size_t(block) * F::kBytes;
      *row.steps_ = half_at(b + F::kStep);
      if constexpr (F::kNumbers == 256 && kHasMinimum<F>) {
        const GroupScales s = F::scales(b);
        for (int h = 0; h < kMinimums<F> / 8; ++h)
          store_eight(row.minimums_ + 8 * h, group_minimums<F>(s.minimum, h));
        *row.least_ = half_at(b + F::kMinimum);
      }
      from.next();
      row.next();
      const int of_section = block % 8 + 1;
      if (F::kNumbers == 32 && kHasMinimum<F> && (of_section == 8 || k + 32 == inner)) {
        store_eight(row.minimums_, from.minimums(of_section));
        row.minimums_ += 8;
      }
    }
  }

 private:
  template <int j>
  [[gnu::always_inline]] void take(const StoredRow<F>& from) {
    const WordPair p = from.template pair<j>();
    store_words(words_ + 32 * j, p.even);
    store_words(words_ + 32 * j + 16, p.odd);
    if constexpr (32 * (j + 1) < F::kNumbers) take<j + 1>(from);
  }

  int16_t* words_ = nullptr;
  float *steps_ = nullptr, *minimums_ = nullptr, *least_ = nullptr;
};

// C rows of weights that R activation rows are multiplied with.
template <class F, class Row, int R, int C>
struct IntegerTile {
  QuantizedRow left[R];
  Row right[C];
  Eight sum[R][C];

  static Ints products(WordPair p, const int16_t* a) {
    return multiply_pairs(p.even, load_words(a)) + multiply_pairs(p.odd, load_words(a + 16));
  }

  [[gnu::always_inline]] void add_section(int i, const Eight (&f)[R][C]) {
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const Eight scale = splat_eight(left[r].scales[i]);
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) sum[r][c] = fma(f[r][c], scale, sum[r][c]);
    }
  }

  // Blocks of 32, `count` of them from block 8 i on.
  [[gnu::always_inline]] void small_blocks(int i, int count, size_t ahead) {
    Eight f[R][C];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) f[r][c] = splat_eight(0);
    for (int b = 0; b < count; ++b) {
      const size_t at = size_t(kSection) * size_t(i) + 32 * size_t(b);
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) {
        if (ahead > 0) right[c].prefetch(ahead);
        const WordPair p = right[c].template pair<0>();
        const Eight step = right[c].step();
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r)
          f[r][c] = fma(floats_of(products(p, left[r].words + at)), step, f[r][c]);
        right[c].next();
      }
    }
    if constexpr (kHasMinimum<F>) {
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) {
        const Eight minimums = right[c].minimums(count);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r)
          f[r][c] = fma(minimums, load_eight(left[r].sums + 8 * i), f[r][c]);
      }
    }
    add_section(i, f);
  }

  [[gnu::always_inline]] void add_products(int c, WordPair p, size_t at,
                                           Ints (&total)[R][C]) const {
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) total[r][c] = total[r][c] + products(p, left[r].words + at);
  }
  template <int j = 0>
  [[gnu::always_inline]] void groups(size_t at, Ints (&total)[R][C]) const {
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) add_products(c, right[c].template pair<j>(), at + 32 * j, total);
    if constexpr (j < 7) groups<j + 1>(at, total);
  }
  // A loop for rows spread out: unrolled, g++ 12 makes all products first and stores them away.
  [[gnu::always_inline]] void spread_groups(size_t at, Ints (&total)[R][C]) const {
#pragma GCC unroll 1
    for (int j = 0; j < 8; ++j)
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) add_products(c, right[c].pair(j), at + 32 * size_t(j), total);
  }

  [[gnu::always_inline]] void large_block(int i, size_t ahead) {
    Ints total[R][C];
    Eight f[R][C];
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
      if (ahead > 0) right[c].prefetch(ahead);
      right[c].start();
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) total[r][c] = splat_int(0);
    }
    const size_t at = size_t(kSection) * size_t(i);
    if constexpr (Row::kIsSpread)
      spread_groups(at, total);
    else
      groups(at, total);
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        f[r][c] = floats_of(total[r][c]) * right[c].step();
        if constexpr (kHasMinimum<F>)
          f[r][c] = minus_product(right[c].offset(left[r].sums + kMinimums<F> * i),
                                  right[c].least(), f[r][c]);
      }
      right[c].next();
    }
    add_section(i, f);
  }

  // `ahead`: bytes from each row to what is needed next.
  [[gnu::always_inline]] void run(int inner, size_t ahead) {
    for (int r = 0; r < R; ++r)
      for (int c = 0; c < C; ++c) sum[r][c] = splat_eight(0);
    for (int i = 0, begin = 0; begin < inner; ++i, begin += kSection) {
      if constexpr (F::kNumbers == 32)
        small_blocks(i, smaller(kSection, inner - begin) / 32, ahead);
      else
        large_block(i, ahead);
    }
  }
};

}  // namespace
}  // namespace weir
