// The countdown game: an expression with + - * / and parentheses that uses each of the given
// numbers at most once and equals the target. Values are exact fractions.
#include <algorithm>
#include <numeric>

#include "base/text.h"
#include "verify/plain_text.h"
#include "verify/verifiers.h"

namespace weir {
namespace {

constexpr size_t kExpressionMax = 1024;  // bytes
constexpr int kDepthMax = 64;
constexpr size_t kNumbersMax = 64;
constexpr int64_t kNumberMax = 1'000'000'000;

struct Game {
  std::vector<int64_t> numbers;
  int64_t target = 0;
};

Result<Game> parse_game(std::string_view gold) {
  const std::vector<std::string> parts = split(gold, ';');
  if (gold.size() > kExpressionMax || parts.size() != 2)
    return Error{"gold '" + printable(gold) +
                 "' must be \"numbers;target\", such as \"3 7 12;45\""};
  Game game;
  auto read = [](std::string_view text, int64_t low) -> Result<int64_t> {
    const int64_t value = TRY(parse_int(text));
    if (value < low || value > kNumberMax)
      return Error{"'" + printable(text) + "' is not between " + std::to_string(low) + " and " +
                   std::to_string(kNumberMax)};
    return value;
  };
  for (const std::string& word : split(trim(parts[0]), ' ')) {
    if (word.empty()) continue;
    game.numbers.push_back(TRY_IN("gold '" + printable(gold) + "'", read(word, 0)));
  }
  if (game.numbers.empty() || game.numbers.size() > kNumbersMax)
    return Error{"gold '" + printable(gold) + "' must have 1 to " + std::to_string(kNumbersMax) +
                 " numbers before the semicolon"};
  game.target = TRY_IN("gold '" + printable(gold) + "'", read(trim(parts[1]), -kNumberMax));
  return game;
}

// bottom > 0, without common factor. `is_number` is false after a division by zero or when a part
// left 64 bits; such a value equals nothing.
struct Fraction {
  int64_t top = 0, bottom = 1;
  bool is_number = true;
};

Fraction reduce(__int128 top, __int128 bottom) {
  if (bottom == 0) return {0, 1, false};
  if (bottom < 0) top = -top, bottom = -bottom;
  __int128 a = top < 0 ? -top : top, b = bottom;
  while (b != 0) {
    const __int128 rest = a % b;
    a = b;
    b = rest;
  }
  if (a > 1) top /= a, bottom /= a;
  constexpr __int128 kMax = INT64_MAX / 4;  // sums of two products stay within 128 bits
  if (top > kMax || top < -kMax || bottom > kMax) return {0, 1, false};
  return {int64_t(top), int64_t(bottom), true};
}

Fraction apply(char op, const Fraction& a, const Fraction& b) {
  if (!a.is_number || !b.is_number) return {0, 1, false};
  const __int128 at = a.top, ab = a.bottom, bt = b.top, bb = b.bottom;
  switch (op) {
    case '+':
      return reduce(at * bb + bt * ab, ab * bb);
    case '-':
      return reduce(at * bb - bt * ab, ab * bb);
    case '*':
      return reduce(at * bt, ab * bb);
    default:
      return reduce(at * bb, ab * bt);
  }
}

// sum     = product { (+|-) product }
// product = factor { (*|/) factor }
// factor  = number | "(" sum ")" | "-" factor
class ExpressionParser {
 public:
  explicit ExpressionParser(std::string_view text) : text_(text) {}

  // Nothing when the text is no expression. `used`: its numbers, in order.
  std::optional<Fraction> parse(std::vector<int64_t>& used) {
    used_ = &used;
    auto value = sum(0);
    return value && at_ == text_.size() ? value : std::nullopt;
  }

 private:
  char peek() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  std::optional<Fraction> sum(int depth) {
    auto value = product(depth);
    while (value && (peek() == '+' || peek() == '-')) {
      const char op = text_[at_++];
      const auto right = product(depth);
      if (!right) return std::nullopt;
      value = apply(op, *value, *right);
    }
    return value;
  }
  std::optional<Fraction> product(int depth) {
    auto value = factor(depth);
    while (value && (peek() == '*' || peek() == '/')) {
      const char op = text_[at_++];
      const auto right = factor(depth);
      if (!right) return std::nullopt;
      value = apply(op, *value, *right);
    }
    return value;
  }
  std::optional<Fraction> factor(int depth) {
    if (depth > kDepthMax) return std::nullopt;
    if (peek() == '(') {
      ++at_;
      const auto value = sum(depth + 1);
      if (!value || peek() != ')') return std::nullopt;
      ++at_;
      return value;
    }
    if (peek() == '-') {
      ++at_;
      const auto value = factor(depth + 1);
      if (!value) return std::nullopt;
      return apply('-', Fraction{}, *value);
    }
    return number();
  }
  std::optional<Fraction> number() {
    if (!is_digit(peek())) return std::nullopt;
    int64_t value = 0;
    for (; at_ < text_.size() && is_digit(text_[at_]); ++at_)
      value = std::min(value * 10 + (text_[at_] - '0'), kNumberMax + 1);  // none of the given
    used_->push_back(value);
    return Fraction{value, 1, true};
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<int64_t>* used_ = nullptr;
};

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::string out;
  for (size_t at = 0;;) {
    const size_t found = text.find(from, at);
    out += text.substr(at, found - at);
    if (found == text.npos) break;
    out += to;
    at = found + from.size();
  }
  text = std::move(out);
}

// The \boxed{} part or the last line that is not blank, without a label that ends in a colon.
// Nothing when that is longer than an expression may be.
std::optional<std::string> expression_text(std::string_view answer) {
  std::string_view text = trim(answer);
  if (const auto boxed = last_boxed(last_part(text, 4 * kExpressionMax))) {
    text = *boxed;
  } else {
    text = text.substr(std::min(text.rfind('\n') + 1, text.size()));  // npos + 1 is 0
  }
  if (text.size() > kExpressionMax) return std::nullopt;
  std::string plain = plain_text(text);
  if (const size_t colon = plain.rfind(':'); colon != plain.npos) plain.erase(0, colon + 1);
  for (std::string_view word : {"\\times", "\\cdot"}) replace_all(plain, word, "*");
  replace_all(plain, "\\div", "/");
  for (std::string_view word : {"\\left", "\\right", "\\(", "\\)", "$", "`"})
    replace_all(plain, word, "");
  std::string_view bare = trim(plain);
  while (bare.starts_with("**") && bare.ends_with("**") && bare.size() >= 4)
    bare = trim(bare.substr(2, bare.size() - 4));
  while (bare.ends_with('.')) bare.remove_suffix(1);
  return std::string(trim(bare));
}

// Each use takes one of the given numbers away.
bool uses_given(std::vector<int64_t> used, std::vector<int64_t> given) {
  std::sort(used.begin(), used.end());
  std::sort(given.begin(), given.end());
  return std::includes(given.begin(), given.end(), used.begin(), used.end());
}

class CountdownVerifier final : public Verifier {
 public:
  Verdict check(std::string_view answer, std::string_view gold) const override {
    const auto game = parse_game(gold);
    if (!game) return Verdict::wrong;
    const auto text = expression_text(answer);
    if (!text) return Verdict::unparseable;
    const size_t equals = text->find('=');
    std::vector<int64_t> used, stated_numbers;
    const auto value =
        ExpressionParser(trim(std::string_view(*text).substr(0, equals))).parse(used);
    if (!value) return Verdict::unparseable;
    if (equals != text->npos) {
      // What follows the sign is the value stated, and must be it.
      const std::string_view stated_text = trim(std::string_view(*text).substr(equals + 1));
      const auto stated = ExpressionParser(stated_text).parse(stated_numbers);
      if (!stated || stated_numbers.size() != 1) return Verdict::unparseable;
      if (!stated->is_number || stated->top != game->target || stated->bottom != 1)
        return Verdict::wrong;
    }
    if (!uses_given(used, game->numbers)) return Verdict::wrong;
    return value->is_number && value->bottom == 1 && value->top == game->target ? Verdict::right
                                                                                : Verdict::wrong;
  }
  Result<void> check_gold(std::string_view gold) const override {
    TRY(parse_game(gold));
    return {};
  }
};

}  // namespace

VerifierResult make_countdown(const std::string& argument) {
  TRY(expect_no_argument("countdown", argument));
  return std::unique_ptr<Verifier>(new CountdownVerifier);
}

}  // namespace weir
