#include "tensor/cache_layout.h"

#include <algorithm>

#include "base/div_up.h"

namespace weir {
namespace {

// The least width that vectorised loops take, and the most whose sums of codes fit 32 bits.
constexpr int kPartLeast = 16, kPartMost = 512;
constexpr const char* kNames[] = {"f32", "f16", "bf16", "q8", "q4", "deepseek"};

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
  return Error{"there is no cache type '" + name +
               "'; use f32, f16, bf16, q8 or q4 (of DeepSeek-V4: f32, f16, bf16, q8 or deepseek)"};
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
    case CacheType::deepseek:
      break;
  }
  return size_t(parts) * kCachePage * sizeof(float) + code_bytes(numbers);
}

size_t RowFormat::bytes() const {
  const size_t n = size_t(width);
  switch (numbers) {
    case RowNumbers::f32:
      return n * sizeof(float);
    case RowNumbers::f16:
    case RowNumbers::bf16:
      return n * sizeof(uint16_t);
    case RowNumbers::q8:
      return n + div_up(n, size_t(32)) * sizeof(uint16_t);
    case RowNumbers::e4m3: {
      const size_t codes = n - size_t(plain);
      return round_up(codes + size_t(plain) * sizeof(uint16_t) + div_up(codes, size_t(block)),
                      size_t(8));
    }
    case RowNumbers::e2m1:
      return div_up(n, size_t(2)) + div_up(n, size_t(32));
    case RowNumbers::e2m1_fine:
      return div_up(n, size_t(2)) + div_up(n, size_t(16));
  }
  return 0;
}

int CompressedLayer::entries_per_page() const { return std::max(1, kCachePage / ratio); }
int CompressedLayer::page_of(int entry) const { return ((entry + 1) * ratio - 1) / kCachePage; }
int CompressedLayer::place_of(int entry) const {
  return ratio >= kCachePage ? 0 : entry % (kCachePage / ratio);
}

namespace {

// DeepSeek's formats: rows and entries of V4 are E4M3 in blocks of 64, the turned columns in bf16;
// V4.1's rows are E4M3 in blocks of 32 and its entries E2M1; index keys of both are E2M1.
void choose_formats(CompressedLayer& layer, CacheType type) {
  RowNumbers numbers = RowNumbers::f32;
  if (type == CacheType::f16) numbers = RowNumbers::f16;
  if (type == CacheType::bf16) numbers = RowNumbers::bf16;
  if (type == CacheType::q8) numbers = RowNumbers::q8;
  layer.row_format = layer.entry_format = {numbers, layer.width, 0, 0};
  layer.key_format = {numbers, layer.index, 0, 0};
  if (type != CacheType::deepseek) return;
  layer.row_format = {RowNumbers::e4m3, layer.width, layer.has_fp4_entries ? 32 : 64,
                      layer.has_fp4_entries ? 0 : layer.turned};
  layer.entry_format = layer.row_format;
  if (layer.has_fp4_entries) layer.entry_format = {RowNumbers::e2m1_fine, layer.width, 16, 0};
  layer.key_format.numbers = RowNumbers::e2m1;
}

// Parts of a page, each at a multiple of 16 bytes.
class Parts {
 public:
  explicit Parts(size_t bytes = 0) : bytes_(bytes) {}
  size_t add(size_t bytes) {  // where it begins, in floats
    const size_t begin = bytes_ / sizeof(float);
    bytes_ += round_up(bytes, size_t(16));
    return begin;
  }
  size_t bytes() const { return round_up(std::max(bytes_, size_t(1)), size_t(64)); }

 private:
  size_t bytes_;
};

Result<CacheLayout> compressed_layout(const CacheWidths& w, CacheType type) {
  if (type == CacheType::q4)
    return Error{
        "a cache of type q4 is not there for compressed attention (DeepSeek-V4); use f32, "
        "f16, bf16, q8 or deepseek"};
  CacheLayout layout;
  layout.form = CacheForm::compressed;
  layout.type = type;
  layout.compressed = w.compressed;
  layout.layers = w.layers;
  layout.kept = w.kept;
  Parts recent, page;
  const auto add_entries = [](CompressedLayer& layer, Parts& to) {
    const size_t count = size_t(layer.entries_per_page());
    layer.entries = to.add(count * layer.entry_format.bytes());
    layer.index_keys = to.add(count * layer.key_format.bytes());
  };
  for (CompressedLayer& layer : layout.compressed) {
    choose_formats(layer, type);
    layer.rows = recent.add(kCachePage * layer.row_format.bytes());
    if (layer.ratio == 0) continue;
    layer.kv = recent.add(kCachePage * size_t(layer.raw) * sizeof(float));
    layer.gates = recent.add(kCachePage * size_t(layer.raw) * sizeof(float));
    layer.index_kv = recent.add(kCachePage * size_t(layer.index_raw) * sizeof(float));
    layer.index_gates = recent.add(kCachePage * size_t(layer.index_raw) * sizeof(float));
    if (layer.ratio <= kCachePage) add_entries(layer, page);
  }
  layout.page_bytes = page.bytes();
  Parts of_long(layout.page_bytes);
  for (CompressedLayer& layer : layout.compressed) {
    if (layer.ratio <= kCachePage) continue;
    add_entries(layer, of_long);
    const int every = layer.ratio / kCachePage;
    layout.long_every = layout.long_every == 0 ? every : std::min(layout.long_every, every);
  }
  layout.long_page_bytes = of_long.bytes();
  layout.recent_bytes = recent.bytes();
  return layout;
}

}  // namespace

Result<CacheLayout> CacheLayout::make(const CacheWidths& w, CacheForm form, CacheType type) {
  if (!w.compressed.empty()) {
    if (form == CacheForm::latent) return Error{"a latent cache needs multi-head latent attention"};
    return compressed_layout(w, type);
  }
  if (type == CacheType::deepseek)
    return Error{
        "a cache of type deepseek needs compressed attention (DeepSeek-V4); use f32, f16, "
        "bf16, q8 or q4"};
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
