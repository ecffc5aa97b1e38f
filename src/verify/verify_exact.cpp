// The answer equals the gold text when case, blanks and full-width forms are folded.
#include "base/text.h"
#include "verify/plain_text.h"
#include "verify/verifiers.h"

namespace weir {
namespace {

constexpr size_t kGoldMax = size_t(1) << 20;

// Runs of blanks as one, none at the ends, letters A to Z small.
std::string folded(std::string_view text) {
  std::string out;
  for (char c : plain_text(text)) {
    if (!is_blank(c)) {
      out += lower(c);
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

class ExactVerifier final : public Verifier {
 public:
  Verdict check(std::string_view answer, std::string_view gold) const override {
    const std::string given = folded(answer);
    if (given.empty()) return Verdict::unparseable;
    return gold.size() <= kGoldMax && given == folded(gold) ? Verdict::right : Verdict::wrong;
  }
  Result<void> check_gold(std::string_view gold) const override {
    if (gold.size() > kGoldMax) return Error{"gold is longer than " + format_bytes(kGoldMax)};
    if (folded(gold).empty()) return Error{"gold is empty"};
    return {};
  }
};

}  // namespace

VerifierResult make_exact(const std::string& argument) {
  TRY(expect_no_argument("exact", argument));
  return std::unique_ptr<Verifier>(new ExactVerifier);
}

}  // namespace weir
