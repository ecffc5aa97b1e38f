// Reads an audit log: verifies its chain, its seals and its removals; walks over its entries.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "guard/audit_entry.h"

namespace weir {

// What a seal signs.
std::string seal_message(int64_t entries, const std::string& hash);

struct AuditState {
  int64_t entries = 0;  // that verify, from the first on
  int64_t decisions = 0, removed = 0, seals = 0;
  int64_t sealed = 0;      // entries that a valid signature covers
  bool is_torn = false;    // the file ends inside of an entry: a process was killed there
  std::string error = {};  // the first thing that does not verify; "": all does
  std::string last_time = {}, head = {};
  bool is_whole() const { return error.empty() && !is_torn; }
};

struct AuditVerification {
  std::string public_key = {};  // in hex; "": path.pub, or without it what the seals name
  bool reads_head = true;       // path.head must be in the log
};
// Fails only for a file that can not be read.
Result<AuditState> verify_audit(const std::string& path, const AuditVerification& how);
// The same of a text, for tests and fuzzing. `head`: of the file path.head; "": none.
AuditState verify_audit_text(std::string_view log, const std::string& public_key,
                             std::string_view head);

// Every whole entry in order; an error of `take` ends the walk.
Result<void> walk_audit(const std::string& path,
                        const std::function<Result<void>(AuditEntry entry)>& take);

}  // namespace weir
