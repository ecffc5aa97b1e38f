#include "tensor/cache_layout.h"

#include <algorithm>

namespace weir {
namespace {

// The least width that vectorised loops take, and the most whose sums of codes fit 32 bits.
constexpr int kPartLeast = 16, kPartMost = 512;
constexpr const char* kNames[] = {"f32", "f16", "bf16", "q8", "q4"};

// Appends the parts of `width` more numbers.
Result<void> extend(CacheVector& vector, int width, const char* what) {
  if (vector.type != CacheType::f32 && width % kPartLeast != 0)
    return Error{"a cache of type " + std::string(cache_type_name(vector.type)) +
                 " needs widths that are multiples of " + std::to_string(kPartLeast) + ", and " +
                 what + " of this model have " + std::to_string(width) + "; use f32"};
  vector.width += width;
  if (!has_codes(vector.type)) {
    vector.parts = 1;
    vector.part[0] = int16_t(std::min(vector.width, INT16_MAX));
    return {};
  }
  for (int size = kPartMost; width > 0;) {
    if (size > width) {
      size /= 2;
      continue;
    }
    if (vector.parts == CacheVector::kPartsMost)
      return Error{"a cache of type " + std::string(cache_type_name(vector.type)) +
                   " does not hold vectors as wide as " + what +
                   " of this model; use f32, f16 or bf16"};
    vector.part[vector.parts++] = int16_t(size);
    width -= size;
  }
  return {};
}

Result<CacheVector> vector_of(CacheType type, const char* what, std::initializer_list<int> widths) {
  CacheVector vector;
  vector.type = type;
  for (int width : widths) TRY(extend(vector, width, what));
  return vector;
}

}  // namespace

const char* cache_type_name(CacheType type) { return kNames[size_t(type)]; }

Result<CacheType> find_cache_type(const std::string& name) {
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (name == kNames[i]) return CacheType(i);
  return Error{"there is no cache type '" + name + "'; use f32, f16, bf16, q8 or q4"};
}

size_t CacheVector::page_bytes() const {
  const size_t numbers = size_t(width) * kCachePage;
  switch (type) {
    case CacheType::f32:
      return numbers * sizeof(float);
    case CacheType::f16:
    case CacheType::bf16:
      return numbers * sizeof(uint16_t);
    case CacheType::q8:
    case CacheType::q4:
      break;
  }
  return size_t(parts) * kCachePage * sizeof(float) + code_bytes(numbers);
}

int CompressedLayer::entries_per_page() const { return std::max(1, kCachePage / ratio); }
int CompressedLayer::page_of(int entry) const { return ((entry + 1) * ratio - 1) / kCachePage; }
int CompressedLayer::place_of(int entry) const {
  return ratio >= kCachePage ? 0 : entry % (kCachePage / ratio);
}

namespace {

Result<CacheLayout> compressed_layout(const CacheWidths& w, CacheType type) {
  if (type != CacheType::f32)
    return Error{"a cache of type " + std::string(cache_type_name(type)) +
                 " is not there for compressed attention (DeepSeek-V4); use f32"};
  CacheLayout layout;
  layout.form = CacheForm::compressed;
  layout.compressed = w.compressed;
  layout.layers = w.layers;
  size_t floats = 0;
  const auto take = [&](int count, int width) {
    const size_t begin = floats;
    floats += (size_t(count) * size_t(width) + 15) / 16 * 16;
    return begin;
  };
  for (CompressedLayer& layer : layout.compressed) {
    layer.rows = take(kCachePage, layer.width);
    if (layer.ratio == 0) continue;
    layer.kv = take(kCachePage, layer.raw);
    layer.gates = take(kCachePage, layer.raw);
    layer.index_kv = take(kCachePage, layer.index_raw);
    layer.index_gates = take(kCachePage, layer.index_raw);
    layer.entries = take(layer.entries_per_page(), layer.width);
    layer.index_keys = take(layer.entries_per_page(), layer.index);
  }
  layout.page_bytes = floats * sizeof(float);
  return layout;
}

}  // namespace

Result<CacheLayout> CacheLayout::make(const CacheWidths& w, CacheForm form, CacheType type) {
  if (!w.compressed.empty()) {
    if (form == CacheForm::latent) return Error{"a latent cache needs multi-head latent attention"};
    return compressed_layout(w, type);
  }
  CacheLayout layout;
  layout.form = form;
  layout.layers = w.layers;
  layout.type = type;
  if (form == CacheForm::latent) {
    if (w.rank == 0) return Error{"a latent cache needs multi-head latent attention"};
    layout.key = TRY(vector_of(type, "the latent rows", {w.rank, w.rope}));
    layout.value = TRY(vector_of(type, "the latent rows", {w.rank}));
    layout.head_bytes = layout.key.page_bytes();
    layout.layer_bytes = layout.head_bytes;
  } else {
    layout.key = TRY(vector_of(type, "the keys", {w.key_own, w.key_shared}));
    layout.value = TRY(vector_of(type, "the values", {w.value}));
    layout.head_bytes = layout.key.page_bytes() + layout.value.page_bytes();
    layout.layer_bytes = size_t(w.heads) * layout.head_bytes;
  }
  const CacheType index = type == CacheType::q4 ? CacheType::q8 : type;
  layout.index = TRY(vector_of(index, "the indexer's keys", {w.index}));
  layout.index_bytes = layout.index.page_bytes();
  layout.page_bytes = size_t(w.layers) * (layout.layer_bytes + layout.index_bytes);
  return layout;
}

}  // namespace weir
