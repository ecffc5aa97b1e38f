// What BERT's tokenizers take for words: the normalizer BertNormalizer and the pre-tokenizer
// BertPreTokenizer of tokenizer.json, as one pass over a text.
#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace weir {

struct BertWordRules {
  bool clean_text = true;            // leaves out control characters
  bool handle_chinese_chars = true;  // every CJK ideograph is a word
  bool strip_accents = true;         // canonical decomposition without the nonspacing marks
  bool lowercase = true;             // each character by its own, without context
  size_t characters_max = SIZE_MAX;  // of a word; the rest of a longer one is left out
};

// Calls take(word, characters) for each word in order: texts between blanks, every punctuation
// character a word of its own. `word` is valid during the call. `characters` counts one more than
// characters_max for a word that was cut. Bytes that are no UTF-8 count as U+FFFD, which clean_text
// leaves out. Characters are those of utf8proc's Unicode.
void for_bert_words(std::string_view text, const BertWordRules& rules,
                    const std::function<void(std::string_view word, size_t characters)>& take);

}  // namespace weir
