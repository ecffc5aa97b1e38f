#include "guard/audit_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/atomic_output.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "guard/audit_check.h"

namespace weir {
namespace {

constexpr size_t kFindingsLogged = 100, kTextLogged = size_t(64) << 10;

int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string new_salt() {
  unsigned char bytes[16];
  if (getrandom(bytes, sizeof bytes, 0) != ssize_t(sizeof bytes)) std::memset(bytes, 0, 16);
  std::string hex;
  for (const unsigned char byte : bytes) hex += fmt::format("{:02x}", byte);
  return hex;
}

Error failed(const std::string& path, const std::string& what) {
  return {path + ": " + what + ": " + std::strerror(errno)};
}

Json finding_json(const Policy& policy, const GuardFinding& finding, std::string_view text,
                  const std::string& salt) {
  Json j = Json::object();
  j.set("category", policy.categories.at(finding.category).id);
  j.set("rule", finding.rule);
  j.set("layer", layer_name(finding.layer));
  j.set("score", double(int(finding.score * 1000)) / 1000);
  j.set("begin", int64_t(finding.begin));
  j.set("end", int64_t(finding.end));
  j.set("action", action_name(finding.action));
  if (finding.end <= text.size() && finding.begin < finding.end)
    j.set("sha256",
          sha256_hex(salt + std::string(text.substr(finding.begin, finding.end - finding.begin))));
  return j;
}

Json decision_json(const Policy& policy, const Decision& decision, const std::string& salt) {
  const GuardVerdict& verdict = decision.verdict;
  Json j = Json::object();
  j.set("policy", policy.name);
  j.set("version", policy.version);
  j.set("policy_sha256", policy.sha256);
  j.set("request", decision.request);
  j.set("key", decision.subject.key);
  j.set("model", decision.subject.model);
  j.set("direction", direction_name(decision.direction));
  j.set("action", action_name(verdict.action));
  if (verdict.category >= 0) j.set("category", policy.categories.at(verdict.category).id);
  if (!verdict.rule.empty()) j.set("rule", verdict.rule);
  Json findings = Json::array();
  for (const GuardFinding& finding : verdict.findings)
    if (findings.size() < kFindingsLogged)
      findings.push(finding_json(policy, finding, decision.text, salt));
  const size_t more = verdict.findings.size() - findings.size() + verdict.findings_left_out;
  j.set("findings", std::move(findings));
  if (more > 0) j.set("more_findings", int64_t(more));
  j.set("bytes", int64_t(decision.text.size()));
  j.set("sha256", sha256_hex(salt + std::string(decision.text)));
  if (policy.audit.keeps_text) j.set("text", std::string(decision.text.substr(0, kTextLogged)));
  return j;
}

}  // namespace

Result<std::unique_ptr<AuditLog>> AuditLog::open(const std::string& path, const PolicyAudit& how) {
  FileLock lock = TRY(FileLock::acquire(path + ".lock"));
  SigningKey key = TRY(SigningKey::open(path + ".key", path + ".pub"));
  std::unique_ptr<AuditLog> log(new AuditLog(path, how, std::move(key), std::move(lock)));
  log->fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log->fd_ < 0) return failed(path, "can not be opened");
  TRY(log->read_end());
  log->sealed_ns_ = monotonic_ns();
  return log;
}

// The last whole entry goes on; what follows it is cut off.
Result<void> AuditLog::read_end() {
  struct stat status {};
  if (fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) return Error{path_ + ": is no file"};
  bytes_ = uint64_t(status.st_size);
  const uint64_t from = bytes_ > 2 * kAuditLineMax ? bytes_ - 2 * kAuditLineMax : 0;
  std::string end(size_t(bytes_ - from), '\0');
  if (pread(fd_, end.data(), end.size(), off_t(from)) != ssize_t(end.size()))
    return failed(path_, "can not be read");
  const size_t whole = end.rfind('\n');
  const size_t kept = whole == end.npos ? 0 : whole + 1;
  if (kept == 0 && from > 0)
    return Error{path_ + ": ends in no entry; run weir guard audit verify"};
  if (kept < end.size()) {
    bytes_ = from + kept;
    if (ftruncate(fd_, off_t(bytes_)) != 0) return failed(path_, "can not be cut");
  }
  if (kept == 0) return {};
  const size_t before = whole == 0 ? end.npos : end.rfind('\n', whole - 1);
  const size_t begin = before == end.npos ? 0 : before + 1;
  auto last = parse_audit_line(std::string_view(end).substr(begin, whole - begin));
  if (!last)
    return Error{path_ + ": the last entry " + last.error().message +
                 "; move the log away, and keep it"};
  next_ = last->number + 1;
  last_time_ms_ = last->time_ms;
  last_hash_ = last->hash;
  sealed_ = last->kind == "seal" ? next_ : 0;
  return {};
}

AuditLog::~AuditLog() {
  if (fd_ < 0) return;
  if (next_ > sealed_) (void)seal();
  close(fd_);
}

int64_t AuditLog::entries() const {
  std::lock_guard lock(mutex_);
  return next_;
}

Result<void> AuditLog::append(const std::string& kind, Json body, const std::string& salt) {
  AuditEntry entry{.number = next_, .kind = kind, .before = last_hash_, .salt = salt};
  const int64_t now = now_ms();
  entry.time_ms = std::max(now, last_time_ms_);
  if (now < last_time_ms_) body.set("clock", audit_time(std::max<int64_t>(now, 0)));
  entry.body = std::move(body);
  chain(entry);
  const std::string line = line_of(entry);
  size_t written = 0;
  while (written < line.size()) {
    const ssize_t now_written = write(fd_, line.data() + written, line.size() - written);
    if (now_written < 0 && errno == EINTR) continue;
    if (now_written <= 0) {
      const Error error = failed(path_, "an entry can not be written");
      if (ftruncate(fd_, off_t(bytes_)) != 0) return failed(path_, "can not be cut");
      return error;
    }
    written += size_t(now_written);
  }
  bytes_ += line.size();
  ++next_;
  last_time_ms_ = entry.time_ms;
  last_hash_ = entry.hash;
  return {};
}

Result<void> AuditLog::add(const std::string& kind, Json body) {
  std::lock_guard lock(mutex_);
  TRY(append(kind, std::move(body), new_salt()));
  const bool is_due = next_ - sealed_ >= how_.seal_entries ||
                      double(monotonic_ns() - sealed_ns_) * 1e-9 >= how_.seal_seconds;
  return is_due ? seal_now() : Result<void>();
}

Result<void> AuditLog::decide(const Policy& policy, const Decision& decision) {
  const std::string salt = new_salt();
  Json body = decision_json(policy, decision, salt);
  body.set("salt", salt);
  return add("decision", std::move(body));
}

Result<void> AuditLog::seal() {
  std::lock_guard lock(mutex_);
  return seal_now();
}

// The signature is of the entry before: its number and hash.
Result<void> AuditLog::seal_now() {
  Json body = Json::object();
  const std::string message = seal_message(next_, last_hash_);
  body.set("entries", next_);
  body.set("head", last_hash_);
  body.set("public_key", key_.public_key());
  body.set("signature", key_.sign(message));
  const std::string head = body.dump();
  TRY(append("seal", std::move(body), new_salt()));
  sealed_ = next_;
  sealed_ns_ = monotonic_ns();
  if (fdatasync(fd_) != 0) return failed(path_, "can not be synced");
  return write_file_atomic(path_ + ".head", head + "\n");
}

// The note is written before anything is removed: a removal without it would not verify.
Result<int64_t> forget_before(const std::string& path, int64_t time_ms, const std::string& reason) {
  const AuditState state = TRY(verify_audit(path, {}));
  if (!state.error.empty()) return Error{path + ": " + state.error};
  int64_t count = 0, last = -1;
  const auto is_meant = [&](const AuditEntry& entry) {
    return entry.time_ms < time_ms && entry.kind == "decision" && !entry.is_removed;
  };
  TRY(walk_audit(path, [&](const AuditEntry& entry) -> Result<void> {
    if (!is_meant(entry)) return {};
    ++count;
    last = entry.number;
    return {};
  }));
  if (count == 0) return 0;
  {
    auto log = TRY(AuditLog::open(path, {}));
    Json body = Json::object();
    body.set("before", audit_time(time_ms));
    body.set("last", last);
    body.set("reason", reason);
    TRY(log->add("removal", std::move(body)));
  }
  const FileLock lock = TRY(FileLock::acquire(path + ".lock"));
  AtomicFiles out;
  TRY(out.begin(path));
  TRY(walk_audit(path, [&](AuditEntry entry) -> Result<void> {
    if (entry.number <= last && is_meant(entry)) entry.is_removed = true;
    const std::string line = line_of(entry);
    return out.write(line.data(), line.size());
  }));
  TRY(out.end());
  TRY(out.rename_all());
  return count;
}

Result<std::unique_ptr<AuditLog>> open_kept_log(const std::string& path, const PolicyAudit& how) {
  if (how.retention_days > 0 && file_exists(path)) {
    TRY(AuditLog::open(path, how));  // cuts off what a killed process left
    const int64_t days_ms = int64_t(how.retention_days) * 86'400'000;
    TRY(forget_before(path, now_ms() - days_ms, "retention"));
  }
  return AuditLog::open(path, how);
}

}  // namespace weir
