// The tiles of AMX in plain loops, after the pseudocode of Intel's instruction set reference
// (TDPBSSD, TILELOADD, TILESTORED, LDTILECFG, TILERELEASE, TILEZERO). What the processor refuses
// ends the program: a tile without a configuration, or a product of tiles whose shapes do not fit.
#pragma once
#include <immintrin.h>
#include <initializer_list>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace weir {
namespace {

constexpr int kTiles = 8, kTileRows_ = 16, kTileRowBytes = 64;

struct Tiles {
  bool configured = false;
  int rows[kTiles] = {}, row_bytes[kTiles] = {};
  alignas(64) int8_t bytes[kTiles][kTileRows_][kTileRowBytes] = {};

  void check(int t) const {
    if (!configured || t < 0 || t >= kTiles || rows[t] == 0 || row_bytes[t] == 0) std::abort();
  }
};
thread_local Tiles tiles_;

inline void emulated_release() { tiles_ = Tiles{}; }

inline void emulated_config(const void* p) {
  uint8_t config[64];
  std::memcpy(config, p, sizeof config);
  if (config[0] != 1 || config[1] != 0) std::abort();
  for (int i = 2; i < 16; ++i)
    if (config[i] != 0) std::abort();
  emulated_release();
  for (int t = 0; t < 16; ++t) {
    uint16_t row_bytes;
    std::memcpy(&row_bytes, config + 16 + 2 * t, sizeof row_bytes);
    const int rows = config[48 + t];
    if (row_bytes > kTileRowBytes || rows > kTileRows_ || (row_bytes == 0) != (rows == 0))
      std::abort();
    if (t < kTiles)
      tiles_.rows[t] = rows, tiles_.row_bytes[t] = row_bytes;
    else if (rows != 0)
      std::abort();
  }
  tiles_.configured = true;
}

inline void emulated_zero(int t) {
  tiles_.check(t);
  std::memset(tiles_.bytes[t], 0, sizeof tiles_.bytes[t]);
}

// Rows and bytes beyond the shape become zero.
inline void emulated_load(int t, const void* from, size_t stride) {
  emulated_zero(t);
  for (int r = 0; r < tiles_.rows[t]; ++r)
    std::memcpy(tiles_.bytes[t][r], static_cast<const char*>(from) + size_t(r) * stride,
                size_t(tiles_.row_bytes[t]));
}

inline void emulated_store(int t, void* to, size_t stride) {
  tiles_.check(t);
  for (int r = 0; r < tiles_.rows[t]; ++r)
    std::memcpy(static_cast<char*>(to) + size_t(r) * stride, tiles_.bytes[t][r],
                size_t(tiles_.row_bytes[t]));
}

// c[m][n] += the four products of bytes a[m][4 k + i] * b[k][4 n + i], for every k.
inline void emulated_dpbssd(int c, int a, int b) {
  for (int t : {c, a, b}) tiles_.check(t);
  const int inner = tiles_.row_bytes[a] / 4, cols = tiles_.row_bytes[c] / 4;
  if (tiles_.rows[c] != tiles_.rows[a] || tiles_.rows[b] != inner ||
      tiles_.row_bytes[c] != tiles_.row_bytes[b] || tiles_.row_bytes[a] % 4 || c == a || c == b ||
      a == b)
    std::abort();
  for (int m = 0; m < tiles_.rows[c]; ++m) {
    uint32_t sum[kTileRowBytes / 4];
    std::memcpy(sum, tiles_.bytes[c][m], sizeof sum);
    for (int k = 0; k < inner; ++k)
      for (int n = 0; n < cols; ++n)
        for (int i = 0; i < 4; ++i)
          sum[n] += uint32_t(tiles_.bytes[a][m][4 * k + i] * tiles_.bytes[b][k][4 * n + i]);
    std::memcpy(tiles_.bytes[c][m], sum, size_t(tiles_.row_bytes[c]));
  }
}

}  // namespace
}  // namespace weir

#undef _tile_loadconfig
#define _tile_loadconfig(p) emulated_config(p)
#undef _tile_release
#define _tile_release() emulated_release()
#undef _tile_zero
#define _tile_zero(t) emulated_zero(t)
#undef _tile_loadd
#define _tile_loadd(t, p, stride) emulated_load(t, p, stride)
#undef _tile_stored
#define _tile_stored(t, p, stride) emulated_store(t, p, stride)
#undef _tile_dpbssd
#define _tile_dpbssd(c, a, b) emulated_dpbssd(c, a, b)
