#include "tasks/near_copies.h"

#include <algorithm>
#include <map>

#include "base/ascii.h"
#include "base/hash.h"
#include "text/unicode.h"

namespace weir {
namespace {

bool is_number(const std::string& word) { return std::ranges::all_of(word, is_digit); }

// Written without blanks between words.
bool is_ideographic(char32_t c) { return c >= 0x2e80; }
// General punctuation, that of Chinese, and the wide forms of ASCII's.
bool is_punctuation(char32_t c) {
  return (c >= 0x2000 && c < 0x2080) || (c >= 0x3000 && c < 0x3040) ||
         (c >= 0xff00 && c <= 0xff0f) || (c >= 0xff1a && c <= 0xff20) || c == 0xa0;
}

// Of every run of `length` words.
std::vector<uint64_t> run_hashes(const std::vector<std::string>& words, size_t length) {
  std::vector<uint64_t> hashes;
  for (size_t i = 0; i + length <= words.size(); ++i) {
    std::string run;
    for (size_t j = i; j < i + length; ++j) run += words[j] + ' ';
    hashes.push_back(fnv1a(run));
  }
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  return hashes;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + ' ';
  return text;
}

std::string meaning_of(const std::vector<std::string>& words) {
  std::string text;
  std::vector<std::string> numbers;
  for (const std::string& word : words) {
    const bool counts = is_number(word);
    if (counts) numbers.push_back(word);
    text += (counts ? "#" : word) + ' ';
  }
  std::sort(numbers.begin(), numbers.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  return text + joined(numbers);
}

}  // namespace

std::vector<std::string> words_of(std::string_view bytes) {
  const std::string text = replace_invalid_utf8(bytes);
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (size_t i = 0; i < text.size();) {
    const Utf8Character c = decode_utf8(text, i);
    const std::string_view character = std::string_view(text).substr(i, size_t(c.bytes));
    i += character.size();
    if (is_letter(character[0]) || is_digit(character[0])) {
      word += lower(character[0]);
    } else if (c.code < 0x80 || is_punctuation(c.code)) {
      end_word();
    } else if (is_ideographic(c.code)) {
      end_word();
      words.emplace_back(character);
    } else {
      word += character;
    }
  }
  end_word();
  return words;
}

std::string text_meaning(std::string_view text) { return meaning_of(words_of(text)); }

bool NearCopies::add_evaluated(std::string place, std::string text) {
  if (texts_.size() >= kTextsMax) return false;
  const std::vector<std::string> words = words_of(text);
  const auto id = uint32_t(texts_.size());
  Text one;
  one.place = std::move(place);
  one.text = std::move(text);
  one.exact = fnv1a(joined(words));
  meanings_[fnv1a(meaning_of(words))].push_back(id);
  for (uint64_t hash : run_hashes(words, kLongRun)) long_[hash].push_back(id);
  for (uint64_t hash : run_hashes(words, kShortRun)) short_[hash].push_back(id);
  texts_.push_back(std::move(one));
  return true;
}

// Forgets runs that many have, and counts the others.
void NearCopies::prepare() {
  is_prepared_ = true;
  const size_t most = std::max(kCommonMin, size_t(kCommonShare * double(texts_.size())));
  for (Runs* runs : {&long_, &short_})
    std::erase_if(*runs, [&](const auto& run) { return run.second.size() > most; });
  for (const auto& [hash, texts] : short_)
    for (uint32_t text : texts) ++texts_[text].short_runs;
}

void NearCopies::found(uint32_t id, CopyKind kind, const std::string& place,
                       const std::string& learned) {
  Text& text = texts_[id];
  if (text.has_copy && text.copy.kind <= kind) return;
  text.has_copy = true;
  text.copy = {kind, text.place, text.text, place, learned};
}

void NearCopies::compare(const std::string& place, const std::string& text) {
  if (!is_prepared_) prepare();
  ++learned_;
  const std::vector<std::string> words = words_of(text);
  if (const auto same = meanings_.find(fnv1a(meaning_of(words))); same != meanings_.end()) {
    const uint64_t exact = fnv1a(joined(words));
    for (uint32_t id : same->second)
      found(id, texts_[id].exact == exact ? CopyKind::same_text : CopyKind::numbers_reordered,
            place, text);
  }
  for (uint64_t hash : run_hashes(words, kLongRun))
    if (const auto run = long_.find(hash); run != long_.end())
      for (uint32_t id : run->second) found(id, CopyKind::overlap, place, text);
  std::map<uint32_t, int> common;
  for (uint64_t hash : run_hashes(words, kShortRun))
    if (const auto run = short_.find(hash); run != short_.end())
      for (uint32_t id : run->second) ++common[id];
  for (const auto& [id, runs] : common)
    if (double(runs) >= kShortShare * double(texts_[id].short_runs))
      found(id, CopyKind::overlap, place, text);
}

std::vector<NearCopy> NearCopies::copies() const {
  std::vector<NearCopy> all;
  for (const Text& text : texts_)
    if (text.has_copy) all.push_back(text.copy);
  return all;
}

}  // namespace weir
