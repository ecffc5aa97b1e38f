// Numbers in a range as regular languages over their digits: bounds are compared digit by digit, so
// nothing is rounded.
#include <algorithm>

#include "base/text.h"
#include "grammar/json_language.h"

namespace weir {
namespace {

constexpr int kExponentMax = 400;
constexpr size_t kDigitsMax = 400;

std::string trimmed_zeros(std::string digits) {
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  return digits.empty() ? "0" : digits;
}

std::string next_whole(std::string digits) {
  for (size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '9') {
      ++digits[i];
      return digits;
    }
    digits[i] = '0';
  }
  return "1" + digits;
}

// Of a number above 0.
std::string previous_whole(std::string digits) {
  for (size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '0') {
      --digits[i];
      break;
    }
    digits[i] = '9';
  }
  return trimmed_zeros(digits);
}

int compare_magnitudes(const Decimal& a, const Decimal& b) {
  if (a.digits.empty() || b.digits.empty()) return int(!a.digits.empty()) - int(!b.digits.empty());
  if (a.point != b.point) return a.point < b.point ? -1 : 1;
  const int order = a.digits.compare(b.digits);
  return order < 0 ? -1 : order > 0;
}

std::string range_of(char first, char last) {
  std::string all;
  for (char c = first; c <= last; ++c) all += c;
  return all;
}

}  // namespace

Result<Decimal> Decimal::parse(std::string_view text) {
  Decimal d;
  const std::string shown = printable(text, 40);
  if (text.starts_with('-')) d.is_negative = true, text.remove_prefix(1);
  int64_t exponent = 0;
  const size_t e = text.find_first_of("eE");
  if (e != text.npos) {
    std::string_view power = text.substr(e + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    const Result<int64_t> value = parse_int(power);
    if (!value || std::abs(*value) > kExponentMax)
      return Error{"the number " + shown + " has an exponent beyond 400"};
    exponent = *value;
    text = text.substr(0, e);
  }
  const size_t point = std::min(text.find('.'), text.size());
  d.digits = std::string(text.substr(0, point));
  d.point = int(point) + int(exponent);
  if (point < text.size()) d.digits += text.substr(point + 1);
  if (d.digits.size() > kDigitsMax) return Error{"the number " + shown + " has over 400 digits"};
  const size_t zeros = std::min(d.digits.find_first_not_of('0'), d.digits.size());
  d.digits.erase(0, zeros);
  d.point -= int(zeros);
  while (d.digits.ends_with('0')) d.digits.pop_back();
  if (d.digits.empty()) d = {};
  return d;
}

std::string Decimal::whole() const {
  if (point <= 0 || digits.empty()) return "0";
  std::string all = digits.substr(0, size_t(point));
  all.append(size_t(point) - all.size(), '0');
  return all;
}

std::string Decimal::fraction() const {
  if (point >= int(digits.size())) return "";
  return point >= 0 ? digits.substr(size_t(point)) : std::string(size_t(-point), '0') + digits;
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.is_negative != b.is_negative) return a.is_negative ? -1 : 1;
  const int order = compare_magnitudes(a, b);
  return a.is_negative ? -order : order;
}

// From digit `at` on; what came before equals `low` if is_at_low, and `high` if is_at_high.
Grammar::Expression JsonLanguage::same_length(const std::string& low, const std::string& high,
                                              size_t at, bool is_at_low, bool is_at_high) {
  Grammar& g = grammar_;
  if (at == low.size()) return g.empty();
  const int64_t rest = int64_t(low.size() - at) - 1;
  if (!is_at_low && !is_at_high) return digits(rest + 1, rest + 1);
  const char first = is_at_low ? low[at] : '0', last = is_at_high ? high[at] : '9';
  const auto exactly = [&](char c) {
    return g.sequence(
        {bytes(std::string(1, c)),
         same_length(low, high, at + 1, is_at_low && c == first, is_at_high && c == last)});
  };
  if (is_at_low && is_at_high && first == last) return exactly(first);
  std::vector<Grammar::Expression> ways;
  char from = first, to = last;
  if (is_at_low) ways.push_back(exactly(from++));
  if (is_at_high) ways.push_back(exactly(to--));
  if (from <= to) ways.push_back(g.sequence({bytes(range_of(from, to)), digits(rest, rest)}));
  return g.choice(std::move(ways));
}

// Whole numbers >= 0 in [low, high], without zeros in front.
Grammar::Expression JsonLanguage::whole_between(const std::string& low, const std::string& high) {
  std::vector<Grammar::Expression> ways;
  for (size_t n = low.size(); n <= high.size(); ++n) {
    const std::string first = n == low.size() ? low : "1" + std::string(n - 1, '0');
    const std::string last = n == high.size() ? high : std::string(n, '9');
    if (first <= last) ways.push_back(same_length(first, last, 0, true, true));
  }
  return grammar_.choice(std::move(ways));
}

Grammar::Expression JsonLanguage::whole_from(const std::string& low) {
  return grammar_.choice(
      {whole_between(low, std::string(low.size(), '9')),
       grammar_.sequence({bytes("123456789"), digits(int64_t(low.size()), Grammar::kUnlimited)})});
}

// The digits after the point from `at` on, when those before equal the bound's.
Grammar::Expression JsonLanguage::fraction_above(const std::string& bound, size_t at,
                                                 bool is_strict) {
  Grammar& g = grammar_;
  const Grammar::Expression any = digits(0, Grammar::kUnlimited);
  if (at == bound.size())
    return is_strict ? g.sequence({g.repeat(g.literal("0"), 0, Grammar::kUnlimited),
                                   bytes("123456789"), any})
                     : any;
  const Grammar::Expression equal =
      g.sequence({bytes(bound.substr(at, 1)), fraction_above(bound, at + 1, is_strict)});
  if (bound[at] == '9') return equal;
  return g.choice({equal, g.sequence({bytes(range_of(char(bound[at] + 1), '9')), any})});
}

Grammar::Expression JsonLanguage::fraction_below(const std::string& bound, size_t at,
                                                 bool is_strict) {
  Grammar& g = grammar_;
  if (at == bound.size())
    return is_strict ? g.nothing() : g.repeat(g.literal("0"), 0, Grammar::kUnlimited);
  std::vector<Grammar::Expression> ways = {
      g.empty(),
      g.sequence({bytes(bound.substr(at, 1)), fraction_below(bound, at + 1, is_strict)})};
  if (bound[at] > '0')
    ways.push_back(
        g.sequence({bytes(range_of('0', char(bound[at] - 1))), digits(0, Grammar::kUnlimited)}));
  return g.choice(std::move(ways));
}

// Numbers >= 0 without sign that are at least (more than) a bound >= 0.
Result<Grammar::Expression> JsonLanguage::at_least(const Decimal& bound, bool is_strict) {
  Grammar& g = grammar_;
  const std::string whole = bound.whole(), fraction = bound.fraction();
  const Grammar::Expression some = digits(1, Grammar::kUnlimited);
  const Grammar::Expression equal = TRY(g.both(some, fraction_above(fraction, 0, is_strict)));
  std::vector<Grammar::Expression> ways = {
      g.sequence({whole_from(next_whole(whole)), g.optional(g.sequence({g.literal("."), some}))}),
      g.sequence({g.literal(whole + "."), equal})};
  if (fraction.empty() && !is_strict) ways.push_back(g.literal(whole));
  return g.choice(std::move(ways));
}

Result<Grammar::Expression> JsonLanguage::at_most(const Decimal& bound, bool is_strict) {
  Grammar& g = grammar_;
  const std::string whole = bound.whole(), fraction = bound.fraction();
  const Grammar::Expression some = digits(1, Grammar::kUnlimited);
  const Grammar::Expression equal = TRY(g.both(some, fraction_below(fraction, 0, is_strict)));
  std::vector<Grammar::Expression> ways = {g.sequence({g.literal(whole + "."), equal})};
  if (!fraction.empty() || !is_strict) ways.push_back(g.literal(whole));
  if (whole != "0")
    ways.push_back(g.sequence({whole_between("0", previous_whole(whole)),
                               g.optional(g.sequence({g.literal("."), some}))}));
  return g.choice(std::move(ways));
}

Result<Grammar::Expression> JsonLanguage::magnitude(const std::optional<Decimal>& low,
                                                    bool excludes_low,
                                                    const std::optional<Decimal>& high,
                                                    bool excludes_high) {
  const Decimal zero;
  const Grammar::Expression above = TRY(at_least(low ? *low : zero, low && excludes_low));
  if (!high) return above;
  return grammar_.both(above, TRY(at_most(*high, excludes_high)));
}

Result<Grammar::Expression> JsonLanguage::number_in(const NumberRange& range, bool is_integer) {
  Grammar& g = grammar_;
  std::vector<Grammar::Expression> ways;
  const Decimal zero;
  const auto absolute = [](std::optional<Decimal> d) {
    if (d) d->is_negative = false;
    return d;
  };
  if (!range.high || compare(*range.high, zero) >= 0) {  // some are not negative
    const bool is_cut = range.low && compare(*range.low, zero) >= 0;
    ways.push_back(TRY(magnitude(is_cut ? range.low : std::nullopt, range.excludes_low, range.high,
                                 range.excludes_high)));
  }
  if (!range.low || compare(*range.low, zero) < 0) {
    const bool is_cut = range.high && compare(*range.high, zero) < 0;
    const Grammar::Expression negative =
        TRY(magnitude(is_cut ? absolute(range.high) : zero, is_cut ? range.excludes_high : true,
                      absolute(range.low), range.excludes_low));
    ways.push_back(g.sequence({g.literal("-"), negative}));
  }
  const Grammar::Expression numbers = g.choice(std::move(ways));
  return is_integer ? g.both(integer(), numbers) : Result<Grammar::Expression>(numbers);
}

// States: the remainder of the digits so far; the sign and a single 0 apart.
Grammar::Expression JsonLanguage::multiple_of(int step) {
  ByteAutomaton automaton;
  automaton.states.resize(size_t(step) + 3);
  const auto add = [&](int from, char first, char last, int target) {
    automaton.states[size_t(from)].edges.push_back({uint8_t(first), uint8_t(last), target});
  };
  const int sign = 1, zero = 2;
  add(0, '-', '-', sign);
  for (const int from : {0, sign}) {
    add(from, '0', '0', zero);
    for (char c = '1'; c <= '9'; ++c) add(from, c, c, 3 + (c - '0') % step);
  }
  for (int r = 0; r < step; ++r)
    for (char c = '0'; c <= '9'; ++c) add(3 + r, c, c, 3 + (r * 10 + (c - '0')) % step);
  automaton.states[size_t(zero)].is_final = automaton.states[3].is_final = true;
  return grammar_.automaton(minimize(automaton));
}

Grammar::Expression JsonLanguage::with_fraction_of(int count) {
  return grammar_.sequence(
      {integer(), grammar_.optional(grammar_.sequence({grammar_.literal("."), digits(1, count)}))});
}

}  // namespace weir
