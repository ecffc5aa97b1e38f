#include "knowledge/near_text.h"

#include <algorithm>
#include <bit>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/hash.h"
#include "knowledge/words.h"

namespace weir {
namespace {

constexpr size_t kRun = 3;
constexpr double kShareMin = 0.9;

// FNV's high bits differ little between short texts; the finalizer of MurmurHash3 spreads them.
uint64_t spread(uint64_t h) {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdu;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53u;
  return h ^ (h >> 33);
}

std::vector<uint64_t> run_keys(std::string_view text) {
  std::vector<uint64_t> words, runs;
  for (const Word& word : split_words(text))
    if (word.kind == Word::Kind::plain || word.kind == Word::Kind::pair)
      words.push_back(fnv1a(word.text));
  const size_t length = std::min(kRun, words.size());
  for (size_t i = 0; length > 0 && i + length <= words.size(); ++i) {
    uint64_t key = 0;
    for (size_t j = 0; j < length; ++j) key = spread(key * 31 + words[i + j]);
    runs.push_back(key);
  }
  return runs;
}

// What turns a statement into another with few letters: its numbers in order, and how often it says
// no.
struct Turns {
  std::vector<std::string> numbers;
  size_t denials = 0;
  bool operator==(const Turns&) const = default;
};

Turns turns_of(std::string_view text) {
  Turns turns;
  std::string number;
  for (char c : text) {
    if (c >= '0' && c <= '9') {
      number += c;
    } else if (!number.empty()) {
      turns.numbers.push_back(std::move(number));
      number.clear();
    }
  }
  if (!number.empty()) turns.numbers.push_back(number);
  for (const Word& word : split_words(text))
    for (std::string_view no : {"no", "not", "never", "cannot", "without"})
      turns.denials += word.text == no;
  for (std::string_view no : {"不", "没", "沒", "未", "无", "無", "非"})
    for (size_t at = text.find(no); at != text.npos; at = text.find(no, at + 1)) ++turns.denials;
  return turns;
}

}  // namespace

uint64_t similarity_hash(std::string_view text) {
  std::array<int, 64> votes{};
  for (uint64_t key : run_keys(text))
    for (size_t bit = 0; bit < 64; ++bit) votes[bit] += (key >> bit & 1) ? 1 : -1;
  uint64_t hash = 0;
  for (size_t bit = 0; bit < 64; ++bit)
    if (votes[bit] > 0) hash |= uint64_t(1) << bit;
  return hash;
}

std::array<int64_t, 4> similarity_bands(uint64_t hash) {
  std::array<int64_t, 4> bands;
  for (size_t i = 0; i < 4; ++i) bands[i] = int64_t(hash >> (16 * i) & 0xffff);
  return bands;
}

bool is_near_copy(std::string_view a, std::string_view b) {
  if (turns_of(a) != turns_of(b)) return false;
  const std::vector<uint64_t> runs_a = run_keys(a), runs_b = run_keys(b);
  const std::unordered_set<uint64_t> set_a(runs_a.begin(), runs_a.end());
  const std::unordered_set<uint64_t> set_b(runs_b.begin(), runs_b.end());
  size_t common = 0;
  for (uint64_t key : set_a) common += set_b.contains(key);
  const size_t all = set_a.size() + set_b.size() - common;
  return all > 0 && double(common) >= kShareMin * double(all);
}

}  // namespace weir
