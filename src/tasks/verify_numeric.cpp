// The number an answer gives against the number of the gold text: equal as rationals, or within a
// relative tolerance.
#include "base/text.h"
#include "tasks/number.h"
#include "tasks/plain_text.h"
#include "tasks/verifiers.h"

namespace weir {
namespace {

constexpr size_t kTextMax = size_t(256) << 10;  // of a longer one the end is read

// The number right after the last "####", as GSM8K marks answers; a heading holds words before it.
std::optional<FoundNumber> marked_number(std::string_view text) {
  constexpr std::string_view kMark = "####";
  const size_t mark = text.rfind(kMark);
  if (mark == text.npos) return std::nullopt;
  std::string_view line = text.substr(mark + kMark.size());
  line = line.substr(0, line.find('\n'));
  auto found = first_number(line);
  if (!found) return std::nullopt;
  for (char c : line.substr(0, found->begin))
    if (is_letter(c)) return std::nullopt;
  return found;
}

std::optional<FoundNumber> answer_number(std::string_view text) {
  const std::string plain = plain_text(last_part(text, kTextMax));
  if (const auto boxed = last_boxed(plain)) return last_number(*boxed);
  if (auto marked = marked_number(plain)) return marked;
  return last_number(plain);
}

class NumericVerifier final : public Verifier {
 public:
  explicit NumericVerifier(double tolerance) : tolerance_(tolerance) {}

  Verdict check(std::string_view answer, std::string_view gold) const override {
    const auto expected = answer_number(gold);
    if (!expected || !expected->value) return Verdict::wrong;
    const auto given = answer_number(answer);
    if (!given) return Verdict::unparseable;
    if (!given->value) return Verdict::wrong;
    const Number &a = *given->value, &b = *expected->value;
    if (matches(a, b)) return Verdict::right;
    // "What per cent ...": 50 and 0.5 both stand for 50%.
    if (a.is_percent != b.is_percent) {
      if (matches(a.is_percent ? hundredth(a) : a, b.is_percent ? hundredth(b) : b))
        return Verdict::right;
    }
    return Verdict::wrong;
  }

  Result<void> check_gold(std::string_view gold) const override {
    const auto number = answer_number(gold);
    if (!number) return Error{"gold '" + printable(gold) + "' holds no number"};
    if (!number->value)
      return Error{"gold '" + printable(gold) + "' holds no number that can be compared"};
    return {};
  }

 private:
  bool matches(const Number& a, const Number& b) const {
    return tolerance_ > 0 ? near(a, b, tolerance_) : equal(a, b);
  }
  double tolerance_;
};

}  // namespace

VerifierResult make_numeric(const std::string& argument) {
  double tolerance = 0;
  if (!argument.empty()) {
    tolerance = TRY_IN("tolerance of 'numeric'", parse_double(argument));
    if (!(tolerance >= 0 && tolerance < 1))
      return Error{"tolerance of 'numeric' must be at least 0 and below 1, not " + argument +
                   "; it is relative: 0.01 is one per cent"};
  }
  return std::unique_ptr<Verifier>(new NumericVerifier(tolerance));
}

}  // namespace weir
