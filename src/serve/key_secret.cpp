#include "serve/key_secret.h"

#include <argon2.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>

#include "base/text.h"

namespace weir {
namespace {

constexpr std::string_view kPrefix = "weir-";
constexpr std::string_view kIdLetters = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view kSecretLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr size_t kIdLength = 8, kSecretLength = 43;  // 62^43 > 2^256
constexpr uint32_t kMemoryKib = 19456, kPasses = 2, kLanes = 1;
constexpr size_t kSaltBytes = 16, kHashBytes = 32;

bool consists_of(std::string_view text, std::string_view letters) {
  return text.find_first_not_of(letters) == text.npos;
}

Result<void> fill_with_random(std::span<uint8_t> bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = getrandom(bytes.data() + done, bytes.size() - done, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return Error{std::string("the system gives no random numbers: ") + std::strerror(errno)};
    done += size_t(count);
  }
  return {};
}

// Bytes that would favour the first letters are drawn again.
Result<std::string> random_text(size_t length, std::string_view letters) {
  const size_t even = 256 / letters.size() * letters.size();
  std::string text;
  std::array<uint8_t, 64> bytes;
  while (text.size() < length) {
    TRY(fill_with_random(bytes));
    for (const uint8_t byte : bytes)
      if (byte < even && text.size() < length) text += letters[byte % letters.size()];
  }
  return text;
}

bool is_base64(std::string_view text, size_t length) {
  return text.size() == length && consists_of(text,
                                              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                                              "wxyz0123456789+/");
}

// The number of "m=19456" in 1 .. most.
bool has_cost(std::string_view text, std::string_view name, int64_t most) {
  if (!text.starts_with(name)) return false;
  const auto value = parse_int(text.substr(name.size()));
  return value && *value >= 1 && *value <= most;
}

}  // namespace

bool is_key_id(std::string_view text) {
  return text.size() == kIdLength && consists_of(text, kIdLetters);
}

std::optional<KeyParts> split_key(std::string_view key) {
  if (!key.starts_with(kPrefix)) return {};
  key.remove_prefix(kPrefix.size());
  if (key.size() != kIdLength + 1 + kSecretLength || key[kIdLength] != '-') return {};
  const KeyParts parts{key.substr(0, kIdLength), key.substr(kIdLength + 1)};
  if (!is_key_id(parts.id) || !consists_of(parts.secret, kSecretLetters)) return {};
  return parts;
}

std::string join_key(std::string_view id, std::string_view secret) {
  return std::string(kPrefix) + std::string(id) + "-" + std::string(secret);
}

Result<std::string> random_key_id() { return random_text(kIdLength, kIdLetters); }

Result<std::string> random_key_secret() { return random_text(kSecretLength, kSecretLetters); }

Result<std::string> hash_key_secret(std::string_view secret) {
  std::array<uint8_t, kSaltBytes> salt;
  TRY(fill_with_random(salt));
  std::string text(
      argon2_encodedlen(kPasses, kMemoryKib, kLanes, kSaltBytes, kHashBytes, Argon2_id), 0);
  const int code =
      argon2id_hash_encoded(kPasses, kMemoryKib, kLanes, secret.data(), secret.size(), salt.data(),
                            salt.size(), kHashBytes, text.data(), text.size());
  if (code != ARGON2_OK)
    return Error{std::string("the key cannot be hashed: ") + argon2_error_message(code)};
  text.resize(std::strlen(text.c_str()));
  return text;
}

bool is_key_hash(const std::string& text) {
  const std::vector<std::string> parts = split(text, '$');
  if (parts.size() != 6 || !parts[0].empty() || parts[1] != "argon2id" || parts[2] != "v=19")
    return false;
  const std::vector<std::string> costs = split(parts[3], ',');
  return costs.size() == 3 && has_cost(costs[0], "m=", 64 << 10) && has_cost(costs[1], "t=", 8) &&
         has_cost(costs[2], "p=", 8) && is_base64(parts[4], 22) && is_base64(parts[5], 43);
}

bool matches_key_hash(const std::string& hash, std::string_view secret) {
  return argon2id_verify(hash.c_str(), secret.data(), secret.size()) == ARGON2_OK;
}

bool equals_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference = difference | (uint8_t(a[i]) ^ uint8_t(b[i]));
  return difference == 0;
}

}  // namespace weir
