// The keys that clients send: `weir-ID-SECRET`. The id finds the record of a key and is no secret;
// the secret has 256 random bits and is kept as its argon2id hash alone (RFC 9106), with OWASP's
// cost for passwords: 19 MiB, two passes, one lane.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

struct KeyParts {
  std::string_view id, secret;
};

// Nothing where a text has not the form of a key: an id of 8 letters a-z and digits 2-7, a secret
// of 43 letters and digits.
std::optional<KeyParts> split_key(std::string_view key);
std::string join_key(std::string_view id, std::string_view secret);
bool is_key_id(std::string_view text);

// From the system's random numbers (getrandom); an error where it has none.
Result<std::string> random_key_id();
Result<std::string> random_key_secret();

// argon2's encoded form: $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH.
Result<std::string> hash_key_secret(std::string_view secret);
// Such a text with costs of at most 64 MiB, 8 passes and 8 lanes.
bool is_key_hash(const std::string& text);
// Takes tens of milliseconds. `hash` is one that is_key_hash() accepts.
bool matches_key_hash(const std::string& hash, std::string_view secret);

// In a time that depends on the lengths alone.
bool equals_in_constant_time(std::string_view a, std::string_view b);

}  // namespace weir
