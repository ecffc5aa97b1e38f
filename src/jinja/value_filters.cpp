// Filters on single values: default, numbers, attr.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdio>

#include "jinja/builtins.h"
#include "jinja/characters.h"
#include "jinja/operators.h"

namespace weir::jinja {
namespace {

Result<Value> standard(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"default_value", "boolean"}));
  const bool replaces_false = TRY(truth_of(given[1], false));
  if (!call.self.is_undefined() && !(replaces_false && !is_true(call.self))) return call.self;
  return given[0] != nullptr ? *given[0] : TRY(call.heap.text("", true));
}

// Python's int() and float() accept blanks around and underscores between digits.
std::string plain_number(std::string_view text) {
  std::string plain;
  text = strip_end(strip_begin(text));
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] != '_' || i == 0 || i + 1 == text.size()) plain += text[i];
  if (plain.starts_with('+')) plain.erase(0, 1);
  return plain;
}

bool parse_real(std::string_view text, double& value) {
  std::string plain = plain_number(text);
  if (plain.empty() || plain.find_first_of("xXpP") != plain.npos) return false;
  auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  return error == std::errc() && end == plain.data() + plain.size();
}

bool parse_integer(std::string_view text, int base, int64_t& value) {
  std::string plain = plain_number(text);
  const bool has_prefix =
      plain.size() > 2 && plain[0] == '0' &&
      ((base == 16 && (plain[1] | 32) == 'x') || (base == 8 && (plain[1] | 32) == 'o') ||
       (base == 2 && (plain[1] | 32) == 'b'));
  if (has_prefix) plain.erase(0, 2);
  auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value, base);
  return !plain.empty() && error == std::errc() && end == plain.data() + plain.size();
}

Result<Value> to_integer(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"default", "base"}));
  const Value fallback = given[0] != nullptr ? *given[0] : Value(0);
  const Integer base = TRY(integer_of(given[1], 10));
  if (base < 2 || base > 36) return Error{"needs a base from 2 to 36"};
  if (call.self.is_undefined()) return misuse(call.self, "converted to a whole number");
  Integer exact = 0;
  if (call.self.as_integer(exact)) return Value(exact);
  double real = 0;
  if (const StoredText* text = call.self.text()) {
    if (text->text().size() > 1000) return fallback;
    int64_t value = 0;
    if (parse_integer(text->text(), int(base), value)) return Value(Integer(value));
    if (!parse_real(text->text(), real)) return fallback;
  } else if (!call.self.as_real(real)) {
    return fallback;
  }
  if (!(std::fabs(real) <= 0x1p64)) return fallback;
  return Value(Integer(real));
}

Result<Value> to_real(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"default"}));
  const Value fallback = given[0] != nullptr ? *given[0] : Value(0.0);
  if (call.self.is_undefined()) return misuse(call.self, "converted to a number");
  double real = 0;
  if (call.self.as_real(real)) return Value(real);
  const StoredText* text = call.self.text();
  if (text == nullptr || text->text().size() > 1000 || !parse_real(text->text(), real))
    return fallback;
  return Value(real);
}

Result<Value> absolute(Call& call) {
  TRY(bind(call, {}));
  Integer exact = 0;
  double real = 0;
  if (call.self.as_integer(exact)) return Value(exact < 0 ? -exact : exact);
  if (call.self.as_real(real)) return Value(std::fabs(real));
  return misuse(call.self, "used with 'abs'");
}

Result<Value> rounded(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"precision", "method"}));
  const Integer precision = TRY(integer_of(given[0], 0));
  const StoredText* method = TRY(text_of(given[1]));
  double value = 0;
  if (!call.self.as_real(value)) return misuse(call.self, "rounded");
  if (precision < 0 || precision > 15) return Error{"needs a precision from 0 to 15"};
  if (!std::isfinite(value) || std::fabs(value) > 1e300) return Value(value);
  if (method != nullptr && method->text() != "common") {
    const double scale = std::pow(10.0, double(precision));
    if (method->text() == "ceil") return Value(std::ceil(value * scale) / scale);
    if (method->text() == "floor") return Value(std::floor(value * scale) / scale);
    return Error{"has the methods 'common', 'ceil' and 'floor'"};
  }
  Integer exact = 0;
  if (call.self.as_integer(exact)) return Value(exact);
  char buffer[400];  // half to even on the exact value, as Python rounds
  std::snprintf(buffer, sizeof buffer, "%.*f", int(precision), value);
  return Value(std::strtod(buffer, nullptr));
}

Result<Value> attr(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"name"}, 1));
  const StoredText* name = TRY(text_of(given[0]));
  if (name == nullptr) return misuse(*given[0], "the name of an attribute");
  // Only what stands behind a dot, never an entry.
  if (call.self.dict() != nullptr && find_method(call.self, name->text()) == nullptr)
    return call.heap.undefined("a dict has no such attribute");
  return call.interpreter.attribute(call.self, name->text());
}

}  // namespace

const BuiltinTable& value_filters() {
  static const BuiltinTable table = {{"default", standard}, {"d", standard},   {"int", to_integer},
                                     {"float", to_real},    {"abs", absolute}, {"round", rounded},
                                     {"attr", attr}};
  return table;
}

}  // namespace weir::jinja
