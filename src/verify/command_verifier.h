// The verifier that asks a program: {"answer":...,"gold":...} on its standard input, exit 0 for
// right, 1 for wrong. Anything else is unparseable, and counted by its reason.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "verify/sandbox.h"
#include "verify/verifier.h"

namespace weir {

// Why a verdict was unparseable: the ends of sandbox.h, or an answer that was not handed over.
struct CommandCounts {
  uint64_t right = 0, wrong = 0;
  uint64_t other_code = 0;  // exited with neither 0 nor 1
  uint64_t killed = 0, timeout = 0, output = 0, failed = 0;
  uint64_t too_long = 0;  // answers over kCommandTextMax
};
// "12 right, 3 wrong; unparseable: 1 other exit code, 2 timeout".
std::string describe(const CommandCounts& counts);

constexpr size_t kCommandTextMax = size_t(1) << 20;  // of an answer, and of a gold text

class CommandVerifier final : public Verifier {
 public:
  explicit CommandVerifier(Sandbox sandbox) : sandbox_(std::move(sandbox)) {}
  Verdict check(std::string_view answer, std::string_view gold) const override;
  Result<void> check_gold(std::string_view gold) const override;
  CommandCounts counts() const;

 private:
  enum Count { kRight, kWrong, kOtherCode, kKilled, kTimeout, kOutput, kFailed, kTooLong, kCounts };
  Verdict counted(Count count) const;

  Sandbox sandbox_;
  mutable std::array<std::atomic<uint64_t>, kCounts> counts_ = {};
};

}  // namespace weir
