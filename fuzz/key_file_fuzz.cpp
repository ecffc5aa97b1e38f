// Any bytes as the file of keys: an error of valid UTF-8, or keys that are written again as they
// were read. And as a key that a client sends.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "serve/key_file.h"
#include "serve/key_secret.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto parts = split_key(bytes); parts && join_key(parts->id, parts->secret) != bytes)
    std::abort();
  auto keys = parse_keys(bytes);
  if (!keys) {
    if (first_invalid_utf8(keys.error().message) != std::string::npos) std::abort();
    return 0;
  }
  for (const KeyRecord& key : *keys)
    if (!is_key_id(key.id) || !is_key_hash(key.hash) || key.limits.requests_per_minute < 0)
      std::abort();
  const auto again = parse_keys(keys_text(*keys));
  if (!again || *again != *keys) std::abort();
  return 0;
}
