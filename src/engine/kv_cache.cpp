#include "engine/kv_cache.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/div_up.h"
#include "base/text.h"
#include "config/compressed_tensors.h"

namespace weir {
namespace {

constexpr int kSequencesMax = 1 << 20;  // ids are slots, counted from 0

int pages_for(int positions) { return div_up(positions, kCachePage); }

}  // namespace

CacheWidths cache_widths(const ModelConfig& config) {
  CacheWidths widths;
  const bool is_latent = config.attention == AttentionKind::mla;
  widths.layers = config.num_hidden_layers;
  for (int layer = 0; config.is_compressed() && layer < config.num_hidden_layers; ++layer) {
    CompressedLayer& own = widths.compressed.emplace_back();
    own.width = config.head_dim;
    if (!makes_entries(config, layer)) continue;
    own.ratio = config.compress_ratio(layer);
    const bool overlaps = own.ratio == 4;
    if (own.ratio > 1) own.raw = (overlaps ? 2 : 1) * config.head_dim;
    if (chooses_entries(config, layer)) own.index = config.index_head_dim;
    if (overlaps) own.index_raw = 2 * config.index_head_dim;
  }
  if (config.is_compressed()) return widths;
  widths.heads = config.kv_heads();
  widths.key_own = is_latent ? config.qk_nope_head_dim : config.head_dim;
  widths.key_shared = is_latent ? config.qk_rope_head_dim : 0;
  widths.value = config.value_head_width();
  widths.rank = is_latent ? config.kv_lora_rank : 0;
  widths.rope = is_latent ? config.qk_rope_head_dim : 0;
  widths.index = config.index_head_dim;
  return widths;
}

double cache_bytes(const ModelConfig& config, CacheForm form, CacheType type, int64_t positions) {
  const auto layout = CacheLayout::make(cache_widths(config), form, type);
  if (!layout) return 0;
  return double(div_up(positions, int64_t(kCachePage))) * double(layout->page_bytes);
}

Result<KvCache> KvCache::create(const ModelConfig& config, CacheForm form, size_t bytes_max,
                                CacheType type) {
  if (form == CacheForm::latent && config.attention != AttentionKind::mla)
    return Error{"a latent cache needs multi-head latent attention, which model type '" +
                 config.model_type + "' does not have; use the expanded form"};
  KvCache cache;
  cache.layout_ =
      std::make_unique<const CacheLayout>(TRY(CacheLayout::make(cache_widths(config), form, type)));
  cache.layers_ = config.num_hidden_layers;
  cache.context_ = config.max_position_embeddings;
  cache.bytes_max_ = bytes_max;
  const size_t page = cache.layout_->page_bytes;
  cache.pool_ = PagePool(page, bytes_max / page);
  return cache;
}

CacheView KvCache::view(int layer, int sequence) {
  CHECK_LT(layer, layers_);
  CHECK_LT(sequence, int(sequences_.size()));
  const Sequence& s = sequences_[size_t(sequence)];
  return view_of(*layout_, layer, s.data.data(), int(s.pages.size()) * kCachePage);
}

std::span<std::byte> KvCache::page_bytes(int sequence, int page) {
  CHECK_LT(page, capacity(sequence) / kCachePage);
  float* data = sequences_[size_t(sequence)].data[size_t(page)];
  return std::as_writable_bytes(std::span(data, pool_.page_bytes() / sizeof(float)));
}

size_t KvCache::bytes_for(int positions) const {
  return size_t(pages_for(positions)) * pool_.page_bytes();
}

int KvCache::positions_max() const {
  const size_t pages = std::min(pool_.pages_max(), size_t(pages_for(context_)));
  return std::min(context_, int(pages) * kCachePage);
}

// Replaces a page of the sequence, or appends one.
void KvCache::replace(Sequence& s, size_t at, int page) {
  if (at == s.pages.size()) {
    s.pages.push_back(page);
    s.data.push_back(pool_.data(page));
    return;
  }
  pool_.drop(s.pages[at]);
  s.pages[at] = page;
  s.data[at] = pool_.data(page);
}

bool KvCache::is_own(const Sequence& s, size_t at) const {
  return at < s.pages.size() && !pool_.is_shared(s.pages[at]);
}

int KvCache::pages_to_take(int sequence, int positions) const {
  static const Sequence kNone;
  const bool is_known = size_t(sequence) < sequences_.size();
  const Sequence& s = is_known ? sequences_[size_t(sequence)] : kNone;
  int pages = 0;
  for (int p = s.length / kCachePage; p < pages_for(positions); ++p) pages += !is_own(s, size_t(p));
  return pages;
}

Result<void> KvCache::reserve(int sequence, int positions) {
  CHECK(sequence >= 0 && sequence < kSequencesMax);
  CHECK(positions >= 0);
  if (positions > context_)
    return Error{"a sequence of " + std::to_string(positions) +
                 " tokens is longer than the model's context of " + std::to_string(context_)};
  if (size_t(sequence) >= sequences_.size()) sequences_.resize(size_t(sequence) + 1);
  Sequence& s = sequences_[size_t(sequence)];
  const int fresh = pages_to_take(sequence, positions);
  if (fresh > pages_free()) {
    const size_t needed = (pool_.in_use() + size_t(fresh)) * pool_.page_bytes();
    return Error{"the key/value cache needs " + format_bytes(double(needed)) + " (" +
                 std::to_string(needed) + " bytes) and its limit is " +
                 format_bytes(double(bytes_max_)) +
                 "; raise the limit, shorten the context or run fewer "
                 "sequences at a time"};
  }
  const size_t first = size_t(s.length / kCachePage), end = size_t(pages_for(positions));
  for (size_t p = first; p < end; ++p) {
    if (is_own(s, p)) continue;
    const int page = pool_.take();
    if (p == first && s.length % kCachePage != 0)
      std::memcpy(pool_.data(page), s.data[p], pool_.page_bytes());
    replace(s, p, page);
  }
  s.length = std::max(s.length, positions);
  return {};
}

void KvCache::release(int sequence) {
  if (sequence < 0 || size_t(sequence) >= sequences_.size()) return;
  Sequence& s = sequences_[size_t(sequence)];
  for (int page : s.pages) pool_.drop(page);
  s = Sequence{};
}

Result<void> KvCache::fork(int from, int to, int positions) {
  CHECK(from != to);
  CHECK_LE(positions, length(from));
  release(to);
  TRY(reserve(to, 0));  // before taking references: it may move the sequences
  const Sequence& source = sequences_[size_t(from)];
  Sequence& target = sequences_[size_t(to)];
  const size_t whole = size_t(positions / kCachePage);
  for (size_t p = 0; p < whole; ++p) {
    pool_.share(source.pages[p]);
    replace(target, p, source.pages[p]);
  }
  target.length = int(whole) * kCachePage;
  if (positions % kCachePage == 0) return {};
  auto reserved = reserve(to, positions);
  if (!reserved) {
    release(to);
    return reserved;
  }
  std::memcpy(target.data[whole], source.data[whole], pool_.page_bytes());
  return {};
}

void KvCache::adopt(int sequence, std::span<const int> pages) {
  release(sequence);
  CHECK(reserve(sequence, 0).has_value());  // it may be new
  Sequence& s = sequences_[size_t(sequence)];
  for (size_t p = 0; p < pages.size(); ++p) {
    pool_.share(pages[p]);
    replace(s, p, pages[p]);
  }
  s.length = int(pages.size()) * kCachePage;
}

void KvCache::exchange(int sequence, int at, int page) {
  pool_.share(page);
  replace(sequences_[size_t(sequence)], size_t(at), page);
}

void KvCache::truncate(int sequence, int positions) {
  CHECK_LE(positions, length(sequence));
  if (positions < length(sequence)) sequences_[size_t(sequence)].length = positions;
}

void KvCache::trim(int sequence) {
  if (length(sequence) == capacity(sequence)) return;
  Sequence& s = sequences_[size_t(sequence)];
  const size_t kept = size_t(pages_for(s.length));
  for (size_t p = kept; p < s.pages.size(); ++p) pool_.drop(s.pages[p]);
  s.pages.resize(kept);
  s.data.resize(kept);
}

int KvCache::length(int sequence) const {
  return sequence >= 0 && size_t(sequence) < sequences_.size() ? sequences_[size_t(sequence)].length
                                                               : 0;
}

int KvCache::capacity(int sequence) const {
  return sequence >= 0 && size_t(sequence) < sequences_.size()
             ? int(sequences_[size_t(sequence)].pages.size()) * kCachePage
             : 0;
}

}  // namespace weir
