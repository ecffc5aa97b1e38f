#include "knowledge/evidence.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "base/ascii.h"
#include "base/text.h"
#include "knowledge/words.h"
#include "text/sentences.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr const char* kNumberWords[] = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                                        "seven", "eight", "nine", "ten",   "eleven", "twelve"};
constexpr std::string_view kDenials[] = {"no", "not", "never", "cannot", "without", "none", "nor"};
constexpr std::string_view kUnspacedDenials[] = {"不", "没", "沒", "未", "无", "無", "勿", "禁止"};
// With a denial inside, without being one.
constexpr std::string_view kNoDenials[] = {"不仅", "不僅", "不同", "不但", "不过", "不過",
                                           "无论", "無論", "不断", "不斷", "未来", "未來"};

bool is_token_char(char c) {
  return is_digit(c) || is_letter(c) || c == '_' || c == '.' || c == '-' || c == ',' || c == '/' ||
         c == ':' || static_cast<unsigned char>(c) >= 0x80;
}

struct Token {
  std::string_view text;
  bool is_first;     // of the sentence
  bool is_unspaced;  // stands beside a character of a script without blanks
};

// Runs of ASCII letters, digits and what joins them.
std::vector<Token> ascii_tokens(std::string_view sentence) {
  std::vector<Token> tokens;
  bool is_first = true, follows_unspaced = false;
  for (size_t at = 0; at < sentence.size();) {
    const unsigned char byte = static_cast<unsigned char>(sentence[at]);
    if (byte >= 0x80) {
      const Utf8Character character = decode_utf8(sentence, at);
      follows_unspaced = is_unspaced(character.code);
      at += size_t(character.bytes);
      continue;
    }
    if (!is_letter(sentence[at]) && !is_digit(sentence[at]) && sentence[at] != '_') {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < sentence.size() && static_cast<unsigned char>(sentence[end]) < 0x80 &&
           is_token_char(sentence[end]))
      ++end;
    std::string_view text = sentence.substr(at, end - at);
    while (!text.empty() && !is_letter(text.back()) && !is_digit(text.back()) && text.back() != '_')
      text.remove_suffix(1);
    if (!text.empty()) tokens.push_back({text, is_first, follows_unspaced});
    is_first = false;
    at = end;
  }
  return tokens;
}

// "1,000" and "1000" are one number.
std::string plain_number(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] != ',' || i + 1 >= text.size() || !is_digit(text[i + 1])) out += text[i];
  return out;
}

// The runs of digits, with points between, of a text: "3.1" of "v3.1-rc2", and "2".
void add_numbers(std::string_view text, std::vector<std::string>& numbers) {
  for (size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < text.size() &&
           (is_digit(text[end]) || ((text[end] == '.' || text[end] == ',') &&
                                    end + 1 < text.size() && is_digit(text[end + 1]))))
      ++end;
    numbers.push_back(plain_number(text.substr(at, end - at)));
    at = end;
  }
}

int number_word(std::string_view word) {
  const std::string small = lower_case(word);
  for (size_t i = 0; i < std::size(kNumberWords); ++i)
    if (small == kNumberWords[i]) return int(i);
  return -1;
}

bool is_name(const Token& token, bool is_unspaced_sentence) {
  const std::string_view text = token.text;
  if (text.size() < 2 || !std::ranges::any_of(text, is_letter)) return false;
  const auto uppers = std::ranges::count_if(text, is_upper);
  const bool is_identifier = text.find_first_of("_/") != text.npos || text.find('.') != text.npos ||
                             std::ranges::any_of(text, is_digit);
  if (is_identifier || uppers >= 2) return true;
  if (is_unspaced_sentence) return true;
  return is_upper(text[0]) && !token.is_first;
}

// What a text has for claims to be found in.
struct Ground {
  std::unordered_set<std::string> numbers, words;
  std::string bare;  // in lower case
};

Ground ground_of(std::string_view text, std::string_view head) {
  Ground ground;
  const std::string whole = std::string(head) + "\n" + std::string(text);
  std::vector<std::string> numbers;
  add_numbers(whole, numbers);
  ground.numbers.insert(numbers.begin(), numbers.end());
  for (const Token& token : ascii_tokens(whole))
    if (const int value = number_word(token.text); value >= 0)
      ground.numbers.insert(std::to_string(value));
  for (Word& word : split_words(whole)) ground.words.insert(std::move(word.text));
  ground.bare = lower_case(whole);
  return ground;
}

bool has_name(const Ground& ground, std::string_view name) {
  const std::string small = lower_case(name);
  for (size_t at = ground.bare.find(small); at != std::string::npos;
       at = ground.bare.find(small, at + 1)) {
    const size_t end = at + small.size();
    const bool begins = at == 0 || !is_letter(ground.bare[at - 1]);
    // A plural or another ending of the same word is the same name.
    const bool ends =
        end >= ground.bare.size() || !is_letter(ground.bare[end]) || ground.bare[end] == 's';
    if (begins && ends) return true;
  }
  return false;
}

std::vector<std::string> missing_claims(const Claims& claims, const Ground& ground) {
  std::vector<std::string> missing;
  for (const std::string& number : claims.numbers)
    if (!ground.numbers.contains(number)) missing.push_back(number);
  for (const std::string& name : claims.names)
    if (!has_name(ground, name)) missing.push_back(name);
  return missing;
}

double share_in(const std::vector<std::string>& words,
                const std::unordered_set<std::string>& there) {
  if (words.empty()) return 0;
  const auto found =
      std::ranges::count_if(words, [&](const std::string& word) { return there.contains(word); });
  return double(found) / double(words.size());
}

// The part of the text with most of the words, among those that deny as the sentence does if there
// is one nearly as good; "" where only the opposite is said.
std::string best_quote(std::string_view text, const std::vector<std::string>& words, bool denies) {
  std::string_view best, same;
  double best_share = 0, same_share = 0;
  for (std::string_view part : split_sentences(text)) {
    std::unordered_set<std::string> there;
    for (Word& word : split_words(part)) there.insert(std::move(word.text));
    const double share = share_in(words, there);
    if (share > best_share) {
      best_share = share;
      best = part;
    }
    if (has_denial(part) == denies && share > same_share) {
      same_share = share;
      same = part;
    }
  }
  return std::string(same_share >= 0.7 * best_share ? same : std::string_view());
}

}  // namespace

Claims claims_of(std::string_view sentence) {
  Claims claims;
  const bool is_unspaced_sentence = is_mostly_unspaced(sentence);
  add_numbers(sentence, claims.numbers);
  for (const Token& token : ascii_tokens(sentence)) {
    const int value = number_word(token.text);
    if (value >= 2) claims.numbers.push_back(std::to_string(value));
    if (value < 0 && is_name(token, is_unspaced_sentence)) claims.names.emplace_back(token.text);
  }
  return claims;
}

std::vector<bool> find_names(const std::vector<std::string>& names, std::string_view text) {
  Ground ground;
  ground.bare = lower_case(text);
  std::vector<bool> found;
  for (const std::string& name : names) found.push_back(has_name(ground, name));
  return found;
}

bool has_denial(std::string_view sentence) {
  if (sentence.find("n't") != sentence.npos || sentence.find("n’t") != sentence.npos) return true;
  for (const Token& token : ascii_tokens(sentence))
    for (std::string_view denial : kDenials)
      if (lower_case(token.text) == denial) return true;
  for (std::string_view denial : kUnspacedDenials)
    for (size_t at = sentence.find(denial); at != sentence.npos;
         at = sentence.find(denial, at + 1)) {
      const std::string_view rest = sentence.substr(at);
      if (std::ranges::none_of(kNoDenials,
                               [&](std::string_view word) { return rest.starts_with(word); }))
        return true;
    }
  return false;
}

SentenceEvidence find_evidence(std::string_view sentence, std::span<const std::string> texts,
                               std::span<const std::string> heads, const EvidenceOptions& options) {
  SentenceEvidence best;
  const Claims claims = claims_of(sentence);
  const std::vector<std::string> words = content_words(sentence);
  const double share_min =
      is_mostly_unspaced(sentence) ? options.unspaced_share_min : options.share_min;
  const bool denies = has_denial(sentence);
  bool is_first = true;
  for (size_t i = 0; i < texts.size(); ++i) {
    const Ground ground = ground_of(texts[i], i < heads.size() ? heads[i] : "");
    SentenceEvidence found;
    found.text = int(i);
    found.missing = missing_claims(claims, ground);
    found.share = share_in(words, ground.words);
    found.quote = best_quote(texts[i], words, denies);
    found.is_supported =
        found.missing.empty() && !words.empty() && found.share >= share_min && !found.quote.empty();
    const bool is_better =
        found.is_supported != best.is_supported ? found.is_supported : found.share > best.share;
    if (is_first || is_better) best = std::move(found);
    is_first = false;
  }
  return best;
}

}  // namespace weir
