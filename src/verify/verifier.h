// Whether a reply is right, decided by rules. Nothing a model writes is ever executed, except by
// the command verifier, in a sandbox. Every parser here is total and bounded: any bytes give a
// verdict.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

// unparseable: the reply holds nothing of the kind that is compared (no number, no option).
enum class Verdict { right, wrong, unparseable };
const char* verdict_name(Verdict verdict);

class Verifier {
 public:
  virtual ~Verifier() = default;
  // `answer` is the reply without its thinking. May be called from many threads at once.
  virtual Verdict check(std::string_view answer, std::string_view gold) const = 0;
  // An error when `gold` itself is nothing this verifier can compare with.
  virtual Result<void> check_gold(std::string_view gold) const = 0;
};

// By name; `argument` follows the name after a colon, as in "numeric:0.01" or "command:./check.sh".
//   exact            equal after trimming, case and spaces folded
//   numeric[:tol]    gold is one number; the answer's in \boxed{}, after "####" or last in free
//                    text, with fractions, percent, groups, scale words, units; relative tolerance
//   choice           the letter A to Z chosen
//   regex            gold is an RE2 pattern that must match somewhere
//   countdown        gold is "numbers;target": an expression that uses each number at most once
//   command:PROGRAM  exit 0 for right, 1 for wrong, in a sandbox (sandbox.h)
//   refusal          gold "refuse" or "help": whether the answer declines (verify/refusal.h)
//   guard[:POLICY]   the same, and the rules of a guard's policy ("company") end no such answer
// Errors name the verifiers there are.
Result<std::unique_ptr<Verifier>> make_verifier(const std::string& name);
std::vector<std::string> verifier_names();

}  // namespace weir
