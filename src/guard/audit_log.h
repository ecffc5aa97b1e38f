// The audit log: an append-only file of chained entries (audit_entry.h) with signed heads. One
// process writes it. A killed process leaves at most an entry without its end, which the next one
// cuts off.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "guard/audit_entry.h"
#include "guard/guard.h"
#include "guard/signing_key.h"

namespace weir {

// A verdict on a text, and whose it is.
struct Decision {
  std::string request = {};  // id of the request
  GuardSubject subject = {};
  Direction direction = Direction::prompt;
  const GuardVerdict& verdict;
  std::string_view text;  // it is kept only if the policy says so
};

class AuditLog {
 public:
  // Beside `path`: path.key (private), path.pub and path.head, the last signed head.
  static Result<std::unique_ptr<AuditLog>> open(const std::string& path, const PolicyAudit& how);
  ~AuditLog();  // seals

  // Any thread may call these. An error leaves the file as it was, but for a full disk's remains,
  // which are cut off.
  Result<void> decide(const Policy& policy, const Decision& decision);
  Result<void> add(const std::string& kind, Json body);
  Result<void> seal();
  int64_t entries() const;

 private:
  AuditLog(std::string path, PolicyAudit how, SigningKey key, FileLock lock)
      : path_(std::move(path)),
        how_(std::move(how)),
        key_(std::move(key)),
        lock_(std::move(lock)) {}
  Result<void> read_end();
  Result<void> append(const std::string& kind, Json body, const std::string& salt);
  Result<void> seal_now();

  const std::string path_;
  const PolicyAudit how_;
  const SigningKey key_;
  const FileLock lock_;
  mutable std::mutex mutex_;
  int fd_ = -1;
  uint64_t bytes_ = 0;
  int64_t next_ = 0, last_time_ms_ = 0, sealed_ = 0;  // sealed_: entries that a head covers
  int64_t sealed_ns_ = 0;
  std::string last_hash_ = kNoHash;
};

// Opens a log after its contents beyond the retention were forgotten.
Result<std::unique_ptr<AuditLog>> open_kept_log(const std::string& path, const PolicyAudit& how);

// Takes the contents of entries before `time_ms` out of a log that nobody has open, and notes it in
// a further entry. Returns how many.
Result<int64_t> forget_before(const std::string& path, int64_t time_ms, const std::string& reason);

}  // namespace weir
