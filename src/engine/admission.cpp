// Gives waiting sequences slots of the cache with the longest cached beginning of their tokens, or
// a leader of equal tokens, and running sequences the pages they grow into.
#include <algorithm>

#include "engine/engine.h"
#include "engine/resuming_reader.h"

namespace weir {
namespace {

// Shorter shared beginnings are computed again: cheaper than waiting or copying.
constexpr int kSharedMin = 16;
// Waiting sequences of an owner looked at in one round.
constexpr size_t kLookAhead = 256;

// Of `found` rows those that a sequence's reader of hidden states can do without; it has had
// `shown`.
int skipped_rows(HiddenReader* reader, std::span<const int> tokens, int shown, int found) {
  auto* resuming = dynamic_cast<ResumingReader*>(reader);
  if (!resuming || found <= shown) return found;
  return std::max(std::min(shown, found), resuming->may_skip(tokens, found));
}

}  // namespace

// What the cache has of a sequence's tokens: whole pages, and the first rows of one more, which is
// in the tree or still filled by a running sequence.
struct Engine::Beginning {
  std::vector<PrefixTree::Node*> pages = {};
  PrefixTree::Node* partial = nullptr;
  const Slot* live = nullptr;
  int tokens = 0;    // in all
  int promised = 0;  // that a running sequence is reading
  int whole() const { return int(pages.size()) * kCachePage; }
  void keep_pages(int count) {
    pages.resize(size_t(count));
    drop_partial();
  }
  void drop_partial() {
    partial = nullptr;
    live = nullptr;
    tokens = whole();
  }
};

void Engine::admit() {
  for (auto& [owner, key] : keys_) key.looked = 0;
  while (Key* key = next_key()) {
    const auto at = key->waiting.begin() + std::ptrdiff_t(key->looked);
    switch (place(**at)) {
      case Placement::placed:
        key->waiting.erase(at);
        break;
      case Placement::waits_for_prefix:
        ++key->looked;
        break;
      case Placement::no_slot:
        if (!free_slot_for(*key)) return;
        break;
      case Placement::no_room:
        return;
    }
  }
}

// The owner with the fewest running sequences, among equals the one whose waiting one is the
// oldest.
Engine::Key* Engine::next_key() {
  Key* next = nullptr;
  const auto first = [](const Key& key) { return key.waiting[key.looked]->id; };
  for (auto& [owner, key] : keys_) {
    if (key.looked >= std::min(key.waiting.size(), kLookAhead)) continue;
    if (!next || key.running < next->running ||
        (key.running == next->running && first(key) < first(*next)))
      next = &key;
  }
  return next;
}

// Whether others may continue in a page of a running sequence, its newest or the next.
bool Engine::has_recent(const Slot& slot, int page) const {
  const int at = int(&slot - slots_.data());
  return !cache_.has_recents() ||
         (page < cache_.capacity(at) / kCachePage && cache_.recent(at, page) >= 0);
}

// The last token is always computed, because its logits are needed.
Engine::Beginning Engine::find_beginning(const Sequence& sequence) const {
  const auto wanted = std::span<const int>(sequence.tokens).first(sequence.unneeded_rows());
  const bool needs_experts = records(sequence);
  const std::string& owner = sequence.rows_owner;
  PrefixTree::Match match = prefixes_.find(owner, wanted, needs_experts);
  Beginning found;
  found.pages = std::move(match.pages);
  found.partial = match.partial;
  found.tokens = found.whole() + match.partial_tokens;
  const auto rest = wanted.subspan(size_t(found.whole()));
  const auto* place = found.pages.empty() ? prefixes_.root(owner) : found.pages.back();
  for (const Slot& slot : slots_) {
    if (!slot.sequence || slot.sequence->rows_owner != sequence.rows_owner) continue;
    if (needs_experts && !slot.records) continue;
    if (slot.is_reading()) {
      const int common = common_beginning(wanted, slot.sequence->tokens);
      if (common > int(slot.cached.size())) found.promised = std::max(found.promised, common);
    }
    if (slot.place != place || !has_recent(slot, int(found.pages.size()))) continue;
    const auto live = std::span<const int>(slot.cached).subspan(size_t(found.whole()));
    const int tokens = found.whole() + common_beginning(rest, live);
    if (tokens > found.tokens) found.live = &slot, found.tokens = tokens;
  }
  if (found.live) found.partial = nullptr;
  if (found.tokens < kSharedMin) found.drop_partial();
  const int skipped =
      skipped_rows(sequence.request.hidden_reader, sequence.tokens, sequence.shown, found.tokens);
  // With compressed attention a text can be continued at some pages only.
  if (skipped < found.tokens) found.keep_pages(cache_.has_recents() ? 0 : skipped / kCachePage);
  return found;
}

// Draws from the rows of a running sequence while both have the same tokens.
bool Engine::join(Sequence& sequence) {
  if (!options_.joins_equal || speculator_) return false;
  const auto is_plain = [](const TokenRequest& request) {
    return !request.scores_prompt && !request.token_filter && !request.hidden_reader;
  };
  if (!is_plain(sequence.request)) return false;
  for (Slot& slot : slots_) {
    Sequence* other = slot.sequence;
    if (!other || !is_plain(other->request) || records(*other) != records(sequence) ||
        other->tokens != sequence.tokens || other->rows_owner != sequence.rows_owner)
      continue;
    sequence.leader = other;
    other->followers.push_back(&sequence);
    const auto others_rows = int(sequence.to_read) - 1;
    statistics_.reused_tokens += others_rows;
    if (sequence.drawn() == 0) sequence.reused = others_rows;
    return true;
  }
  return false;
}

// It draws from rows of its own from now on; those of the leader are a beginning for it.
void Engine::part(Sequence& follower) {
  std::erase(follower.leader->followers, &follower);
  follower.leader = nullptr;
  wait_again(follower);
}

Engine::Placement Engine::place(Sequence& sequence) {
  if (join(sequence)) return Placement::placed;
  Beginning found = find_beginning(sequence);
  // Somebody is computing a longer beginning of these very tokens (samples of one prompt).
  if (found.promised >= kSharedMin && found.promised > found.tokens)
    return Placement::waits_for_prefix;
  const auto is_free = [](const Slot& slot) { return slot.sequence == nullptr; };
  const auto target = std::find_if(slots_.begin(), slots_.end(), is_free);
  if (target == slots_.end()) return Placement::no_slot;
  const int at = int(target - slots_.begin());
  const int running =
      int(slots_.size()) - int(std::count_if(slots_.begin(), slots_.end(), is_free));
  const auto has_experts = [](const PrefixTree::Node* page) { return !page->experts.empty(); };

  Slot& slot = *target;
  slot.records =
      recording_ > 0 && std::all_of(found.pages.begin(), found.pages.end(), has_experts) &&
      (!found.partial || has_experts(found.partial)) && (!found.live || found.live->records);
  slot.place = &prefixes_.begin(at, sequence.rows_owner, found.pages, slot);
  const auto rest = std::span<const int>(sequence.tokens).subspan(size_t(found.whole()));
  if (prefixes_.has_store() && !slot.records && !sequence.scores_prompt())
    slot.stored =
        prefixes_.stored_after(slot.place, sequence.rows_owner, rest.first(rest.size() - 1));
  const int with_stored = found.whole() + slot.stored * kCachePage;
  if (skipped_rows(sequence.request.hidden_reader, sequence.tokens, sequence.shown, with_stored) <
      with_stored)
    slot.stored = 0;
  if (slot.stored > 0) found.drop_partial();
  // A page for each of those that run stays free, or this one would soon be preempted.
  if (!reserve(at, sequence, found, running)) {
    prefixes_.leave(at, *slot.place, slot, false);
    slot = {};
    return Placement::no_room;
  }
  const int count = found.tokens - found.whole();
  if (found.partial) prefixes_.copy(*found.partial, count, at, slot);
  if (found.live) {
    const int live = int(found.live - slots_.data()), page = int(found.pages.size());
    prefixes_.copy(cache_.page(live, page), cache_.recent(live, page), *found.live,
                   size_t(found.whole()), count, at, slot);
  }
  slot.sequence = &sequence;
  sequence.slot = at;
  ++sequence.key->running;
  statistics_.reused_tokens += found.tokens;
  if (sequence.drawn() == 0) sequence.reused = found.tokens;
  return Placement::placed;
}

// Reserves the positions of all tokens so that `spare` pages stay free. Gives up the partial page
// of the beginning if there is no room otherwise.
bool Engine::reserve(int slot, const Sequence& sequence, Beginning& beginning, int spare) {
  const int positions = int(sequence.tokens.size());
  const int64_t bytes =
      cache_.bytes_to_take(slot, positions) + spare * int64_t(cache_.page_bytes_least());
  bool has_room = false;
  if (PrefixTree::Node* partial = beginning.partial) {
    prefixes_.pin(*partial);
    has_room = prefixes_.make_room(bytes);
    prefixes_.unpin(*partial);
    if (!has_room) beginning.drop_partial();
  }
  if (!has_room && !prefixes_.make_room(bytes)) return false;
  CHECK(cache_.reserve_pages(slot, positions).has_value());
  return true;
}

// Reserves the page of the next row of a running sequence, preempting others if there is none.
// False: this one was preempted, and it waits.
bool Engine::make_room_for_next(Sequence& sequence) {
  const int slot = sequence.slot, positions = int(slots_[size_t(slot)].cached.size()) + 1;
  while (!prefixes_.make_room(cache_.bytes_to_take(slot, positions))) {
    Sequence* other = victim(nullptr);
    CHECK(other);  // alone it fits: submit() and the cap on positions make sure
    preempt(*other);
    if (sequence.slot < 0) return false;
  }
  CHECK(cache_.reserve_pages(slot, positions).has_value());
  return true;
}

// The youngest running sequence of an owner, or (null) of the one with the most. Never the oldest
// of all that run: it ends, and so does everything one day. Null if there is no other.
Engine::Sequence* Engine::victim(const Key* key) {
  Sequence *oldest = nullptr, *found = nullptr;
  for (auto& [id, sequence] : sequences_) {
    if (sequence.slot < 0) continue;
    if (!oldest) {
      oldest = &sequence;
    } else if (key ? sequence.key == key : !found || sequence.key->running >= found->key->running) {
      found = &sequence;
    }
  }
  return found;
}

// An owner with at least two sequences less in slots than another takes one of those. Fewer: they
// would take it from each other in turn.
bool Engine::free_slot_for(const Key& key) {
  const auto most = std::max_element(keys_.begin(), keys_.end(), [](const auto& a, const auto& b) {
    return a.second.running < b.second.running;
  });
  if (most->second.running < key.running + 2) return false;
  Sequence* youngest = victim(&most->second);
  if (!youngest) return false;
  preempt(*youngest);
  return true;
}

// Its rows stay until their pages are needed.
void Engine::preempt(Sequence& sequence) {
  Slot& slot = slots_[size_t(sequence.slot)];
  while (!sequence.followers.empty()) part(*sequence.followers.back());
  prefixes_.leave(sequence.slot, *slot.place, slot, false);
  slot = {};
  sequence.slot = -1;
  --sequence.key->running;
  wait_again(sequence);
  ++statistics_.preemptions;
}

void Engine::wait_again(Sequence& sequence) {
  sequence.to_read = sequence.tokens.size();
  Key& key = *sequence.key;
  const auto older = [](const Sequence* a, const Sequence* b) { return a->id < b->id; };
  key.waiting.insert(std::upper_bound(key.waiting.begin(), key.waiting.end(), &sequence, older),
                     &sequence);
}

void Engine::forget() { prefixes_.forget(); }

}  // namespace weir
