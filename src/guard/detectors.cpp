#include "guard/detectors.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "guard/check_digits.h"
#include "guard/secrets.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr size_t kGroupsMax = 9, kJoinedMax = 40;
constexpr size_t kTokenBefore = 256;  // of a token, before its first digit or @

enum : uint8_t { kDigit = 1, kLetter = 2, kTokenMark = 4, kAt = 8, kToken = 15, kGap = 16 };

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> classes{};
  for (int c = 0; c < 26; ++c) classes[size_t('a' + c)] = classes[size_t('A' + c)] = kLetter;
  for (int c = '0'; c <= '9'; ++c) classes[size_t(c)] = kDigit;
  for (const char c : {'.', '_', '%', '+', '-', '=', '/', '~'}) classes[size_t(c)] = kTokenMark;
  for (const char c : {' ', '(', ')'}) classes[size_t(c)] = kGap;
  classes[size_t('@')] = kAt;
  return classes;
}();

uint8_t class_of(char c) { return kClasses[uint8_t(c)]; }
bool is_alnum(char c) { return (class_of(c) & (kDigit | kLetter)) != 0; }
bool is_token(char c) { return (class_of(c) & kToken) != 0; }

// A group of an IBAN.
bool is_short_code(std::string_view token) {
  return token.size() <= 4 &&
         std::ranges::all_of(token, [](char c) { return c >= 'A' && c <= 'Z'; });
}

// The text with one byte for each character: ASCII, full-width forms as ASCII, 0x80 for others;
// characters without a width are left out.
struct Plain {
  std::string text;
  std::vector<size_t> places;  // of each byte, and the end
};

bool has_wide_forms(std::string_view text) {
  for (size_t i = 0; (i = text.find('\xEF', i)) != text.npos; ++i) {
    if (i + 2 >= text.size()) return true;
    const auto b = uint8_t(text[i + 1]), c = uint8_t(text[i + 2]);
    // Not the comma, the colon, the semicolon and the question mark, which are common.
    const bool is_wide = b == 0xBC && c >= 0x8B && c != 0x8C && c != 0x9A && c != 0x9B && c != 0x9F;
    if (is_wide || (b == 0xBD && c <= 0x9E) || (b == 0xBB && c == 0xBF)) return true;
  }
  return false;
}

bool has_no_width(std::string_view text) {
  for (size_t i = 0; (i = text.find('\xE2', i)) != text.npos; ++i) {
    if (i + 2 >= text.size()) return true;
    const auto b = uint8_t(text[i + 1]), c = uint8_t(text[i + 2]);
    if ((b == 0x80 && c >= 0x8B && c <= 0x8F) || (b == 0x81 && c == 0xA0)) return true;
  }
  return false;
}

Plain make_plain(std::string_view text) {
  Plain plain;
  for (size_t i = 0; i < text.size();) {
    const Utf8Character character = decode_utf8(text, i);
    const char32_t code = character.code;
    char byte = '\x80';
    if (code < 0x80)
      byte = char(code);
    else if (code > 0xFF00 && code < 0xFF5F)
      byte = char(code - 0xFEE0);
    const bool is_ignored = (code >= 0x200B && code <= 0x200F) || code == 0x2060 || code == 0xFEFF;
    if (!is_ignored) {
      plain.text.push_back(byte);
      plain.places.push_back(i);
    }
    i += size_t(character.bytes);
  }
  plain.places.push_back(text.size());
  return plain;
}

struct Group {
  size_t begin, end;
};

class SpanReader {
 public:
  SpanReader(std::string_view text, size_t begin, size_t end, std::vector<DetectorMatch>& matches)
      : text_(text), begin_(begin), end_(end), matches_(matches) {}

  void read(bool has_at, bool has_digits, bool has_long) {
    if (has_at) find_addresses();
    if (has_digits) find_numbers();
    if (has_long) find_secrets(text_, begin_, end_, matches_);
  }

 private:
  static bool is_local(char c) {
    return is_alnum(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-';
  }
  static bool is_host(char c) { return is_alnum(c) || c == '.' || c == '-'; }

  void find_addresses() {
    for (size_t at = text_.find('@', begin_); at < end_; at = text_.find('@', at + 1)) {
      size_t begin = at, end = at + 1;
      while (begin > begin_ && is_local(text_[begin - 1]) && at - begin < 64) --begin;
      while (begin < at && !is_alnum(text_[begin])) ++begin;
      while (end < end_ && is_host(text_[end])) ++end;
      while (end > at && !is_alnum(text_[end - 1])) --end;
      const std::string_view host = text_.substr(at + 1, end > at ? end - at - 1 : 0);
      const size_t dot = host.rfind('.');
      if (begin == at || dot == host.npos || dot == 0 || host.find("..") != host.npos) continue;
      const std::string_view top = host.substr(dot + 1);
      if (top.size() < 2 ||
          !std::ranges::all_of(top, [](char c) { return (class_of(c) & kLetter) != 0; }))
        continue;
      matches_.push_back({Detector::email, begin, end});
    }
  }

  void find_numbers() {
    const std::string_view span = text_.substr(begin_, end_ - begin_);
    if (std::ranges::count_if(span, [](char c) { return class_of(c) == kDigit; }) < 7) return;
    std::vector<Group> groups;
    for (size_t i = begin_; i < end_;) {
      if (!is_alnum(text_[i])) {
        ++i;
        continue;
      }
      size_t end = i;
      while (end < end_ && is_alnum(text_[end])) ++end;
      groups.push_back({i, end});
      i = end;
    }
    for (size_t i = 0; i < groups.size();) i = number_from(groups, i);
  }

  // Returns the group after the number that begins at `first`, or the next one.
  size_t number_from(const std::vector<Group>& groups, size_t first) {
    std::string joined[kGroupsMax];
    size_t count = 0;
    for (size_t i = first; i < groups.size() && count < kGroupsMax; ++i) {
      if (i > first && !joins(groups[i - 1].end, groups[i].begin)) break;
      std::string all = count > 0 ? joined[count - 1] : "";
      all += text_.substr(groups[i].begin, groups[i].end - groups[i].begin);
      if (all.size() > kJoinedMax) break;
      joined[count++] = std::move(all);
    }
    for (size_t n = count; n > 0; --n) {
      const std::span used(groups.data() + first, n);
      if (const auto kind = kind_of(joined[n - 1], used)) {
        const bool has_plus = used[0].begin > begin_ && text_[used[0].begin - 1] == '+';
        matches_.push_back({*kind, used[0].begin - (has_plus ? 1 : 0), used.back().end});
        return first + n;
      }
    }
    return first + 1;
  }

  // One blank, hyphen or point, or brackets around an area code.
  bool joins(size_t begin, size_t end) const {
    const std::string_view gap = text_.substr(begin, end - begin);
    return gap == " " || gap == "-" || gap == "." || gap == ") " || gap == ")" || gap == " (" ||
           gap == "(";
  }

  static bool has_sizes(std::span<const Group> groups, std::initializer_list<size_t> sizes) {
    return groups.size() == sizes.size() &&
           std::equal(sizes.begin(), sizes.end(), groups.begin(),
                      [](size_t size, const Group& g) { return g.end - g.begin == size; });
  }
  // Groups of four, and a shorter last one.
  static bool has_fours(std::span<const Group> groups) {
    for (size_t i = 0; i + 1 < groups.size(); ++i)
      if (groups[i].end - groups[i].begin != 4) return false;
    return groups.back().end - groups.back().begin <= 4;
  }
  // Digits of a longer number: of a fraction, or after a mark that joins it to something else.
  bool is_part(std::span<const Group> groups) const {
    const size_t begin = groups.front().begin, end = groups.back().end;
    const char before = begin > begin_ ? text_[begin - 1] : ' ';
    const char after = end < end_ ? text_[end] : ' ';
    if ((before == '.' || before == '-' || before == '/' || before == '_') && begin - begin_ >= 2 &&
        is_alnum(text_[begin - 2]))
      return true;
    return (after == '.' || after == '/' || after == '_' || after == '-') && end + 1 < end_ &&
           is_alnum(text_[end + 1]);
  }

  std::optional<Detector> kind_of(const std::string& joined, std::span<const Group> groups) const {
    if (is_identity_card_cn(joined) && groups.size() <= 4 && !is_part(groups))
      return Detector::identity_card_cn;
    if (groups.size() == 1 && is_credit_code_cn(joined)) return Detector::credit_code_cn;
    if ((groups.size() == 1 || has_fours(groups)) && is_iban(joined)) return Detector::iban;
    const bool is_digits =
        std::ranges::all_of(joined, [](char c) { return class_of(c) == kDigit; });
    if (!is_digits || is_part(groups)) return {};
    const bool is_card_form = groups.size() == 1 || has_fours(groups) ||
                              has_sizes(groups, {4, 6, 5}) || has_sizes(groups, {4, 6, 4}) ||
                              has_sizes(groups, {6, 10}) || has_sizes(groups, {6, 13}) ||
                              has_sizes(groups, {4, 4, 4, 4, 3});
    if (is_card_form && is_bank_card(joined)) return Detector::bank_card;
    return phone_kind(joined, groups);
  }

  std::optional<Detector> phone_kind(std::string_view digits, std::span<const Group> groups) const {
    const bool has_plus = groups[0].begin > begin_ && text_[groups[0].begin - 1] == '+';
    std::string_view national = digits;
    size_t in_code = 0;  // groups of the country code
    const size_t first = groups[0].end - groups[0].begin;
    if (has_plus ? digits.starts_with("86") : digits.starts_with("0086")) {
      national.remove_prefix(has_plus ? 2 : 4);
      in_code = first == (has_plus ? 2u : 4u) ? 1 : 0;
    } else if (digits.starts_with("86") && digits.size() == 13 && !has_plus) {
      national.remove_prefix(2);
      in_code = first == 2 ? 1 : 0;
    }
    const std::span<const Group> rest = groups.subspan(in_code);
    const bool is_one = rest.size() == 1;
    if (is_mobile_cn(national) &&
        (is_one || has_sizes(rest, {3, 4, 4}) || has_sizes(rest, {3, 8}) ||
         has_sizes(rest, {5, 4, 4}) || has_sizes(rest, {7, 4}) || has_sizes(rest, {4, 4, 3}) ||
         has_sizes(rest, {3, 3, 5})))
      return Detector::phone_cn;
    const std::string with_zero = national.size() < digits.size() && !national.starts_with('0')
                                      ? "0" + std::string(national)
                                      : std::string(national);
    if ((rest.size() == 2 || rest.size() == 3 || in_code > 0) && is_landline_cn(with_zero) &&
        (rest.size() == 1 || rest[0].end - rest[0].begin <= 4))
      return Detector::phone_cn;
    if (has_plus && digits.size() >= 8 && digits.size() <= 15 && digits[0] != '0')
      return Detector::phone;
    const bool is_nanp = (has_sizes(groups, {3, 3, 4}) && digits[0] >= '2' && digits[3] >= '2') ||
                         (has_sizes(groups, {1, 3, 3, 4}) && digits[0] == '1' && digits[1] >= '2' &&
                          digits[4] >= '2');
    if (is_nanp) return Detector::phone;
    // 00 and a country code, or a national number in brackets or with a hyphen after its zero.
    if (digits.starts_with("00") && groups.size() >= 2 && digits.size() >= 10 &&
        digits.size() <= 17 && digits[2] != '0')
      return Detector::phone;
    return {};
  }

  std::string_view text_;
  size_t begin_, end_;
  std::vector<DetectorMatch>& matches_;
};

// The next digit or @ from `i` on; the text's end: none.
size_t next_trigger(std::string_view text, size_t i) {
  const auto is_trigger = [&](size_t at) { return (class_of(text[at]) & (kDigit | kAt)) != 0; };
  constexpr uint64_t kOnes = 0x0101010101010101, kHigh = kOnes * 0x80;
  while (i + 8 <= text.size()) {
    uint64_t block;
    std::memcpy(&block, text.data() + i, 8);
    // Bytes from 0x30 to 0x40 are below 0x11 after the subtraction, which borrows from no other
    // byte.
    const uint64_t low = block & ~kHigh;
    const uint64_t at_least = low + kOnes * (0x80 - 0x30), beyond = low + kOnes * (0x80 - 0x41);
    if ((at_least & ~beyond & ~block & kHigh) != 0)
      for (size_t k = i; k < i + 8; ++k)
        if (is_trigger(k)) return k;
    i += 8;
  }
  while (i < text.size() && !is_trigger(i)) ++i;
  return i;
}

// The begin of the token that holds or precedes text[at].
size_t token_begin(std::string_view text, size_t from, size_t at) {
  size_t begin = at;
  while (begin > from && at - begin < kTokenBefore && is_token(text[begin - 1])) --begin;
  return begin;
}

// `text` has one byte for each character. A candidate is a token with a digit or @, and what is
// linked to it.
size_t detect_plain(std::string_view text, size_t from, bool is_last,
                    std::vector<DetectorMatch>& matches) {
  size_t i = from;
  while (true) {
    const size_t trigger = next_trigger(text, i);
    const size_t begin = token_begin(text, i, trigger);
    if (trigger >= text.size()) return is_last ? text.size() : begin;
    const size_t limit = std::min(text.size(), begin + kDetectedBytesMax);
    bool has_at = false, has_digits = false, has_long = false, is_open = false;
    i = begin;
    while (true) {
      const size_t token = i;
      uint8_t classes = 0;
      for (uint8_t one; i < limit && ((one = class_of(text[i])) & kToken) != 0; ++i) classes |= one;
      has_at = has_at || (classes & kAt) != 0;
      has_digits = has_digits || (classes & kDigit) != 0;
      has_long = has_long || i - token >= 16;
      const bool links =
          (classes & kDigit) != 0 || (has_digits && is_short_code(text.substr(token, i - token)));
      is_open = i == text.size();
      if (i == limit || !links) break;
      size_t gap = i;
      while (gap < limit && gap - i < 2 && (class_of(text[gap]) & kGap) != 0) ++gap;
      is_open = gap == text.size();
      if (gap == i || gap == limit || !is_alnum(text[gap])) break;
      i = gap;
    }
    if (is_open && !is_last && i - begin < kDetectedBytesMax) return begin;
    SpanReader(text, begin, i, matches).read(has_at, has_digits, has_long);
  }
}

}  // namespace

const std::vector<std::string>& detector_names() {
  static const std::vector<std::string> names = {
      "email",          "phone_cn",  "phone", "identity_card_cn",
      "credit_code_cn", "bank_card", "iban",  "secret"};
  return names;
}

std::optional<Detector> find_detector(std::string_view name) {
  for (size_t i = 0; i < detector_names().size(); ++i)
    if (detector_names()[i] == name) return Detector(i);
  return {};
}

size_t detect(std::string_view text, size_t from, bool is_last,
              std::vector<DetectorMatch>& matches) {
  const size_t tail = is_last ? 0 : unfinished_utf8_tail(text);
  const std::string_view known = text.substr(0, text.size() - tail);
  if (from >= known.size()) return std::max(from, known.size());
  if (!has_wide_forms(known) && !has_no_width(known))
    return detect_plain(known, from, is_last, matches);
  const Plain plain = make_plain(known);
  const auto at = std::lower_bound(plain.places.begin(), plain.places.end(), from);
  const size_t already = matches.size();
  const size_t certain =
      detect_plain(plain.text, size_t(at - plain.places.begin()), is_last, matches);
  for (size_t i = already; i < matches.size(); ++i) {
    matches[i].end = plain.places[matches[i].end - 1] + 1;
    while (matches[i].end < text.size() && (uint8_t(text[matches[i].end]) & 0xC0) == 0x80)
      ++matches[i].end;
    matches[i].begin = plain.places[matches[i].begin];
  }
  return plain.places[certain];
}

}  // namespace weir
