// The letter chosen among options A to Z. Where an answer names several and none of them clearly,
// nothing was chosen.
#include <re2/re2.h>

#include "base/text.h"
#include "verify/plain_text.h"
#include "verify/verifiers.h"

namespace weir {
namespace {

constexpr size_t kTextMax = size_t(64) << 10;  // of a longer answer the end is read

// No letter or digit of English next to it; Chinese may be.
constexpr const char* kAlone = R"((?:^|[^A-Za-z0-9'])([A-Z])(?:[^A-Za-z0-9']|$))";

// All letters that a pattern's groups find, one of them at a time: bit 0 is A.
class Letters {
 public:
  explicit Letters(const std::string& pattern) : pattern_(pattern, re2::RE2::Quiet) {}
  uint32_t in(std::string_view text) const {
    re2::StringPiece rest(text.data(), text.size()), groups[kGroups + 1];
    const int wanted = pattern_.NumberOfCapturingGroups() + 1;
    uint32_t found = 0;
    // Two letters may share the character between them: go on right behind the first.
    while (pattern_.Match(rest, 0, rest.size(), re2::RE2::UNANCHORED, groups, wanted)) {
      const re2::StringPiece& group = wanted > 2 && groups[1].empty() ? groups[2] : groups[1];
      found |= 1u << (lower(group[0]) - 'a');
      rest.remove_prefix(size_t(group.data() + 1 - rest.data()));
    }
    return found;
  }

 private:
  static constexpr int kGroups = 2;
  re2::RE2 pattern_;
};

constexpr int kNone = -1, kSeveral = -2;
int single(uint32_t letters) {
  if (letters == 0) return kNone;
  if ((letters & (letters - 1)) != 0) return kSeveral;
  return __builtin_ctz(letters);
}

struct Rules {
  // "B", "(b)", "**B.** Paris", "B) Paris", "B: Paris" as the whole text; "A cat" is none.
  re2::RE2 whole{R"(^[\s(\["'*$]*(?:\\text\{|\\mathrm\{)?[\s(]*([A-Za-z])[\s)\]"'*$}.,:]*$)",
                 re2::RE2::Quiet};
  re2::RE2 leading{
      R"(^[\s*"']*(?:\(([A-Za-z])\)|\[([A-Za-z])\]|([A-Z])[).:])(?:[\s*]|[^\x00-\x7f]|$))",
      re2::RE2::Quiet};
  // What follows "answer is", 答案是 and the like, up to the letter, and the second of "B or C".
  const std::string answer_mark =
      R"((?:(?i:\banswers?(?: is|:| would be| must be| should be)?)|)"
      R"(答案(?:应该|应|就|选)?(?:是|为|选)?))"
      R"([\s:*"'$]*(?:(?i:option|choice)\s*|选项?)?[\s(\["'*$]*(?:\\text\{|\\boxed\{)*\(?)";
  const std::string choice_mark =
      R"((?:(?i:\b(?:option|choice|choose|select|pick|chose)\b)|选择|选项|应选|选))"
      R"([\s:*"'(\[]*)";
  const std::string letter = R"(([A-Z])(?:[^A-Za-z0-9']|$))";
  const std::string second = R"([A-Z][\s)\]"'*]*(?:)"
                             R"((?:、|/|&|,?\s*\bor\b|,?\s*\band\b|或者?|和|与))"
                             R"([\s(\["'*]*(?:(?i:option)\s*)?([A-Z])(?:[^A-Za-z0-9']|$)|)"
                             R"(,[\s(\["'*]*([A-Z])[\s)\]"'*]*(?:[,.;]|\bor\b|\band\b|$)))";
  Letters answer{answer_mark + letter}, answer_second{answer_mark + second};
  Letters chosen{choice_mark + letter}, chosen_second{choice_mark + second};
  Letters bracketed{R"(\(([A-Z])\))"};
  Letters alone{kAlone};
};

const Rules& rules() {
  static const Rules rules;
  return rules;
}

int letter_of(const re2::StringPiece& piece) { return lower(piece[0]) - 'a'; }

// A short text that is a letter, perhaps with the option's words behind it.
int whole_choice(std::string_view text) {
  const re2::StringPiece piece(text.data(), text.size());
  re2::StringPiece a, b, c;
  if (re2::RE2::PartialMatch(piece, rules().whole, &a)) return letter_of(a);
  if (!re2::RE2::PartialMatch(piece, rules().leading, &a, &b, &c)) return kNone;
  return letter_of(!a.empty() ? a : !b.empty() ? b : c);
}

// Without the article and the pronoun: a letter A or I before a small word, save "A or B".
std::string without_words(std::string_view text) {
  std::string out(text);
  for (size_t i = 0; i + 2 < out.size(); ++i) {
    const bool is_word = (out[i] == 'A' || out[i] == 'I') && (i == 0 || is_blank(out[i - 1])) &&
                         out[i + 1] == ' ' && out[i + 2] >= 'a' && out[i + 2] <= 'z' &&
                         out.compare(i + 1, 4, " or ") != 0 && out.compare(i + 1, 5, " and ") != 0;
    if (is_word) out[i] = '-';
  }
  return out;
}

// 0 to 25, kNone or kSeveral.
int choice_of(std::string_view text) {
  const std::string plain = plain_text(last_part(text, kTextMax));
  if (const auto boxed = last_boxed(plain)) {
    if (const int choice = whole_choice(*boxed); choice >= 0) return choice;
    return single(rules().alone.in(*boxed));
  }
  const std::string_view trimmed = trim(plain);
  // "B or C" after a mark names two.
  auto marked = [&](const Letters& first, const Letters& second) {
    return single(first.in(trimmed) | second.in(trimmed));
  };
  if (const int choice = marked(rules().answer, rules().answer_second); choice != kNone)
    return choice;
  if (const int choice = whole_choice(trimmed); choice >= 0) {
    // A list of all the options is no choice: "A) one B) two".
    static const Letters listed(R"((?:^|\s)\(?([A-Z])[).](?:\s|$))");
    return single(listed.in(trimmed) | 1u << choice);
  }
  if (const int choice = marked(rules().chosen, rules().chosen_second); choice != kNone)
    return choice;
  if (const int choice = single(rules().bracketed.in(trimmed)); choice != kNone) return choice;
  return single(rules().alone.in(without_words(trimmed)));
}

class ChoiceVerifier final : public Verifier {
 public:
  Verdict check(std::string_view answer, std::string_view gold) const override {
    const int given = choice_of(answer), expected = choice_of(gold);
    if (given < 0) return Verdict::unparseable;
    return given == expected ? Verdict::right : Verdict::wrong;
  }
  Result<void> check_gold(std::string_view gold) const override {
    if (choice_of(gold) >= 0) return {};
    return Error{"gold '" + printable(gold) + "' is no letter from A to Z"};
  }
};

}  // namespace

VerifierResult make_choice(const std::string& argument) {
  TRY(expect_no_argument("choice", argument));
  return std::unique_ptr<Verifier>(new ChoiceVerifier);
}

}  // namespace weir
