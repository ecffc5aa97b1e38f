// Any bytes as tokenizer.json and, after a zero byte, a text: an error, or a tokenizer that gives
// the text back, keeps control tokens out of it, gives every token a class, and reads the same
// after it was written.
#include <cstdlib>

#include "tokenizer/token_classes.h"
#include "tokenizer/tokenizer_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  size_t end = input.find('\0');
  std::string_view text = end == input.npos ? input : input.substr(end + 1);
  auto tokenizer = weir::parse_tokenizer_json(input.substr(0, end));
  if (!tokenizer) return 0;

  for (bool allow_special : {false, true}) {
    auto ids = tokenizer->encode(text, {.allow_special = allow_special, .framed = false});
    if (!ids) continue;
    weir::StreamDecoder stream(*tokenizer, true);
    std::string streamed;
    for (int id : *ids) {
      if (!tokenizer->has(id) || (!allow_special && tokenizer->is_special(id))) std::abort();
      streamed += stream.push(id);
    }
    streamed += stream.finish();
    auto bytes = tokenizer->decode_bytes(*ids, true);
    if (!bytes || (!tokenizer->nfc() && *bytes != text)) std::abort();
    if (*tokenizer->decode(*ids, true) != streamed) std::abort();
  }
  const weir::TokenClasses classes = weir::token_classes(*tokenizer);
  if (int(classes.of_token.size()) != tokenizer->size() || classes.count > tokenizer->size())
    std::abort();
  for (int id : classes.of_token)
    if (id < 0 || id >= classes.count) std::abort();
  std::string written = weir::tokenizer_json(*tokenizer);
  auto again = weir::parse_tokenizer_json(written);
  if (!again || weir::tokenizer_json(*again) != written) std::abort();
  return 0;
}
