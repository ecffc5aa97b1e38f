// Ed25519 (RFC 8032, OpenSSL): signs the head of the audit log.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

class SigningKey {
 public:
  // The private key in a PEM file that its owner alone may read; made if there is none, with the
  // public key beside it in `public_path`.
  static Result<SigningKey> open(const std::string& path, const std::string& public_path);
  SigningKey(SigningKey&&) noexcept;
  ~SigningKey();
  std::string sign(std::string_view message) const;  // 128 characters of hex
  std::string public_key() const;                    // 64 characters of hex

 private:
  struct State;
  explicit SigningKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The hex form of a public key in a PEM file.
Result<std::string> read_public_key(const std::string& path);
bool is_signed(std::string_view message, std::string_view signature, std::string_view public_key);

}  // namespace weir
