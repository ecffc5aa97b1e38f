#include "verify/command_verifier.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "verify/verifiers.h"

namespace weir {

Verdict CommandVerifier::counted(Count count) const {
  counts_[count].fetch_add(1, std::memory_order_relaxed);
  return count == kRight ? Verdict::right : count == kWrong ? Verdict::wrong : Verdict::unparseable;
}

Verdict CommandVerifier::check(std::string_view answer, std::string_view gold) const {
  if (answer.size() > kCommandTextMax || gold.size() > kCommandTextMax) return counted(kTooLong);
  Json input = Json::object();
  input.set("answer", std::string(answer));
  input.set("gold", std::string(gold));
  const SandboxRun run = sandbox_.run(input.dump() + "\n");
  switch (run.end) {
    case SandboxEnd::exited:
      return counted(run.code == 0 ? kRight : run.code == 1 ? kWrong : kOtherCode);
    case SandboxEnd::killed:
      return counted(kKilled);
    case SandboxEnd::timeout:
      return counted(kTimeout);
    case SandboxEnd::output:
      return counted(kOutput);
    case SandboxEnd::failed:
      break;
  }
  return counted(kFailed);
}

Result<void> CommandVerifier::check_gold(std::string_view gold) const {
  if (gold.size() <= kCommandTextMax) return {};
  return Error{"gold is longer than " + format_bytes(double(kCommandTextMax))};
}

CommandCounts CommandVerifier::counts() const {
  auto of = [this](Count count) { return counts_[count].load(std::memory_order_relaxed); };
  CommandCounts counts;
  counts.right = of(kRight);
  counts.wrong = of(kWrong);
  counts.other_code = of(kOtherCode);
  counts.killed = of(kKilled);
  counts.timeout = of(kTimeout);
  counts.output = of(kOutput);
  counts.failed = of(kFailed);
  counts.too_long = of(kTooLong);
  return counts;
}

std::string describe(const CommandCounts& counts) {
  std::string text = fmt::format("{} right, {} wrong", counts.right, counts.wrong);
  const std::pair<const char*, uint64_t> reasons[] = {{"other exit code", counts.other_code},
                                                      {"killed", counts.killed},
                                                      {"timeout", counts.timeout},
                                                      {"too much output", counts.output},
                                                      {"sandbox failed", counts.failed},
                                                      {"too long", counts.too_long}};
  const char* before = "; unparseable: ";
  for (const auto& [name, count] : reasons) {
    if (count == 0) continue;
    text += fmt::format("{}{} {}", before, count, name);
    before = ", ";
  }
  return text;
}

VerifierResult make_command(const std::string& argument) {
  if (argument.empty())
    return Error{"verifier 'command' needs a program after a colon: command:./check.sh"};
  Sandbox sandbox = TRY_IN("verifier 'command'", Sandbox::open(argument));
  return std::unique_ptr<Verifier>(new CommandVerifier(std::move(sandbox)));
}

}  // namespace weir
