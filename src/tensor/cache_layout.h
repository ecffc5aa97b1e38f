// The layout of a page of the key/value cache: 32 positions of all layers in one piece of memory,
// so that a page can be copied, shared or written to a disk without knowing more than its size.
// This is the only place that decides what lies where.
//
// A page holds, layer after layer,
//   expanded: per head its keys, then its values          latent: the latent rows [rank | rope]
//   compressed (DeepSeek-V4): the entries that end in the page and their index keys
//             (CompressedLayer). What only the next positions need, the rows of the window and what
//             open entries are made of, is a second piece of memory that is given back when they
//             have passed (CacheLayout::recent_bytes)
// and with sparse attention, after that, the indexer's keys of all layers. Vectors of the types
//   f32, f16, bf16: keys as a panel [width][32], so that decoding walks them as training does,
//                   values as rows [32][width], latent rows as they are, indexer's keys as a panel
//   q8, q4:         a vector is cut into parts whose widths are powers of two, each is rotated by
//                   a fixed orthogonal transform (rotation.h) and has one scale: numbers are
//                   scale * code. First the scales of all parts [parts][32], then of each part the
//                   codes, in the pairs that WordProduct (kernels.h) reads: keys
//                   [width / 2][32][2], values [16][width][2], latent rows [32][width]
// A code of q8 is a byte from -127 to 127. A code of q4 is half a byte and stands for a number of
// kNormalCodes: after the rotation the numbers of a part are distributed nearly as normal ones, for
// which 16 numbers are chosen once (Lloyd 1982; Max 1960). Of n codes (of a part, or of a latent
// row) byte i has code i in its low half and code i + n / 2 in the high one. The indexer's keys are
// q8 under q4.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

// Positions of a page: as many as a panel of keys holds.
constexpr int kCachePage = 32;

enum class CacheForm { expanded, latent, compressed };
// deepseek: the number formats that DeepSeek serves V4 and V4.1 with (RowFormat), compressed alone.
enum class CacheType : uint8_t { f32, f16, bf16, q8, q4, deepseek };

const char* cache_type_name(CacheType type);
// "f32", "f16", "bf16", "q8", "q4" or "deepseek".
Result<CacheType> find_cache_type(const std::string& name);
constexpr bool has_codes(CacheType type) { return type == CacheType::q8 || type == CacheType::q4; }

// The numbers that codes of q4 stand for, times 127 / 2.7326: the best 16 for normally distributed
// ones with a variance of 1 (mean squared error 0.0095; Max 1960).
alignas(16) constexpr int8_t kNormalCodes[16] = {-127, -96, -75, -58, -44, -31, -18, -6,
                                                 6,    18,  31,  44,  58,  75,  96,  127};

// One vector of a position: how it is cut and how much 32 of them take.
struct CacheVector {
  static constexpr int kPartsMost = 16;
  CacheType type = CacheType::f32;
  int width = 0, parts = 0;
  int16_t part[kPartsMost] = {};  // widths, their sum is `width`; one of everything without codes

  // Bytes of the codes of `count` numbers.
  size_t code_bytes(size_t count) const { return type == CacheType::q4 ? count / 2 : count; }
  // Bytes of 32 vectors, a multiple of 64.
  size_t page_bytes() const;
};

// The numbers of a stored row. E4M3, E2M1, E8M0: OCP Microscaling Formats (2023).
enum class RowNumbers : uint8_t {
  f32,
  f16,
  bf16,
  q8,         // whole numbers from -127 to 127, a scale in f16 for 32 columns
  e4m3,       // a scale of E8M0 for `block` columns
  e2m1,       // two a byte, a scale of E8M0 for 32 columns
  e2m1_fine,  // two a byte, a scale of E4M3 for 16 columns
};

// How a row of the compressed form is stored (ops/attention/row_codes.h): its numbers, then, of
// e4m3, the last `plain` columns in bf16, then the scales.
struct RowFormat {
  RowNumbers numbers = RowNumbers::f32;
  int width = 0, block = 0, plain = 0;
  size_t bytes() const;  // of a row
};

// A layer of the compressed form. Rows of positions stand one after another, [32][width]; a page
// has 32 / ratio entries, or one if its last position is the last of an entry. What entries are
// made of is f32 in every type.
struct CompressedLayer {
  int width = 0;  // of a row of the window and of an entry
  int ratio = 0;  // positions of an entry; 0: this layer makes none
  int raw = 0;    // what an entry is made of: numbers of a position, and as many gates
  int index = 0;  // of an index key, which stands beside every entry; 0: none
  int index_raw = 0;
  int turned = 0;                // columns that carry a rotation, the last of a row and of an entry
  bool has_fp4_entries = false;  // type deepseek: entries in FP4 (V4.1), not in FP8 (V4)
  RowFormat row_format, entry_format, key_format;  // made by CacheLayout::make
  // In floats, from the beginning of a page
  size_t entries = 0, index_keys = 0;
  // and of its recent piece.
  size_t rows = 0, kv = 0, gates = 0, index_kv = 0, index_gates = 0;

  int entries_per_page() const;
  // The page of an entry, and its place there: those of its last position.
  int page_of(int entry) const;
  int place_of(int entry) const;
};

// What one position of one layer has.
struct CacheWidths {
  int layers = 0, heads = 0;
  int key_own = 0, key_shared = 0, value = 0;  // of a head
  int rank = 0, rope = 0;                      // of a latent row; 0: none
  int index = 0;                               // of the sparse-attention indexer; 0: none
  std::vector<CompressedLayer> compressed;     // of each layer, without offsets; else empty
  int kept = 0;  // compressed: positions before the next one whose recent rows it needs
};

struct CacheLayout {
  CacheForm form = CacheForm::expanded;
  CacheType type = CacheType::f32;
  CacheVector key;    // expanded: of a head; latent: of the whole row
  CacheVector value;  // latent: of the rank only, the first parts of `key`
  CacheVector index;
  std::vector<CompressedLayer> compressed;  // [layers], or none
  int layers = 0;
  size_t head_bytes = 0, layer_bytes = 0, index_bytes = 0, page_bytes = 0;
  // Compressed: every `long_every`-th page is larger, as entries of more than 32 positions end
  // there; a page whose positions are among the last `kept` has a recent piece too.
  size_t long_page_bytes = 0, recent_bytes = 0;
  int long_every = 0;  // 0: none
  int kept = 0;

  bool is_long(int page) const { return long_every > 0 && (page + 1) % long_every == 0; }

  // Fails where the widths do not suit the type (multiples of 16 for all but f32), and for latent
  // rows that the widths do not have.
  static Result<CacheLayout> make(const CacheWidths& widths, CacheForm form, CacheType type);
};

}  // namespace weir
