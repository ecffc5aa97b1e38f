// Puts vectors of one position into a page of the cache, in the type it has (cache_layout.h).
#pragma once
#include "tensor/cache_layout.h"

namespace weir {

// `to`: where the 32 vectors of the page are; `at`: the position among them. x: [vector.width]; it
// is rotated in place where the type has codes.
//   panel:  keys of a head, keys of the indexer         [width][32]
//   pairs:  values of a head                            [32][width]
//   rows:   latent rows                                 [32][width]
void store_in_panel(const CacheVector& vector, void* to, int at, float* x);
void store_in_pairs(const CacheVector& vector, void* to, int at, float* x);
void store_in_rows(const CacheVector& vector, void* to, int at, float* x);

// Codes of a part of q4 or q8, and the scale that makes them numbers; NaN where a number of x is
// not finite. codes: of q8 themselves, of q4 their places in kNormalCodes.
float encode_part(CacheType type, const float* x, int n, int8_t* codes);

// Where the parts of 32 vectors are.
inline float* scales_of(void* page, int part) {
  return static_cast<float*>(page) + size_t(part) * kCachePage;
}
inline const float* scales_of(const void* page, int part) {
  return static_cast<const float*>(page) + size_t(part) * kCachePage;
}
// Of panels and pairs: the codes of the part that begins at column `begin`; of rows: row 0, begin
// 0.
inline uint8_t* codes_of(const CacheVector& vector, void* page, int begin) {
  return static_cast<uint8_t*>(page) + size_t(vector.parts) * kCachePage * sizeof(float) +
         vector.code_bytes(size_t(begin) * kCachePage);
}
inline const uint8_t* codes_of(const CacheVector& vector, const void* page, int begin) {
  return static_cast<const uint8_t*>(page) + size_t(vector.parts) * kCachePage * sizeof(float) +
         vector.code_bytes(size_t(begin) * kCachePage);
}

}  // namespace weir
