// Gives waiting sequences slots of the cache with the longest cached beginning of their tokens, and
// running sequences the pages they grow into.
#include <algorithm>

#include "engine/engine.h"

namespace weir {
namespace {

// Shorter shared beginnings are computed again: cheaper than waiting or copying.
constexpr int kSharedMin = 16;
// Waiting sequences looked at in one round.
constexpr size_t kLookAhead = 256;

// Tokens at the beginning of `wanted` that `tokens` has too. The last one wanted is always
// computed, because its logits are needed.
int shared_beginning(const std::vector<int>& wanted, const std::vector<int>& tokens) {
  auto end = wanted.end() - 1;
  return int(std::mismatch(wanted.begin(), end, tokens.begin(), tokens.end()).first -
             wanted.begin());
}

}  // namespace

void Engine::admit() {
  for (size_t i = 0; i < std::min(waiting_.size(), kLookAhead);) {
    Placement placement = place(*waiting_[i]);
    if (placement == Placement::no_room) return;
    if (placement == Placement::placed)
      waiting_.erase(waiting_.begin() + std::ptrdiff_t(i));
    else
      ++i;
  }
}

Engine::Placement Engine::place(Sequence& sequence) {
  const std::vector<int>& tokens = sequence.tokens;
  int target = -1, source = -1, shared = kSharedMin - 1, promised = 0, running = 0;
  for (int i = 0; i < int(slots_.size()); ++i) {
    const Slot& slot = slots_[size_t(i)];
    running += slot.sequence != nullptr;
    // Idle slots that hold the least come first; the others may be of use to a later prompt.
    bool smaller = target < 0 || slot.cached.size() < slots_[size_t(target)].cached.size();
    if (!slot.sequence && smaller) target = i;
    if (records(sequence) && !slot.records) continue;  // its experts are not known
    if (slot.is_reading())
      promised = std::max(promised, shared_beginning(tokens, slot.sequence->tokens));
    int length = shared_beginning(tokens, slot.cached);
    if (length > shared) source = i, shared = length;
  }
  if (target < 0) return Placement::no_room;
  // Somebody is computing a longer beginning of these very tokens (samples of one prompt).
  if (promised >= kSharedMin && (source < 0 || promised > shared))
    return Placement::waits_for_prefix;
  if (source >= 0 && !slots_[size_t(source)].sequence) target = source;
  if (source < 0) shared = 0;
  // What is written from `shared` on must not be in pages that other slots share: room is made from
  // the length that is left.
  Slot& slot = slots_[size_t(target)];
  slot.resize(target == source ? size_t(shared) : 0, trace_.row_size());
  cache_.truncate(target, int(slot.cached.size()));
  cache_.trim(target);
  // A page for each of those that run stays free, or this one would soon be preempted.
  const int pages = source == target ? 0 : shared / kCachePage;
  if (!make_room(target, int(tokens.size()), running - pages, source)) return Placement::no_room;
  slot.records = recording_ > 0 && (source < 0 || slots_[size_t(source)].records);
  if (source >= 0 && source != target) {
    auto forked = cache_.fork(source, target, shared);
    CHECK(forked.has_value());
    const Slot& from = slots_[size_t(source)];
    slot.cached.assign(from.cached.begin(), from.cached.begin() + shared);
    slot.experts = from.experts;
  }
  slot.resize(size_t(shared), trace_.row_size());
  CHECK(cache_.reserve(target, int(tokens.size())).has_value());
  slot.sequence = &sequence;
  sequence.slot = target;
  statistics_.reused_tokens += shared;
  return Placement::placed;
}

// Whether positions of a slot can be reserved so that `spare` pages stay free. Gives up what idle
// slots remember if memory is short; never that of slot `keep`.
bool Engine::make_room(int slot, int positions, int spare, int keep) {
  int idle = 0;
  while (cache_.pages_to_take(slot, positions) + spare > cache_.pages_free()) {
    while (idle < int(slots_.size()) &&
           (idle == slot || idle == keep || slots_[size_t(idle)].sequence))
      ++idle;
    if (idle == int(slots_.size())) return false;
    release(idle++);
  }
  return true;
}

// Reserves the page of the next row of a running sequence, preempting the youngest ones if there is
// none. False: this was the youngest, and it waits.
bool Engine::make_room_for_next(Sequence& sequence) {
  const int slot = sequence.slot, positions = int(slots_[size_t(slot)].cached.size()) + 1;
  while (!make_room(slot, positions, 0, slot)) {
    auto youngest = std::find_if(sequences_.rbegin(), sequences_.rend(),
                                 [](const auto& entry) { return entry.second.slot >= 0; });
    preempt(youngest->second);
    if (sequence.slot < 0) return false;
  }
  CHECK(cache_.reserve(slot, positions).has_value());
  return true;
}

// Its rows stay in an idle slot until their pages are needed.
void Engine::preempt(Sequence& sequence) {
  slots_[size_t(sequence.slot)].sequence = nullptr;
  sequence.slot = -1;
  sequence.to_read = sequence.tokens.size();
  const auto older = [](const Sequence* a, const Sequence* b) { return a->id < b->id; };
  waiting_.insert(std::upper_bound(waiting_.begin(), waiting_.end(), &sequence, older), &sequence);
  ++statistics_.preemptions;
}

void Engine::release(int slot) {
  slots_[size_t(slot)] = {};
  cache_.release(slot);
}

void Engine::forget() {
  for (int i = 0; i < int(slots_.size()); ++i)
    if (!slots_[size_t(i)].sequence) release(i);
}

}  // namespace weir
