// The keys of a running server: finds out whose a request is, and what that key may do. The file is
// read again when it changed, so that `weir key revoke` counts from the next request on.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "serve/api_error.h"
#include "serve/key_file.h"
#include "serve/key_meter.h"

namespace weir {

// A key of the ring; it lives as long as a request holds it, revoked or not.
class ServedKey {
 public:
  // `before`: the same key with other limits, or null.
  ServedKey(KeyRecord record, const ServedKey* before);
  const std::string& id() const { return record_.id; }
  KeyMeter& meter() { return *meter_; }
  // Of documents in knowledge bases that it may read, beside those without labels.
  const std::vector<std::string>& labels() const { return record_.limits.labels; }
  // 403 unless the key may use one of the names, which are of one model.
  std::optional<ApiError> check_model(std::span<const std::string> names) const;

 private:
  friend class KeyRing;
  const KeyRecord record_;
  const std::shared_ptr<KeyMeter> meter_;
  // Of the secret, once argon2 has accepted it: SHA-256 keyed by this process. Guarded by the ring.
  std::string verified_ = {};
  int failures_ = 0;  // of secrets before that, in the minute that began then
  int64_t failures_began_ns_ = 0;
};

class KeyRing {
 public:
  // `log` hears when the file changes or cannot be read. An error where it cannot be read now.
  static Result<std::unique_ptr<KeyRing>> open(const std::string& path,
                                               std::function<void(const std::string&)> log);
  size_t size() const { return keys_.size(); }

  // The key that a request brought, or 401; 503 while the file cannot be read. The first time that
  // a key comes takes as long as argon2, later ones microseconds. Secrets that do not match a key
  // which has not come yet are limited to 10 a minute (429), so that nobody keeps argon2 busy.
  ApiResult<std::shared_ptr<ServedKey>> find(std::string_view presented, int64_t now);

 private:
  struct Stamp {  // what changes with the file
    int64_t seconds = 0, nanoseconds = 0;
    uint64_t inode = 0, size = 0;
    bool operator==(const Stamp&) const = default;
  };
  KeyRing(std::string path, std::string salt, std::function<void(const std::string&)> log);
  static std::optional<Stamp> stamp_of(const std::string& path);
  Result<void> read();
  void read_if_changed();
  std::string keyed_digest(std::string_view secret) const;

  const std::string path_, salt_;
  const std::function<void(const std::string&)> log_;
  std::mutex mutex_;  // guards the rest
  std::optional<Stamp> stamp_;
  bool is_broken_ = false;
  std::map<std::string, std::shared_ptr<ServedKey>, std::less<>> keys_;  // by id
  std::mutex argon2_;  // one computation at a time; locked before the other, never after it
};

}  // namespace weir
