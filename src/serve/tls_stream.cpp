// TLS of a connection, and the files of its certificate: Asio's ssl stream over OpenSSL.
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <tuple>

#include "base/text.h"
#include "serve/socket_stream.h"
#include "serve/tls_certificate.h"

namespace weir {
namespace {

namespace ssl = boost::asio::ssl;
using ContextPointer = std::shared_ptr<ssl::context>;

// What OpenSSL found wrong last, in its words.
std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  return reason ? reason : "unknown error";
}

Result<void> check_key_mode(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return Error{path + ": " + std::strerror(errno)};
  const bool is_private =
      (status.st_mode & 077) == 0 || (status.st_uid == 0 && (status.st_mode & 037) == 0);
  if (!is_private)
    return Error{
        fmt::format("{}: others may read this private key; run: chmod 600 {}", path, path)};
  return {};
}

// A key with a passphrase is an error, not a question at the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

Result<ContextPointer> make_context(const std::string& chain, const std::string& key) {
  struct stat status {};
  if (stat(chain.c_str(), &status) != 0) return Error{chain + ": " + std::strerror(errno)};
  TRY(check_key_mode(key));
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(native, no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(native, chain.c_str()) != 1)
    return Error{
        fmt::format("{}: is no chain of certificates in PEM form ({})", chain, openssl_reason())};
  // This fails also where the two do not fit.
  if (SSL_CTX_use_PrivateKey_file(native, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    const bool differs = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
                         ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH;
    const std::string reason = openssl_reason();
    if (differs)
      return Error{fmt::format("{} is not the private key of the certificate {}", key, chain)};
    return Error{
        fmt::format("{}: is no private key in PEM form without a passphrase ({})", key, reason)};
  }
  return context;
}

class WatchedCertificate : public TlsCertificate {
 public:
  WatchedCertificate(std::string chain, std::string key,
                     std::function<void(const std::string&)> log)
      : chain_(std::move(chain)), key_(std::move(key)), log_(std::move(log)) {}

  Result<void> open() {
    stamps_ = stamps();
    context_ = TRY(make_context(chain_, key_));
    if (has_expired() && log_)
      log_(fmt::format("tls: the certificate {} has expired; clients will refuse it", chain_));
    return {};
  }

  // For the next connection. The files of a renewal change one after the other, so a pair that
  // cannot be used is looked at again when one of them changes.
  ContextPointer context() {
    std::lock_guard lock(mutex_);
    const Stamps now = stamps();
    if (now == stamps_) return context_;
    stamps_ = now;
    auto made = make_context(chain_, key_);
    if (made) context_ = *std::move(made);
    if (log_)
      log_(made ? fmt::format("tls: {} changed and is used from now on", chain_)
                : fmt::format("tls: {}; the certificate of before stays in use",
                              made.error().message));
    return context_;
  }

 private:
  using Stamp = std::tuple<int64_t, int64_t, uint64_t>;
  using Stamps = std::pair<Stamp, Stamp>;
  static Stamp stamp_of(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) return {};
    return {status.st_ctim.tv_sec, status.st_ctim.tv_nsec, status.st_ino};
  }
  Stamps stamps() const { return {stamp_of(chain_), stamp_of(key_)}; }
  bool has_expired() const {
    const X509* certificate = SSL_CTX_get0_certificate(context_->native_handle());
    return certificate && X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0;
  }

  const std::string chain_, key_;
  const std::function<void(const std::string&)> log_;
  std::mutex mutex_;  // guards the rest
  Stamps stamps_;
  ContextPointer context_;
};

using SslStream = ssl::stream<AsioSocket>;

class TlsStream : public SocketStream<SslStream> {
 public:
  TlsStream(std::function<void()> ended, AsioSocket socket, ContextPointer context)
      : SocketStream(std::move(ended), std::move(socket), *context), context_(std::move(context)) {}
  void open(Done done) override {
    stream().async_handshake(
        SslStream::server,
        std::function<void(AsioCode)>([done = std::move(done)](AsioCode code) { done(!code, 0); }));
  }
  void end_writing(Done done) override {
    stream().async_shutdown(
        std::function<void(AsioCode)>([done = std::move(done)](AsioCode code) { done(!code, 0); }));
  }

 private:
  const ContextPointer context_;  // of this connection, whatever is loaded later
};

}  // namespace

std::unique_ptr<ByteStream> make_tls_stream(AsioSocket socket, TlsCertificate& certificate,
                                            std::function<void()> ended) {
  return std::make_unique<TlsStream>(std::move(ended), std::move(socket),
                                     static_cast<WatchedCertificate&>(certificate).context());
}

Result<std::shared_ptr<TlsCertificate>> TlsCertificate::open(
    const std::string& chain, const std::string& key, std::function<void(const std::string&)> log) {
  auto certificate = std::make_shared<WatchedCertificate>(chain, key, std::move(log));
  TRY(certificate->open());
  return std::shared_ptr<TlsCertificate>(std::move(certificate));
}

}  // namespace weir
