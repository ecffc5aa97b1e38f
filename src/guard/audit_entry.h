// One entry of the audit log: a line of JSON whose bytes have one form only. docs/guard.md
// describes the file.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace weir {

// hash = SHA-256 of number, time, kind, before and content; content = SHA-256 of salt and body. So
// a body can be removed, with its salt, and the chain still verifies; without the salt nobody can
// try texts against what is left.
struct AuditEntry {
  int64_t number = 0;       // from 0
  int64_t time_ms = 0;      // since 1970; never less than the entry's before
  std::string kind = {};    // "decision", "seal", "removal"
  std::string before = {};  // hash of the entry before; 64 zeros of the first
  std::string content = {}, hash = {};
  bool is_removed = false;
  std::string salt = {};
  Json body = {};
};

constexpr size_t kAuditLineMax = size_t(1) << 20;
extern const std::string kNoHash;  // 64 zeros

// Fills content and hash.
void chain(AuditEntry& entry);
// With its line end.
std::string line_of(const AuditEntry& entry);
// `line`: without its end. Fails for any byte that line_of() would not have written, and for hashes
// that do not fit.
Result<AuditEntry> parse_audit_line(std::string_view line);

std::string audit_time(int64_t time_ms);                  // "2026-03-01T12:00:00.000Z"
Result<int64_t> parse_audit_time(std::string_view text);  // that form, or a date

}  // namespace weir
