// Any bytes as an encoder's tokenizer.json and, after a zero byte, a text: an error, or ids of the
// vocabulary, no more of them than the text has bytes, and none of a control token. The text alone
// also goes through every rule of words.
#include <algorithm>
#include <cstdlib>

#include "tokenizer/wordpiece.h"

namespace {

void read_words(std::string_view text, const weir::BertWordRules& rules) {
  size_t bytes = 0;
  weir::for_bert_words(text, rules, [&](std::string_view word, size_t characters) {
    if (word.empty() || characters == 0 || characters > rules.characters_max + 1) std::abort();
    bytes += word.size();
  });
  // A character decomposes into at most four, of three bytes each.
  if (bytes > 12 * text.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\0');
  const std::string_view text = end == input.npos ? input : input.substr(end + 1);
  read_words(text, {.characters_max = 100});
  read_words(text, {false, false, false, false, 3});
  const auto tokenizer = weir::parse_wordpiece_json(input.substr(0, end));
  if (!tokenizer) return 0;
  for (const bool allow_special : {false, true}) {
    const std::vector<int> ids = tokenizer->encode(text, allow_special);
    if (ids.size() > 12 * text.size()) std::abort();
    for (const int id : ids)
      if (id < 0 || id >= tokenizer->size()) std::abort();
  }
  return 0;
}
