#include "tokenizer/token_classes.h"

#include <utf8proc.h>

#include <unordered_map>

#include "base/text.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr int kPartsMost = 64;           // that one character decomposes into; Unicode has 18
constexpr char32_t kLoneSpace = 0xE000;  // stands for it while blanks at the ends are removed
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_mark(utf8proc_int32_t c) {
  const utf8proc_category_t category = utf8proc_category(c);
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC ||
         category == UTF8PROC_CATEGORY_ME;
}

// Unicode's White_Space.
bool is_white(char32_t c) {
  return c == ' ' || (c >= 0x9 && c <= 0xD) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

// NFKD of one character (its canonical order does not matter: marks go), folded; runs of blanks
// become one space.
void append_folded(std::u32string& to, char32_t c) {
  utf8proc_int32_t parts[kPartsMost] = {utf8proc_int32_t(c)};
  int boundary = 0;
  utf8proc_ssize_t count =
      utf8proc_decompose_char(utf8proc_int32_t(c), parts, kPartsMost,
                              utf8proc_option_t(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT), &boundary);
  if (count < 1 || count > kPartsMost) parts[0] = utf8proc_int32_t(c), count = 1;
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    if (is_mark(parts[i])) continue;
    const char32_t low = char32_t(utf8proc_tolower(parts[i]));
    const bool is_blank = low == ' ' || low == '\t' || low == '\r' || low == '\n';
    if (!is_blank)
      to += low;
    else if (to.empty() || to.back() != ' ')
      to += U' ';
  }
}

}  // namespace

std::string folded_token(std::string_view text) {
  std::u32string folded;
  for (size_t at = 0; at < text.size();) {
    const Utf8Character c = decode_utf8(text, at);
    if (!c.valid) return std::string(text);
    append_folded(folded, c.code);
    at += size_t(c.bytes);
  }
  if (folded == U" ") folded = std::u32string(1, kLoneSpace);
  size_t begin = 0, end = folded.size();
  while (begin < end && is_white(folded[begin])) ++begin;
  while (begin < end && is_white(folded[end - 1])) --end;
  std::string out;
  for (size_t i = begin; i < end; ++i) append_utf8(out, folded[i] == kLoneSpace ? U' ' : folded[i]);
  return out.empty() ? std::string(text) : out;
}

TokenClasses token_classes(const Tokenizer& tokenizer) {
  TokenClasses classes;
  std::unordered_map<std::string, int> known;
  for (int id = 0; id < tokenizer.size(); ++id) {
    const auto text = tokenizer.decode(std::span(&id, 1), true);
    // Parts of characters have nothing to fold.
    const bool is_whole = text && text->find(kReplacement) == std::string::npos;
    std::string key = is_whole ? folded_token(*text) : tokenizer.token_text(id);
    const auto [at, is_new] = known.try_emplace(std::move(key), classes.count);
    classes.count += is_new;
    classes.of_token.push_back(at->second);
  }
  return classes;
}

}  // namespace weir
