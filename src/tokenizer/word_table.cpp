// Linear probing; a slot keeps half of the hash so that most misses never touch the text.
#include "tokenizer/word_table.h"

#include <cstring>

#include "base/check.h"
#include "base/random.h"

namespace weir {

uint64_t hash_bytes(std::string_view bytes) {
  uint64_t hash = 0x9e3779b97f4a7c15u ^ bytes.size();
  const char* p = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, p += 8) {
    uint64_t part;
    std::memcpy(&part, p, 8);
    hash = (hash ^ part) * 0xbf58476d1ce4e5b9u;
    hash ^= hash >> 29;
  }
  if (left > 0) {
    uint64_t part = 0;
    for (size_t i = 0; i < left; ++i) part |= uint64_t(static_cast<unsigned char>(p[i])) << (8 * i);
    hash = (hash ^ part) * 0xbf58476d1ce4e5b9u;
  }
  return mix64(hash);
}

size_t WordTable::slot_of(std::string_view word, uint64_t hash) const {
  size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.number < 0) return at;
    if (slot.hash == uint32_t(hash >> 32) && (*this)[slot.number] == word) return at;
  }
}

int WordTable::find(std::string_view word) const {
  if (slots_.empty()) return -1;
  return slots_[slot_of(word, hash_bytes(word))].number;
}

int WordTable::insert(std::string_view word) {
  if (slots_.size() < 2 * (size() + 1)) grow(slots_.empty() ? 64 : slots_.size() * 2);
  uint64_t hash = hash_bytes(word);
  Slot& slot = slots_[slot_of(word, hash)];
  if (slot.number >= 0) return slot.number;
  CHECK_LT(size(), size_t(INT32_MAX));
  slot = {uint32_t(hash >> 32), int32_t(size())};
  text_ += word;
  begins_.push_back(text_.size());
  return slot.number;
}

void WordTable::reserve(size_t words) {
  size_t slots = 64;
  while (slots < 2 * words) slots *= 2;
  if (slots > slots_.size()) grow(slots);
}

void WordTable::grow(size_t slots) {
  slots_.assign(slots, Slot{});
  for (size_t number = 0; number < size(); ++number) {
    std::string_view word = (*this)[int(number)];
    uint64_t hash = hash_bytes(word);
    slots_[slot_of(word, hash)] = {uint32_t(hash >> 32), int32_t(number)};
  }
}

}  // namespace weir
