// Self-signed certificates and a client's end of TLS, by OpenSSL itself.
#pragma once
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include "testing/http_test_client.h"

namespace weir {

// PEM files of a new key and its certificate for localhost; `serial` tells certificates apart.
inline void write_certificate(const std::string& chain, const std::string& key, long serial) {
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> pair(EVP_EC_gen("P-256"), EVP_PKEY_free);
  std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), pair.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  ASSERT_NE(X509_sign(certificate.get(), pair.get(), EVP_sha256()), 0);
  FILE* file = fopen(chain.c_str(), "w");
  ASSERT_NE(file, nullptr);
  PEM_write_X509(file, certificate.get());
  fclose(file);
  file = fopen(key.c_str(), "w");
  ASSERT_NE(file, nullptr);
  PEM_write_PrivateKey(file, pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
  fclose(file);
  chmod(key.c_str(), 0600);
}

// Speaks TLS on the connection of a Client, which it outlives. It trusts any certificate.
class TestTls {
 public:
  explicit TestTls(Client& client, int version_max = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free), ssl_(nullptr, SSL_free) {
    signal(SIGPIPE, SIG_IGN);  // OpenSSL writes where the server may have closed
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), version_max);
    SSL_CTX_set_security_level(context_.get(), 0);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), client.socket());
    is_open_ = SSL_connect(ssl_.get()) == 1;
    SSL* ssl = ssl_.get();
    client.send_bytes = [ssl](const char* bytes, size_t count) -> ssize_t {
      return SSL_write(ssl, bytes, int(count));
    };
    client.receive_bytes = [ssl](char* bytes, size_t count) -> ssize_t {
      return SSL_read(ssl, bytes, int(count));
    };
  }
  bool is_open() const { return is_open_; }
  std::string version() const { return SSL_get_version(ssl_.get()); }
  long serial() const {
    std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(ssl_.get()),
                                                       X509_free);
    return certificate ? ASN1_INTEGER_get(X509_get_serialNumber(certificate.get())) : -1;
  }
  void say_goodbye() { SSL_shutdown(ssl_.get()); }

 private:
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  bool is_open_ = false;
};

}  // namespace weir
