// The loops of AMX: products of tiles of 16 rows of 64 bytes. The system must have granted the
// tiles.
#include "kernels/peak/peak_entries.h"

#if defined(__AMX_TILE__) && defined(__AMX_INT8__) && defined(__AMX_BF16__)
#include <immintrin.h>

namespace weir {
namespace {

// Intel's Software Developer's Manual, volume 1, 18.2: palette 1, sixteen rows of 64 bytes each.
struct alignas(64) TileShapes {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

void load_tiles() {
  TileShapes shapes;
  for (int i = 0; i < 8; ++i) shapes.row_bytes[i] = 64, shapes.rows[i] = 16;
  _tile_loadconfig(&shapes);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
}

// Four sums of 16 x 16 from two left and two right tiles, as a blocked product has them.
void int8(int64_t turns) {
  load_tiles();
  for (int64_t i = 0; i < turns; ++i) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  _tile_release();
}
constexpr double kInt8 = 4. * 16 * 16 * 64 * 2;

void bf16(int64_t turns) {
  load_tiles();
  for (int64_t i = 0; i < turns; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
}
constexpr double kBf16 = 4. * 16 * 16 * 32 * 2;

}  // namespace
const PeakEntry kAmxInt8 = {int8, kInt8};
const PeakEntry kAmxBf16 = {bf16, kBf16};
}  // namespace weir
#else
namespace weir {
const PeakEntry kAmxInt8 = {nullptr, 0};
const PeakEntry kAmxBf16 = {nullptr, 0};
}  // namespace weir
#endif
