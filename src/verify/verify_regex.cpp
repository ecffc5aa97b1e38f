// The gold text is a regular expression of RE2 that matches somewhere in the answer. RE2 is linear
// in the answer; the limits bound the factor.
#include <re2/re2.h>

#include "base/text.h"
#include "verify/verifiers.h"

namespace weir {
namespace {

constexpr size_t kPatternMax = 4096;
constexpr size_t kAnswerMax = size_t(256) << 10;
constexpr int64_t kProgramBytes = int64_t(1) << 20;

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

re2::RE2::Options options() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kProgramBytes);
  return options;
}

class RegexVerifier final : public Verifier {
 public:
  Verdict check(std::string_view answer, std::string_view gold) const override {
    if (trim(answer).empty() || answer.size() > kAnswerMax) return Verdict::unparseable;
    if (gold.empty() || gold.size() > kPatternMax) return Verdict::wrong;
    const re2::RE2 pattern(piece(gold), options());
    if (!pattern.ok()) return Verdict::wrong;
    return re2::RE2::PartialMatch(piece(answer), pattern) ? Verdict::right : Verdict::wrong;
  }
  Result<void> check_gold(std::string_view gold) const override {
    if (gold.empty()) return Error{"gold is an empty pattern, which matches everything"};
    if (gold.size() > kPatternMax)
      return Error{"gold is a pattern longer than " + format_bytes(double(kPatternMax))};
    const re2::RE2 pattern(piece(gold), options());
    if (!pattern.ok())
      return Error{"gold '" + printable(gold) +
                   "' is no RE2 pattern: " + printable(pattern.error())};
    return {};
  }
};

}  // namespace

VerifierResult make_regex(const std::string& argument) {
  TRY(expect_no_argument("regex", argument));
  return std::unique_ptr<Verifier>(new RegexVerifier);
}

}  // namespace weir
