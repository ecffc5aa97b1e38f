// SHA-256 in lower-case hex (OpenSSL's libcrypto).
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex(std::string_view text);
Result<std::string> sha256_file(const std::string& path);

// The same of bytes that come piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void add(const void* data, size_t bytes);
  std::string hex();  // once, after everything was added

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
