#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr int kStep = 32;               // positions in a panel of keys
constexpr size_t kPage = 4096;          // buffers come in pages
constexpr int kSequencesMax = 1 << 20;  // ids are slots, counted from 0

int round_to_step(int positions) { return (positions + kStep - 1) / kStep * kStep; }

}  // namespace

Result<KvCache> KvCache::create(const ModelConfig& config, CacheForm form, size_t bytes_max) {
  if (form == CacheForm::latent && config.attention != AttentionKind::mla)
    return Error{"a latent cache needs multi-head latent attention, which model type '" +
                 config.model_type + "' does not have; use the expanded form"};
  KvCache cache;
  cache.form_ = form;
  cache.layers_ = config.num_hidden_layers;
  cache.heads_ = config.kv_heads();
  cache.key_width_ = config.key_head_width();
  cache.value_width_ = config.value_head_width();
  cache.latent_width_ = config.kv_lora_rank + config.qk_rope_head_dim;
  cache.context_ = config.max_position_embeddings;
  cache.bytes_max_ = bytes_max;
  return cache;
}

CacheView KvCache::view(int layer, int sequence) {
  CHECK_LT(layer, layers_);
  CHECK_LT(sequence, int(sequences_.size()));
  return view_of(sequences_[size_t(sequence)], layer);
}

CacheView KvCache::view_of(const Sequence& s, int layer) const {
  const size_t capacity = size_t(s.capacity);
  CacheView view;
  view.capacity = s.capacity;
  if (form_ == CacheForm::latent) {
    view.latent = s.buffer.floats() + size_t(layer) * capacity * size_t(latent_width_);
    view.latent_stride = size_t(latent_width_);
    return view;
  }
  const size_t heads = size_t(heads_);
  view.key_head_stride = capacity * size_t(key_width_);
  view.value_head_stride = capacity * size_t(value_width_);
  view.keys =
      s.buffer.floats() + size_t(layer) * heads * (view.key_head_stride + view.value_head_stride);
  view.values = view.keys + heads * view.key_head_stride;
  return view;
}

size_t KvCache::bytes_for(int positions) const {
  size_t width = form_ == CacheForm::latent ? size_t(latent_width_)
                                            : size_t(heads_) * size_t(key_width_ + value_width_);
  size_t bytes = sizeof(float) * size_t(layers_) * width * size_t(round_to_step(positions));
  return (bytes + kPage - 1) / kPage * kPage;
}

int KvCache::positions_max() const {
  if (bytes_for(context_) <= bytes_max_) return context_;
  int steps = 0;  // the largest number of steps that fits, by bisection
  for (int above = round_to_step(context_) / kStep; above - steps > 1;) {
    int middle = steps + (above - steps) / 2;
    (bytes_for(middle * kStep) <= bytes_max_ ? steps : above) = middle;
  }
  return steps * kStep;
}

Result<void> KvCache::reserve(int sequence, int positions) {
  CHECK(sequence >= 0 && sequence < kSequencesMax);
  CHECK(positions >= 0);
  if (positions > context_)
    return Error{"a sequence of " + std::to_string(positions) +
                 " tokens is longer than the model's context of " + std::to_string(context_)};
  if (size_t(sequence) >= sequences_.size()) sequences_.resize(size_t(sequence) + 1);
  Sequence& s = sequences_[size_t(sequence)];
  if (positions > s.capacity) {
    int needed = round_to_step(positions);
    int doubled = std::max(needed, std::min(2 * s.capacity, round_to_step(context_)));
    if (doubled == needed || !resize(s, doubled)) TRY(resize(s, needed));
  }
  s.length = std::max(s.length, positions);
  return {};
}

Result<void> KvCache::resize(Sequence& s, int capacity) {
  const size_t needed = bytes_ - s.buffer.size() + bytes_for(capacity);
  if (needed > bytes_max_)
    return Error{"the key/value cache needs " + format_bytes(double(needed)) + " (" +
                 std::to_string(needed) + " bytes) and its limit is " +
                 format_bytes(double(bytes_max_)) +
                 "; raise the limit, shorten the context or run fewer sequences at a time"};
  Sequence grown;
  grown.buffer = Buffer(bytes_for(capacity));
  grown.capacity = capacity;
  grown.length = s.length;
  copy(s, grown, s.length);
  s = std::move(grown);
  bytes_ = needed;
  return {};
}

// Heads are contiguous, and a panel holds 32 positions: whole panels are copied.
void KvCache::copy(const Sequence& from, Sequence& to, int positions) const {
  if (positions == 0) return;
  const size_t rows = size_t(round_to_step(positions));
  for (int layer = 0; layer < layers_; ++layer) {
    CacheView source = view_of(from, layer), target = view_of(to, layer);
    if (form_ == CacheForm::latent) {
      std::memcpy(target.latent, source.latent, sizeof(float) * rows * size_t(latent_width_));
      continue;
    }
    for (size_t h = 0; h < size_t(heads_); ++h) {
      std::memcpy(target.keys + h * target.key_head_stride,
                  source.keys + h * source.key_head_stride,
                  sizeof(float) * rows * size_t(key_width_));
      std::memcpy(target.values + h * target.value_head_stride,
                  source.values + h * source.value_head_stride,
                  sizeof(float) * rows * size_t(value_width_));
    }
  }
}

void KvCache::release(int sequence) {
  if (sequence < 0 || size_t(sequence) >= sequences_.size()) return;
  Sequence& s = sequences_[size_t(sequence)];
  bytes_ -= s.buffer.size();
  s = Sequence{};
}

Result<void> KvCache::fork(int from, int to, int positions) {
  CHECK(from != to);
  CHECK_LE(positions, length(from));
  TRY(reserve(to, positions));  // before taking references: it may move the sequences
  copy(sequences_[size_t(from)], sequences_[size_t(to)], positions);
  return {};
}

void KvCache::truncate(int sequence, int positions) {
  CHECK_LE(positions, length(sequence));
  if (positions < length(sequence)) sequences_[size_t(sequence)].length = positions;
}

int KvCache::length(int sequence) const {
  return sequence >= 0 && size_t(sequence) < sequences_.size() ? sequences_[size_t(sequence)].length
                                                               : 0;
}

int KvCache::capacity(int sequence) const {
  return sequence >= 0 && size_t(sequence) < sequences_.size()
             ? sequences_[size_t(sequence)].capacity
             : 0;
}

}  // namespace weir
