// The certificate of a server that speaks TLS 1.2 and newer, from PEM files. They are read again
// when they change, so that a renewed certificate counts from the next connection on.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace weir {

class TlsCertificate {
 public:
  // `chain`: the certificate and those between it and the root. `key`: its private key, without a
  // passphrase, which others may not read (a group may, if root owns it). An error where a file is
  // missing or not what it should be, or where the two do not belong together. `log` hears of
  // files that changed and cannot be used; the ones before stay in use.
  static Result<std::shared_ptr<TlsCertificate>> open(
      const std::string& chain, const std::string& key,
      std::function<void(const std::string&)> log = {});
  virtual ~TlsCertificate() = default;
};

}  // namespace weir
