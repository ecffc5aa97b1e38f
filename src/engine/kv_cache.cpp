#include "engine/kv_cache.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/div_up.h"
#include "base/text.h"
#include "config/compressed_tensors.h"
#include "config/engram.h"
#include "tensor/cached_classes.h"

namespace weir {
namespace {

constexpr int kSequencesMax = 1 << 20;  // ids are slots, counted from 0

int pages_for(int positions) { return div_up(positions, kCachePage); }

Result<CacheLayout> layout_of(const ModelConfig& config, CacheForm form, CacheType type) {
  CacheLayout layout = TRY(CacheLayout::make(cache_widths(config), form, type));
  if (has_engram(config)) add_cached_classes(layout);
  return layout;
}

}  // namespace

CacheWidths cache_widths(const ModelConfig& config) {
  CacheWidths widths;
  const bool is_latent = config.attention == AttentionKind::mla;
  widths.layers = config.num_hidden_layers;
  for (int layer = 0; config.is_compressed() && layer < config.num_hidden_layers; ++layer) {
    CompressedLayer& own = widths.compressed.emplace_back();
    own.width = config.head_dim;
    own.turned = config.qk_rope_head_dim;
    own.has_fp4_entries = config.shares_entries();
    widths.kept = std::max(widths.kept, config.sliding_window - 1);
    if (!makes_entries(config, layer)) continue;
    own.ratio = config.compress_ratio(layer);
    const bool overlaps = own.ratio == 4;
    if (own.ratio > 1) own.raw = (overlaps ? 2 : 1) * config.head_dim;
    if (chooses_entries(config, layer)) own.index = config.index_head_dim;
    if (overlaps) own.index_raw = 2 * config.index_head_dim;
    // Open entries begin so many positions before the next one.
    widths.kept = std::max(widths.kept, (overlaps ? 2 : 1) * own.ratio - 1);
  }
  if (config.is_compressed()) {
    if (has_engram(config)) widths.kept = std::max(widths.kept, config.engram_max_ngram_size - 1);
    return widths;
  }
  widths.heads = config.kv_heads();
  widths.key_own = is_latent ? config.qk_nope_head_dim : config.head_dim;
  widths.key_shared = is_latent ? config.qk_rope_head_dim : 0;
  widths.value = config.value_head_width();
  widths.rank = is_latent ? config.kv_lora_rank : 0;
  widths.rope = is_latent ? config.qk_rope_head_dim : 0;
  widths.index = config.index_head_dim;
  return widths;
}

ModelConfig further_config(const ModelConfig& config) {
  ModelConfig one = config;
  one.num_hidden_layers = 1;
  if (config.is_compressed()) one.compress_ratios = {0};
  return one;
}

double cache_bytes(const ModelConfig& config, CacheForm form, CacheType type, int64_t positions) {
  const auto layout = layout_of(config, form, type);
  if (!layout) return 0;
  const int64_t pages = div_up(positions, int64_t(kCachePage));
  const int64_t of_long = layout->long_every > 0 ? pages / layout->long_every : 0;
  return double(pages) * double(layout->page_bytes) +
         double(of_long) * (double(layout->long_page_bytes) - double(layout->page_bytes));
}

double recent_bytes(const ModelConfig& config, CacheType type) {
  if (!config.is_compressed()) return 0;
  const auto layout = layout_of(config, CacheForm::compressed, type);
  if (!layout) return 0;
  return double(layout->recent_bytes) * (div_up(layout->kept, kCachePage) + 2);
}

Result<KvCache> KvCache::create(const ModelConfig& config, CacheForm form, size_t bytes_max,
                                CacheType type, int rows_max) {
  if (form == CacheForm::latent && config.attention != AttentionKind::mla)
    return Error{"a latent cache needs multi-head latent attention, which model type '" +
                 config.model_type + "' does not have; use the expanded form"};
  KvCache cache;
  cache.layout_ = std::make_unique<const CacheLayout>(TRY(layout_of(config, form, type)));
  cache.layers_ = config.num_hidden_layers;
  cache.context_ = config.max_position_embeddings;
  cache.bytes_max_ = bytes_max;
  cache.rows_max_ = rows_max;
  const CacheLayout& layout = *cache.layout_;
  std::vector<size_t> sizes = {layout.page_bytes};
  if (layout.form == CacheForm::compressed)
    sizes = {layout.page_bytes, layout.long_page_bytes, layout.recent_bytes};
  cache.pool_ = PagePool(std::move(sizes), bytes_max);
  return cache;
}

CacheView KvCache::view(int layer, int sequence) {
  CHECK_LT(layer, layers_);
  CHECK_LT(sequence, int(sequences_.size()));
  const Sequence& s = sequences_[size_t(sequence)];
  return view_of(*layout_, layer, s.data.data(), int(s.pages.size()) * kCachePage,
                 s.recent_data.data());
}

std::span<std::byte> KvCache::page_bytes(int sequence, int page) {
  CHECK_LT(page, capacity(sequence) / kCachePage);
  return page_data(sequences_[size_t(sequence)].pages[size_t(page)]);
}

int64_t KvCache::pages_bytes(int begin, int end) const {
  int64_t bytes = int64_t(end - begin) * int64_t(layout_->page_bytes);
  if (layout_->long_every > 0)
    bytes += int64_t(end / layout_->long_every - begin / layout_->long_every) *
             int64_t(layout_->long_page_bytes - layout_->page_bytes);
  return bytes;
}

int KvCache::recents_for(int positions) const {
  if (!has_recents()) return 0;
  return std::min(pages_for(positions), div_up(layout_->kept + rows_max_, kCachePage) + 2);
}

size_t KvCache::page_bytes_most() const {
  return std::max(layout_->page_bytes, layout_->long_page_bytes) + layout_->recent_bytes;
}

size_t KvCache::bytes_for(int positions) const {
  return size_t(pages_bytes(0, pages_for(positions))) +
         size_t(recents_for(positions)) * layout_->recent_bytes;
}

int KvCache::positions_max() const {
  int low = 0, high = pages_for(context_);
  while (low < high) {
    const int middle = (low + high + 1) / 2;
    if (bytes_for(middle * kCachePage) <= bytes_max_)
      low = middle;
    else
      high = middle - 1;
  }
  return std::min(context_, low * kCachePage);
}

int64_t KvCache::bytes_free() const {
  return int64_t(bytes_max_) - int64_t(pool_.bytes_in_use()) -
         int64_t(owed_) * int64_t(layout_->recent_bytes);
}

// Replaces a page of the sequence, or appends one.
void KvCache::replace(Sequence& s, size_t at, int page) {
  if (at == s.pages.size()) {
    s.pages.push_back(page);
    s.data.push_back(pool_.data(page));
    s.recents.push_back(-1);
    s.recent_data.push_back(nullptr);
    return;
  }
  pool_.drop(s.pages[at]);
  s.pages[at] = page;
  s.data[at] = pool_.data(page);
}

// Takes over one use of the piece; -1: none.
void KvCache::set_recent(Sequence& s, size_t at, int page) {
  int& recent = s.recents[at];
  s.held += (page >= 0) - (recent >= 0);
  if (recent >= 0) pool_.drop(recent);
  recent = page;
  s.recent_data[at] = page >= 0 ? pool_.data(page) : nullptr;
}

bool KvCache::is_own(const Sequence& s, size_t at) const {
  return at < s.pages.size() && !pool_.is_shared(s.pages[at]);
}

int64_t KvCache::bytes_to_take(int sequence, int positions) const {
  static const Sequence kNone;
  const bool is_known = size_t(sequence) < sequences_.size();
  const Sequence& s = is_known ? sequences_[size_t(sequence)] : kNone;
  int64_t bytes = 0;
  for (int p = s.length / kCachePage; p < pages_for(positions); ++p)
    if (!is_own(s, size_t(p))) bytes += int64_t(page_bytes_at(p));
  const int before = std::max(0, recents_for(s.length) - s.held);
  const int after = std::max(0, recents_for(std::max(s.length, positions)) - s.held);
  return bytes + int64_t(after - before) * int64_t(layout_->recent_bytes);
}

Result<void> KvCache::reserve(int sequence, int positions) {
  const int begin = length(sequence);
  TRY(reserve_pages(sequence, positions));
  open_rows(sequence, begin, positions);
  return {};
}

Result<void> KvCache::reserve_pages(int sequence, int positions) {
  CHECK(sequence >= 0 && sequence < kSequencesMax);
  CHECK(positions >= 0);
  if (positions > context_)
    return Error{"a sequence of " + std::to_string(positions) +
                 " tokens is longer than the model's context of " + std::to_string(context_)};
  if (size_t(sequence) >= sequences_.size()) sequences_.resize(size_t(sequence) + 1);
  Sequence& s = sequences_[size_t(sequence)];
  const int64_t fresh = bytes_to_take(sequence, positions), free = bytes_free();
  if (fresh > free && fresh > 0) {
    const int64_t needed = int64_t(bytes_max_) - free + fresh;
    return Error{"the key/value cache needs " + format_bytes(double(needed)) + " (" +
                 std::to_string(needed) + " bytes) and its limit is " +
                 format_bytes(double(bytes_max_)) +
                 "; raise the limit, shorten the context or run fewer "
                 "sequences at a time"};
  }
  const size_t first = size_t(s.length / kCachePage), end = size_t(pages_for(positions));
  for (size_t p = first; p < end; ++p) {
    if (is_own(s, p)) continue;
    const int page = pool_.take(layout_->is_long(int(p)) ? 1 : 0);
    if (p == first && s.length % kCachePage != 0)
      std::memcpy(pool_.data(page), s.data[p], page_bytes_at(int(p)));
    replace(s, p, page);
  }
  set_length(s, std::max(s.length, positions));
  return {};
}

void KvCache::set_length(Sequence& s, int length) {
  owed_ -= owed(s);
  s.length = length;
  owed_ += owed(s);
}

void KvCache::open_rows(int sequence, int begin, int end) {
  if (!has_recents() || end <= begin) return;
  Sequence& s = sequences_[size_t(sequence)];
  CHECK_LE(end, int(s.pages.size()) * kCachePage);
  owed_ -= owed(s);
  for (int p = begin / kCachePage; p < pages_for(end); ++p) {
    const int old = s.recents[size_t(p)];
    if (old >= 0 && !pool_.is_shared(old)) continue;
    const int page = pool_.take(2);
    const bool has_rows = p * kCachePage < begin;
    CHECK(!has_rows || old >= 0);
    if (has_rows) std::memcpy(pool_.data(page), pool_.data(old), layout_->recent_bytes);
    set_recent(s, size_t(p), page);
  }
  owed_ += owed(s);
}

int KvCache::first_recent_page(int position) const {
  return std::max(0, position - layout_->kept) / kCachePage;
}

// Rows before a position are those of its page, if it does not begin there, and of pages before it.
int KvCache::continues_at(int sequence, int positions) const {
  if (!has_recents() || positions <= 0) return positions;
  const Sequence& s = sequences_[size_t(sequence)];
  for (int p = positions; p > 0; p = (p - 1) / kCachePage * kCachePage) {
    bool has_all = true;
    for (int page = first_recent_page(p); page <= (p - 1) / kCachePage; ++page)
      has_all = has_all && s.recents[size_t(page)] >= 0;
    if (has_all) return p;
  }
  return 0;
}

// One page more than is needed stays: others may continue a little before.
void KvCache::slide(int sequence, int computed) {
  if (!has_recents()) return;
  Sequence& s = sequences_[size_t(sequence)];
  owed_ -= owed(s);
  const int first = std::min(first_recent_page(computed) - 1, int(s.pages.size()));
  for (int p = first; p-- > s.slid;) set_recent(s, size_t(p), -1);
  s.slid = std::max(s.slid, first);
  owed_ += owed(s);
}

void KvCache::release(int sequence) {
  if (sequence < 0 || size_t(sequence) >= sequences_.size()) return;
  Sequence& s = sequences_[size_t(sequence)];
  owed_ -= owed(s);
  for (int page : s.pages) pool_.drop(page);
  for (int page : s.recents)
    if (page >= 0) pool_.drop(page);
  s = Sequence{};
}

Result<void> KvCache::fork(int from, int to, int positions) {
  CHECK(from != to);
  CHECK_LE(positions, length(from));
  release(to);
  TRY(reserve_pages(to, 0));  // before taking references: it may move the sequences
  const Sequence& source = sequences_[size_t(from)];
  const size_t whole = size_t(positions / kCachePage);
  adopt(to, std::span(source.pages).first(whole), std::span(source.recents).first(whole));
  if (positions % kCachePage == 0) return {};
  auto reserved = reserve(to, positions);
  if (!reserved) {
    release(to);
    return reserved;
  }
  const Sequence& target = sequences_[size_t(to)];
  std::memcpy(target.data[whole], source.data[whole], page_bytes_at(int(whole)));
  if (source.recent_data[whole])
    std::memcpy(target.recent_data[whole], source.recent_data[whole], layout_->recent_bytes);
  return {};
}

void KvCache::adopt(int sequence, std::span<const int> pages, std::span<const int> recents) {
  release(sequence);
  CHECK(reserve(sequence, 0).has_value());  // it may be new
  Sequence& s = sequences_[size_t(sequence)];
  for (size_t p = 0; p < pages.size(); ++p) {
    pool_.share(pages[p]);
    replace(s, p, pages[p]);
    if (recents.empty() || recents[p] < 0) continue;
    pool_.share(recents[p]);
    set_recent(s, p, recents[p]);
  }
  s.length = int(pages.size()) * kCachePage;
  owed_ += owed(s);
}

void KvCache::exchange(int sequence, int at, int page) {
  pool_.share(page);
  replace(sequences_[size_t(sequence)], size_t(at), page);
}

void KvCache::truncate(int sequence, int positions) {
  CHECK_LE(positions, length(sequence));
  if (positions < length(sequence)) set_length(sequences_[size_t(sequence)], positions);
}

void KvCache::trim(int sequence) {
  if (length(sequence) == capacity(sequence)) return;
  Sequence& s = sequences_[size_t(sequence)];
  owed_ -= owed(s);
  const size_t kept = size_t(pages_for(s.length));
  for (size_t p = kept; p < s.pages.size(); ++p) {
    pool_.drop(s.pages[p]);
    set_recent(s, p, -1);
  }
  s.pages.resize(kept);
  s.data.resize(kept);
  s.recents.resize(kept);
  s.recent_data.resize(kept);
  owed_ += owed(s);
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
