// Any bytes as an audit log: whatever verifies is written again as it is, byte for byte.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "guard/audit_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const AuditState state = verify_audit_text(bytes, "", "");
  if (first_invalid_utf8(state.error) != std::string::npos) std::abort();
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  if (const auto entry = parse_audit_line(line);
      entry && line_of(*entry) != std::string(line) + "\n")
    std::abort();
  return 0;
}
