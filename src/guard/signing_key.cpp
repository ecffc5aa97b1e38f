#include "guard/signing_key.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <vector>

#include "base/atomic_output.h"
#include "base/check.h"
#include "base/file.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kKeyBytes = 32, kSignatureBytes = 64, kFileMax = 4096;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Text = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

std::string hex_of(const unsigned char* bytes, size_t count) {
  std::string hex;
  for (size_t i = 0; i < count; ++i) {
    hex += "0123456789abcdef"[bytes[i] >> 4];
    hex += "0123456789abcdef"[bytes[i] & 15];
  }
  return hex;
}

std::vector<unsigned char> bytes_of(std::string_view hex) {
  std::vector<unsigned char> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    const int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);
    if (high < 0 || low < 0) return {};
    bytes.push_back(static_cast<unsigned char>(high * 16 + low));
  }
  return bytes;
}

std::string taken(BIO* bio) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(bio, &data);
  return {data, size_t(bytes)};
}

Result<std::string> public_hex(EVP_PKEY* key) {
  unsigned char bytes[kKeyBytes];
  size_t count = sizeof bytes;
  if (EVP_PKEY_get_raw_public_key(key, bytes, &count) != 1 || count != kKeyBytes)
    return Error{"holds no Ed25519 key"};
  return hex_of(bytes, count);
}

}  // namespace

struct SigningKey::State {
  Key key{nullptr, EVP_PKEY_free};
  std::string public_key;
};

SigningKey::SigningKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

Result<SigningKey> SigningKey::open(const std::string& path, const std::string& public_path) {
  auto state = std::make_unique<State>();
  if (file_exists(path)) {
    struct stat status {};
    if (stat(path.c_str(), &status) == 0 && (status.st_mode & 077))
      return Error{path + ": others may read this private key; run: chmod 600 " + path};
    const std::string pem = TRY(read_file(path, kFileMax));
    const Text bio(BIO_new_mem_buf(pem.data(), int(pem.size())), BIO_free_all);
    state->key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    if (!state->key) return Error{path + ": holds no private key in PEM"};
  } else {
    state->key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    if (!state->key) return Error{"OpenSSL can not make an Ed25519 key"};
    const Text secret(BIO_new(BIO_s_mem()), BIO_free_all);
    CHECK(PEM_write_bio_PrivateKey(secret.get(), state->key.get(), nullptr, nullptr, 0, nullptr,
                                   nullptr) == 1);
    const mode_t mask = umask(077);
    auto written = write_file_atomic(path, taken(secret.get()));
    umask(mask);
    TRY(std::move(written));
  }
  auto hex = public_hex(state->key.get());
  if (!hex) return std::move(hex.error()).within(path);
  state->public_key = *std::move(hex);
  if (!file_exists(public_path)) {
    const Text open(BIO_new(BIO_s_mem()), BIO_free_all);
    CHECK(PEM_write_bio_PUBKEY(open.get(), state->key.get()) == 1);
    TRY(write_file_atomic(public_path, taken(open.get())));
  }
  return SigningKey(std::move(state));
}

std::string SigningKey::sign(std::string_view message) const {
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  unsigned char signature[kSignatureBytes];
  size_t count = sizeof signature;
  CHECK(context &&
        EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, state_->key.get()) == 1);
  CHECK(EVP_DigestSign(context.get(), signature, &count,
                       reinterpret_cast<const unsigned char*>(message.data()),
                       message.size()) == 1);
  return hex_of(signature, count);
}

std::string SigningKey::public_key() const { return state_->public_key; }

Result<std::string> read_public_key(const std::string& path) {
  const std::string pem = TRY(read_file(path, kFileMax));
  const Text bio(BIO_new_mem_buf(pem.data(), int(pem.size())), BIO_free_all);
  const Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  if (!key) return Error{path + ": holds no public key in PEM"};
  auto hex = public_hex(key.get());
  if (!hex) return std::move(hex.error()).within(path);
  return hex;
}

bool is_signed(std::string_view message, std::string_view signature, std::string_view public_key) {
  const std::vector<unsigned char> key_bytes = bytes_of(public_key), sign = bytes_of(signature);
  if (key_bytes.size() != kKeyBytes || sign.size() != kSignatureBytes) return false;
  const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key_bytes.data(), kKeyBytes),
                EVP_PKEY_free);
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return key && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), sign.data(), sign.size(),
                          reinterpret_cast<const unsigned char*>(message.data()),
                          message.size()) == 1;
}

}  // namespace weir
