// SHA-256 through OpenSSL's libcrypto.
#include <openssl/evp.h>

#include <memory>

#include "base/check.h"
#include "base/file.h"

namespace weir {

std::string sha256_hex(std::span<const std::byte> bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha256(), nullptr) == 1);
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) {
    hex += "0123456789abcdef"[digest[i] >> 4];
    hex += "0123456789abcdef"[digest[i] & 15];
  }
  return hex;
}

std::string sha256_hex(std::string_view text) { return sha256_hex(std::as_bytes(std::span(text))); }

Result<std::string> sha256_file(const std::string& path) {
  MappedFile file = TRY(MappedFile::open(path));
  return sha256_hex(file.bytes());
}

}  // namespace weir
