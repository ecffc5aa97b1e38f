#include "heads/pool_memory.h"

#include <span>

#include "base/sha256.h"

namespace weir {
namespace {

std::string name_of(const std::string& before, std::span<const int> tokens) {
  Sha256 sha;
  sha.add(before.data(), before.size());
  sha.add(tokens.data(), tokens.size_bytes());
  return sha.hex();
}

}  // namespace

size_t PoolMemory::bytes_of(const Entry& entry) {
  return 2 * entry.key.size() + 2 * entry.state.last().size_bytes() + 256;
}

std::list<PoolMemory::Entry>::iterator PoolMemory::look_up(const std::string& key) {
  const auto found = places_.find(key);
  if (found == places_.end()) return entries_.end();
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second;
}

void PoolMemory::keep(const std::string& key, const PooledState& state) {
  std::lock_guard lock(mutex_);
  if (look_up(key) != entries_.end()) return;
  entries_.push_front({key, state});
  places_[key] = entries_.begin();
  bytes_ += bytes_of(entries_.front());
  while (bytes_ > bytes_max_) {
    bytes_ -= bytes_of(entries_.back());
    places_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

bool PoolMemory::has(const std::string& key) {
  std::lock_guard lock(mutex_);
  return look_up(key) != entries_.end();
}

std::optional<PooledState> PoolMemory::find(const std::string& key) {
  std::lock_guard lock(mutex_);
  const auto found = look_up(key);
  if (found == entries_.end()) return {};
  return found->state;
}

void TextKeys::add(int token) {
  tokens_.push_back(token);
  if (tokens_.size() % kCachePage == 0)
    pages_.push_back(name_of(pages_.back(), std::span(tokens_).last(kCachePage)));
}

std::string TextKeys::key(int count) const {
  const std::string& page = pages_[size_t(count / kCachePage)];
  const int rest = count % kCachePage;
  if (rest == 0) return page;
  return name_of(page, std::span(tokens_).subspan(size_t(count - rest), size_t(rest)));
}

}  // namespace weir
