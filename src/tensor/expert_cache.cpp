#include "tensor/expert_cache.h"

#include <algorithm>

#include "base/check.h"
#include "base/clock.h"
#include "base/div_up.h"

namespace weir {
namespace {

constexpr size_t kBlock = DirectFile::kBlock;
// Enough reads at a time for a disk to be busy, and pieces small enough that all of them share an
// expert.
constexpr int kReaders = 4;
constexpr size_t kPieceBytes = size_t(1) << 20;

// Memory of rows whose place in the file is not aligned.
size_t room_of(size_t bytes) { return round_up(bytes, kBlock) + kBlock; }

// Where the part of a matrix begins within its slot: behind those before it.
size_t place_of(const ExpertCache::Expert& expert, int matrix) {
  size_t place = 0;
  for (int m = 0; m < matrix; ++m) place += room_of(expert[size_t(m)].bytes);
  return place;
}

size_t slots_in(size_t bytes, size_t slot_bytes, size_t experts) {
  return std::clamp<size_t>(bytes / slot_bytes, 1, experts);
}

}  // namespace

size_t ExpertCache::slot_bytes(const std::vector<std::vector<Expert>>& layers) {
  size_t most = 0;
  for (const std::vector<Expert>& layer : layers)
    for (const Expert& expert : layer) most = std::max(most, place_of(expert, kMatrices));
  return most;
}

ExpertCache::ExpertCache(Source source, size_t bytes)
    : source_(std::move(source)),
      slot_bytes_(slot_bytes(source_.layers)),
      use_(int(source_.layers.size()), int(source_.layers[0].size()), source_.chosen) {
  const size_t experts = source_.layers[0].size();
  slots_.resize(slots_in(bytes, slot_bytes_, experts * source_.layers.size()));
  memory_ = Buffer(slots_.size() * slot_bytes_);
  slot_of_.assign(source_.layers.size(), std::vector<int>(experts, -1));
  promised_.resize(source_.layers.size());
  reader_.reset(new ExpertReader(kReaders, *this));  // the base is private
}

ExpertCache::~ExpertCache() = default;

int ExpertCache::experts() const { return int(source_.layers.size() * source_.layers[0].size()); }

bool ExpertCache::is_direct() const {
  return std::all_of(source_.files.begin(), source_.files.end(),
                     [](const auto& file) { return file->is_direct(); });
}

std::string ExpertCache::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

ExpertCache::Statistics ExpertCache::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

const std::byte* ExpertCache::part(int slot, int matrix) const {
  const Slot& s = slots_[size_t(slot)];
  const Expert& expert = source_.layers[size_t(s.layer)][size_t(s.expert)];
  return reinterpret_cast<const std::byte*>(memory_.data()) + size_t(slot) * slot_bytes_ +
         place_of(expert, matrix) + expert[size_t(matrix)].offset % kBlock;
}

void ExpertCache::piece_read(int ticket, size_t bytes, const Result<void>& result) {
  const std::lock_guard lock(mutex_);
  Slot& slot = slots_[size_t(ticket)];
  statistics_.bytes_read += int64_t(bytes);
  if (!result) {
    slot.state = State::failed;
    if (failure_.empty()) failure_ = result.error().message;
  }
  if (--slot.pieces > 0) return;
  if (slot.state == State::reading) slot.state = State::ready;
  arrived_.notify_all();
}

// A slot that nobody needs: an empty one, or that of the expert which is chosen next the latest,
// if that is later than `least`. -1: none.
int ExpertCache::victim(double least) const {
  int best = -1;
  double latest = least;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (slot.pins > 0 || slot.pieces > 0) continue;
    if (slot.state == State::empty || slot.state == State::failed) return int(i);
    const double next = use_.layers_until_next(slot.layer, slot.expert);
    if (next > latest) best = int(i), latest = next;
  }
  return best;
}

// Reads an expert that has no slot, and pins it. False: there is no slot for it.
bool ExpertCache::start(int layer, int expert, double least, bool is_urgent) {
  const int at = victim(least);
  if (at < 0) return false;
  Slot& slot = slots_[size_t(at)];
  if (slot.layer >= 0 && slot_of(slot.layer, slot.expert) == at)
    slot_of(slot.layer, slot.expert) = -1;
  slot_of(layer, expert) = at;
  slot = {layer, expert, State::reading, 0, 1};
  std::vector<ExpertReader::Piece> pieces;
  const Expert& source = source_.layers[size_t(layer)][size_t(expert)];
  for (int m = 0; m < kMatrices; ++m) {
    const Part& part = source[size_t(m)];
    const uint64_t begin = part.offset / kBlock * kBlock, end = part.offset + part.bytes;
    std::byte* to = reinterpret_cast<std::byte*>(memory_.data()) + size_t(at) * slot_bytes_ +
                    place_of(source, m);
    for (uint64_t from = begin; from < end; from += kPieceBytes)
      pieces.push_back({source_.files[size_t(part.file)].get(), from,
                        size_t(std::min<uint64_t>(kPieceBytes, end - from)), to + (from - begin),
                        at});
  }
  slot.pieces = int(pieces.size());
  reader_->add(pieces, is_urgent);
  return true;
}

void ExpertCache::start_missing(Visit& visit) {
  while (!visit.missing_.empty()) {
    const int expert = visit.missing_.back();
    if (!start(visit.layer_, expert, -1, true)) return;
    visit.held_.push_back(slot_of(visit.layer_, expert));
    visit.missing_.pop_back();
  }
}

void ExpertCache::unpin(std::vector<int>& slots) {
  for (int slot : slots) --slots_[size_t(slot)].pins;
  slots.clear();
}

void ExpertCache::look_ahead(int layer, std::span<const int> experts) {
  const std::lock_guard lock(mutex_);
  unpin(promised_[size_t(layer)]);
  for (int expert : experts) {
    int& slot = slot_of(layer, expert);
    if (slot >= 0) {
      ++slots_[size_t(slot)].pins;
    } else {
      if (!start(layer, expert, double(source_.layers.size()), false)) return;
      ++statistics_.looked_ahead;
    }
    promised_[size_t(layer)].push_back(slot);
  }
}

void ExpertCache::Visit::begin(int layer, int rows, std::span<const int> begin) {
  ExpertCache& cache = *cache_;
  const std::lock_guard lock(cache.mutex_);
  layer_ = layer;
  cache.use_.observe(layer, rows, begin);
  for (int e = int(begin.size()) - 2; e >= 0; --e) {  // the last of `missing_` is read first
    if (begin[size_t(e) + 1] == begin[size_t(e)]) continue;
    ++cache.statistics_.chosen;
    int& at = cache.slot_of(layer, e);
    if (at >= 0 && cache.slots_[size_t(at)].state == State::failed) at = -1;  // tries again
    if (at < 0) {
      missing_.push_back(e);
      continue;
    }
    Slot& slot = cache.slots_[size_t(at)];
    if (slot.pieces == 0) ++cache.statistics_.found;
    ++slot.pins;
    held_.push_back(at);
  }
  for (int at : cache.promised_[size_t(layer)]) {
    const bool is_chosen = std::find(held_.begin(), held_.end(), at) != held_.end();
    if (is_chosen) ++cache.statistics_.early;
    if (is_chosen && cache.slots_[size_t(at)].pieces > 0) cache.reader_->hurry(at);
  }
  cache.unpin(cache.promised_[size_t(layer)]);
  cache.start_missing(*this);
}

std::span<const ExpertCache::Ready> ExpertCache::Visit::next() {
  ExpertCache& cache = *cache_;
  std::unique_lock lock(cache.mutex_);
  cache.unpin(given_);
  ready_.clear();
  cache.start_missing(*this);
  const auto has_come = [&](int at) { return cache.slots_[size_t(at)].pieces == 0; };
  const int64_t began = monotonic_ns();
  // Where early reads have all the slots it waits for one of them.
  cache.arrived_.wait(lock, [&] {
    if (held_.empty() && !missing_.empty()) {
      for (std::vector<int>& slots : cache.promised_) cache.unpin(slots);
      cache.start_missing(*this);
    }
    return (held_.empty() && missing_.empty()) || std::any_of(held_.begin(), held_.end(), has_come);
  });
  cache.statistics_.wait_seconds += double(monotonic_ns() - began) * 1e-9;
  const auto waiting = std::partition(held_.begin(), held_.end(), has_come);
  given_.assign(held_.begin(), waiting);
  held_.erase(held_.begin(), waiting);
  for (int at : given_) {
    const Slot& slot = cache.slots_[size_t(at)];
    Ready& ready = ready_.emplace_back();
    ready.expert = slot.expert;
    if (slot.state == State::ready)
      for (int m = 0; m < kMatrices; ++m) ready.rows[size_t(m)] = cache.part(at, m);
  }
  return ready_;
}

ExpertCache::Visit::~Visit() {
  if (layer_ < 0) return;
  const std::lock_guard lock(cache_->mutex_);
  cache_->unpin(held_);
  cache_->unpin(given_);
}

}  // namespace weir
