// Which waiting sequence gets which slot of the cache, and how much of its prompt is there already.
#include <algorithm>

#include "engine/generator.h"
#include "engine/sequence.h"

namespace weir {
namespace {

// Shorter shared beginnings are computed again: cheaper than waiting or copying.
constexpr int kSharedMin = 16;
// Waiting sequences looked at in one round.
constexpr size_t kLookAhead = 256;

// Tokens at the beginning of `prompt` that `tokens` has too. The last token of a prompt is always
// computed, because its logits are needed.
int shared_beginning(const std::vector<int>& prompt, const std::vector<int>& tokens) {
  auto end = prompt.end() - 1;
  return int(std::mismatch(prompt.begin(), end, tokens.begin(), tokens.end()).first -
             prompt.begin());
}

}  // namespace

void Generator::admit(std::vector<Sequence*>& waiting) {
  for (size_t i = 0; i < std::min(waiting.size(), kLookAhead);) {
    Placement placement = place(*waiting[i]);
    if (placement == Placement::no_room) return;
    if (placement == Placement::placed)
      waiting.erase(waiting.begin() + std::ptrdiff_t(i));
    else
      ++i;
  }
}

Generator::Placement Generator::place(Sequence& sequence) {
  const std::vector<int>& prompt = sequence.request().prompt;
  int target = -1, source = -1, shared = kSharedMin - 1, promised = 0;
  for (int i = 0; i < int(slots_.size()); ++i) {
    const Slot& slot = slots_[size_t(i)];
    // Free slots that hold the least come first; the others may be of use to a later prompt.
    bool smaller = target < 0 || slot.cached.size() < slots_[size_t(target)].cached.size();
    if (!slot.sequence && smaller) target = i;
    if (slot.is_prefilling())
      promised = std::max(promised, shared_beginning(prompt, slot.sequence->request().prompt));
    int length = shared_beginning(prompt, slot.cached);
    if (length > shared) source = i, shared = length;
  }
  if (target < 0) return Placement::no_room;
  // Somebody is computing a longer beginning of this very prompt (samples of one prompt).
  if (promised >= kSharedMin && (source < 0 || promised > shared))
    return Placement::waits_for_prefix;
  if (source >= 0 && !slots_[size_t(source)].sequence) target = source;
  if (source < 0) shared = 0;
  Slot& slot = slots_[size_t(target)];
  // What is written from `shared` on must not be in pages that other slots share: make_room()
  // reserves from the length that is left.
  if (target == source)
    slot.cached.resize(size_t(shared));
  else
    slot.forget();
  if (!make_room(target, source, sequence.positions())) return Placement::no_room;
  if (source >= 0 && source != target) {
    auto forked = cache_.fork(source, target, shared);
    CHECK(forked.has_value() && cache_.reserve(target, sequence.positions()));  // there was room
    const Slot& from = slots_[size_t(source)];
    slot.cached.assign(from.cached.begin(), from.cached.begin() + shared);
    slot.experts = from.experts;
  }
  slot.cached.resize(size_t(shared));
  slot.experts.resize(records_experts_ ? size_t(shared) * trace_.row_size() : 0);
  slot.sequence = &sequence;
  statistics_.reused_tokens += shared;
  return Placement::placed;
}

// Reserves positions of a free slot, giving up what idle slots remember if memory is short; never
// that of slot `keep`.
bool Generator::make_room(int slot, int keep, int positions) {
  const int remembered = int(slots_[size_t(slot)].cached.size());
  cache_.truncate(slot, remembered);
  if (remembered == 0 && cache_.capacity(slot) < positions) cache_.release(slot);
  if (cache_.reserve(slot, positions)) return true;
  for (int i = 0; i < int(slots_.size()); ++i) {
    Slot& other = slots_[size_t(i)];
    if (i == slot || i == keep || other.sequence || cache_.capacity(i) == 0) continue;
    other.forget();
    cache_.release(i);
    if (cache_.reserve(slot, positions)) return true;
  }
  return false;
}

void Generator::release_idle() {
  for (int i = 0; i < int(slots_.size()); ++i) {
    if (slots_[size_t(i)].sequence) continue;
    slots_[size_t(i)].forget();
    cache_.release(i);
  }
}

}  // namespace weir
