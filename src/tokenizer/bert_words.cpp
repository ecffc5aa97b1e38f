#include "tokenizer/bert_words.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/text.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr char32_t kDottedI = 0x130;  // the one letter whose lower case is two characters
constexpr int kDecomposedMax = 32;    // characters that one decomposes into; Unicode has 4

// Unicode's White_Space.
bool is_bert_blank(char32_t c) {
  return c == ' ' || (c >= 0x9 && c <= 0xD) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_bert_control(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  switch (utf8proc_category(utf8proc_int32_t(c))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
      return true;
    default:
      return false;
  }
}

bool is_bert_punctuation(char32_t c) {
  if (c < 0x80)
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
  const utf8proc_category_t category = utf8proc_category(utf8proc_int32_t(c));
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool is_ideograph(char32_t c) {
  // The fourth range begins where BERT's authors have it, 0x100 after the block.
  constexpr char32_t kRanges[][2] = {{0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF},
                                     {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF},
                                     {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};
  return std::any_of(std::begin(kRanges), std::end(kRanges),
                     [c](const auto& range) { return c >= range[0] && c <= range[1]; });
}

using TakeWord = std::function<void(std::string_view word, size_t characters)>;

class WordReader {
 public:
  WordReader(const BertWordRules& rules, const TakeWord& take) : rules_(rules), take_(take) {}

  // A character of the text.
  void read(char32_t c) {
    if (rules_.clean_text) {
      if (c == 0 || c == 0xFFFD || is_bert_control(c)) return;
      if (is_bert_blank(c)) return end_word();
    }
    const bool is_word = rules_.handle_chinese_chars && is_ideograph(c);
    if (is_word) end_word();
    if (rules_.strip_accents)
      decomposed(c);
    else
      lowered(c);
    if (is_word) end_word();
  }
  void end_word() {
    if (characters_ > 0) take_(word_, characters_);
    word_.clear();
    characters_ = 0;
  }

 private:
  void decomposed(char32_t c) {
    if (c < 0x80) return lowered(c);
    utf8proc_int32_t parts[kDecomposedMax];
    int boundary = 0;
    const auto count = utf8proc_decompose_char(utf8proc_int32_t(c), parts, kDecomposedMax,
                                               UTF8PROC_DECOMPOSE, &boundary);
    if (count < 1 || count > kDecomposedMax) return lowered(c);
    for (int i = 0; i < int(count); ++i)
      if (utf8proc_category(parts[i]) != UTF8PROC_CATEGORY_MN) lowered(char32_t(parts[i]));
  }
  void lowered(char32_t c) {
    if (!rules_.lowercase) return add(c);
    if (c < 0x80) return add(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    if (c == kDottedI) return add('i'), add(0x307);
    add(char32_t(utf8proc_tolower(utf8proc_int32_t(c))));
  }
  void add(char32_t c) {
    if (is_bert_blank(c)) return end_word();
    const bool is_word = is_bert_punctuation(c);
    if (is_word) end_word();
    if (characters_ <= rules_.characters_max) {
      ++characters_;
      append_utf8(word_, c);
    }
    if (is_word) end_word();
  }

  const BertWordRules& rules_;
  const TakeWord& take_;
  std::string word_;
  size_t characters_ = 0;
};

}  // namespace

void for_bert_words(std::string_view text, const BertWordRules& rules, const TakeWord& take) {
  WordReader words(rules, take);
  for (size_t at = 0; at < text.size();) {
    const Utf8Character c = decode_utf8(text, at);
    words.read(c.code);
    at += size_t(c.bytes);
  }
  words.end_word();
}

}  // namespace weir
