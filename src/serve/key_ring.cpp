#include "serve/key_ring.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/sha256.h"
#include "base/text.h"
#include "serve/key_secret.h"

namespace weir {
namespace {

constexpr int kFailuresMax = 10;
constexpr int64_t kMinuteNs = int64_t(60) * 1000000000;

ApiError unknown_key(std::string_view presented) {
  return {.status = 401,
          .message = presented.empty()
                         ? "this server needs a key: send it as Authorization: Bearer KEY or "
                           "x-api-key; `weir key new NAME` makes one"
                         : "the key is not known to this server, or was revoked",
          .code = "invalid_api_key"};
}

}  // namespace

ServedKey::ServedKey(KeyRecord record, const ServedKey* before)
    : record_(std::move(record)),
      meter_(before ? before->meter_ : std::make_shared<KeyMeter>(record_.limits)) {
  if (!before) return;
  meter_->set_limits(record_.limits);
  verified_ = before->verified_;
}

std::optional<ApiError> ServedKey::check_model(std::span<const std::string> names) const {
  const auto& allowed = record_.limits.models;
  if (allowed.empty()) return {};
  for (const std::string& name : names)
    if (std::ranges::count(allowed, name) > 0) return {};
  return ApiError{.status = 403,
                  .message = fmt::format("this key may not use the model '{}'; it may use: {}",
                                         names.empty() ? "" : printable(names.front()),
                                         fmt::join(allowed, ", ")),
                  .param = "model",
                  .code = "model_not_allowed"};
}

KeyRing::KeyRing(std::string path, std::string salt, std::function<void(const std::string&)> log)
    : path_(std::move(path)), salt_(std::move(salt)), log_(std::move(log)) {}

Result<std::unique_ptr<KeyRing>> KeyRing::open(const std::string& path,
                                               std::function<void(const std::string&)> log) {
  std::unique_ptr<KeyRing> ring(new KeyRing(path, TRY(random_key_secret()), std::move(log)));
  ring->stamp_ = stamp_of(path);
  TRY(ring->read());
  return ring;
}

std::optional<KeyRing::Stamp> KeyRing::stamp_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return {};
  return Stamp{status.st_ctim.tv_sec, status.st_ctim.tv_nsec, status.st_ino,
               uint64_t(status.st_size)};
}

// Keys that stay keep what they have used; one with a new hash is another key.
Result<void> KeyRing::read() {
  std::map<std::string, std::shared_ptr<ServedKey>, std::less<>> keys;
  for (KeyRecord& record : TRY(read_keys(path_))) {
    const auto found = keys_.find(record.id);
    ServedKey* before = found == keys_.end() ? nullptr : found->second.get();
    if (before && before->record_.hash != record.hash) before = nullptr;
    const std::string id = record.id;
    keys[id] = before && before->record_ == record
                   ? found->second
                   : std::make_shared<ServedKey>(std::move(record), before);
  }
  keys_ = std::move(keys);
  return {};
}

// A file that cannot be read lets nobody in: it may be the one that revokes a key.
void KeyRing::read_if_changed() {
  const std::optional<Stamp> stamp = stamp_of(path_);
  if (stamp == stamp_) return;
  stamp_ = stamp;
  Result<void> done = read();
  is_broken_ = !done;
  if (!log_) return;
  log_(done ? fmt::format("keys: {} changed and has {} keys", path_, keys_.size())
            : fmt::format("keys: {}; requests are refused until the file can be read",
                          done.error().message));
}

std::string KeyRing::keyed_digest(std::string_view secret) const {
  return sha256_hex(salt_ + std::string(secret));
}

ApiResult<std::shared_ptr<ServedKey>> KeyRing::find(std::string_view presented, int64_t now) {
  const std::optional<KeyParts> parts = split_key(presented);
  const std::string digest = parts ? keyed_digest(parts->secret) : "";
  std::shared_ptr<ServedKey> key;
  // Whether the answer is known without argon2.
  const auto decide = [&]() -> std::optional<ApiResult<std::shared_ptr<ServedKey>>> {
    std::lock_guard lock(mutex_);
    read_if_changed();
    if (is_broken_)
      return ApiError{.status = 503,
                      .message = "the server cannot read its keys; its log says why",
                      .retry_seconds = 10};
    const auto found = parts ? keys_.find(parts->id) : keys_.end();
    if (found == keys_.end()) return unknown_key(presented);
    key = found->second;
    if (!key->verified_.empty()) {
      if (!equals_in_constant_time(key->verified_, digest)) return unknown_key(presented);
      return key;
    }
    if (now - key->failures_began_ns_ > kMinuteNs) {
      key->failures_began_ns_ = now;
      key->failures_ = 0;
    }
    if (key->failures_ >= kFailuresMax)
      return ApiError{.status = 429,
                      .message = "too many wrong keys with this id; try again in a minute",
                      .code = "rate_limit_exceeded",
                      .retry_seconds = 60};
    return {};
  };
  if (auto answer = decide()) return *std::move(answer);
  std::lock_guard one_at_a_time(argon2_);
  if (auto answer = decide()) return *std::move(answer);  // the one before may have found out
  const bool is_right = matches_key_hash(key->record_.hash, parts->secret);
  std::lock_guard lock(mutex_);
  if (!is_right) {
    ++key->failures_;
    return unknown_key(presented);
  }
  key->verified_ = digest;
  return key;
}

}  // namespace weir
