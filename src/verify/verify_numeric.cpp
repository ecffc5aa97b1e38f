// The number an answer gives against the number of the gold text: equal as rationals, or within a
// relative tolerance.

#include "base/text.h"
#include "verify/number.h"
#include "verify/plain_text.h"
#include "verify/verifiers.h"

namespace weir {
namespace {

constexpr size_t kTextMax = size_t(256) << 10;  // of a longer one the end is read

// "3. Check" and "Step 3" are headings of Markdown.
bool is_heading(std::string_view line) {
  if (!line.empty() && is_letter(line[0])) return true;
  size_t i = 0;
  while (i < line.size() && is_digit(line[i])) ++i;
  return i > 0 && i + 2 < line.size() && (line[i] == '.' || line[i] == ')') &&
         is_blank(line[i + 1]) && !is_digit(line[i + 2]);
}

// The number behind the last "####" of which the line is no heading, as GSM8K marks answers.
std::optional<FoundNumber> marked_number(std::string_view text) {
  constexpr std::string_view kMark = "####";
  constexpr int kMarksMax = 64;
  constexpr size_t kLineMax = 1024;
  std::optional<FoundNumber> unclear;
  size_t mark = text.rfind(kMark);
  for (int i = 0; i < kMarksMax && mark != text.npos; ++i) {
    std::string_view line = text.substr(mark + kMark.size(), kLineMax);
    mark = mark == 0 ? text.npos : text.rfind(kMark, mark - 1);
    line = trim(line.substr(0, line.find('\n')));
    const auto found = one_number(line, NumberPlace::marked);
    if (found && found->value) return unclear ? unclear : found;
    if (found && !unclear && !is_heading(line)) unclear = found;
  }
  return unclear;
}

// What a text that should be one number gives: what is marked, else the whole.
std::optional<FoundNumber> marked_or_whole(std::string_view plain) {
  if (const auto boxed = last_boxed(plain)) return one_number(*boxed, NumberPlace::marked);
  if (auto marked = marked_number(plain)) return marked;
  return one_number(plain, NumberPlace::alone);
}

std::optional<FoundNumber> gold_number(std::string_view gold) {
  return marked_or_whole(number_text(last_part(gold, kTextMax)));
}

// The same of an answer, else the last number of its free text.
std::optional<FoundNumber> answer_number(std::string_view answer) {
  const std::string plain = number_text(last_part(answer, kTextMax));
  if (const auto boxed = last_boxed(plain)) return one_number(*boxed, NumberPlace::marked);
  if (auto marked = marked_number(plain)) return marked;
  if (auto whole = one_number(plain, NumberPlace::alone); whole && whole->value) return whole;
  return last_number(plain);
}

// The verifier that takes the gold as it is, for the message.
std::string fitting_verifier(std::string_view gold) {
  for (const char* name : {"choice", "countdown", "refusal"}) {
    auto verifier = make_verifier(name);
    const bool is_short = gold.size() <= 64;
    if (is_short && verifier && (*verifier)->check_gold(gold)) return std::string("'") + name + "'";
  }
  if (gold.starts_with("(?") || gold.starts_with("^")) return "'regex'";
  return "'exact', or 'command:PROGRAM' with a checker of your own";
}

class NumericVerifier final : public Verifier {
 public:
  explicit NumericVerifier(double tolerance) : tolerance_(tolerance) {}

  Verdict check(std::string_view answer, std::string_view gold) const override {
    const auto expected = gold_number(gold);
    if (!is_clear(expected)) return Verdict::wrong;
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
    const auto number = gold_number(gold);
    if (is_clear(number)) return {};
    std::string message = "gold '" + printable(gold) + "' ";
    if (!number) {
      message += "holds no number";
    } else if (number->value) {
      message += "has a comma that parts decimals or a list; write 3.14 for the number";
    } else {
      message += "is not one number that 'numeric' can compare";
    }
    message +=
        "; give the number alone with its unit, in \\boxed{} or behind ####, or use verifier " +
        fitting_verifier(gold);
    return Error{message};
  }

 private:
  static bool is_clear(const std::optional<FoundNumber>& gold) {
    return gold && gold->value && !gold->value->has_decimal_comma;
  }
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
