#include "jinja/value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "jinja/characters.h"

namespace weir::jinja {

const char* kind_name(const Value& value) {
  if (const List* list = value.list()) {
    constexpr const char* kForms[] = {"a list",        "a tuple",         "a range",
                                      "a dict's keys", "a dict's values", "a dict's items",
                                      "a generator"};
    return kForms[size_t(list->form)];
  }
  constexpr const char* kKinds[] = {"undefined",   "none",   "true or false", "a whole number",
                                    "a number",    "a text", "a list",        "a dict",
                                    "a namespace", "a loop", "a function"};
  return kKinds[value.state().index()];
}

bool is_true(const Value& value) {
  if (const bool* b = value.get<bool>()) return *b;
  if (const Integer* i = value.get<Integer>()) return *i != 0;
  if (const double* d = value.get<double>()) return *d != 0;
  if (const StoredText* text = value.text()) return !text->text().empty();
  if (const List* list = value.list()) return !list->has_length() || !list->items.empty();
  if (const Dict* dict = value.dict()) return !dict->entries.empty();
  return !value.is_undefined() && !value.is_none();
}

std::string integer_text(Integer value) {
  const bool is_negative = value < 0;
  std::string digits;
  do {
    int digit = int(value % 10);
    digits += char('0' + (digit < 0 ? -digit : digit));
    value /= 10;
  } while (value != 0);
  if (is_negative) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string real_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  char* end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string text(buffer, end);
  size_t e = text.find('e');
  int exponent = std::stoi(text.substr(e + 1));
  if (exponent < -4 || exponent >= 16) return text;  // d.ddde+XX, as Python writes it
  std::string digits = text.substr(0, e), sign;
  if (digits[0] == '-') {
    sign = "-";
    digits.erase(0, 1);
  }
  digits.erase(std::remove(digits.begin(), digits.end(), '.'), digits.end());
  if (exponent < 0) return sign + "0." + std::string(size_t(-exponent - 1), '0') + digits;
  size_t whole = size_t(exponent) + 1;
  if (digits.size() <= whole) return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

Text make_literal(std::string text) {
  auto made = std::make_shared<StoredText>();
  made->content = TracedText::of(text, true);
  made->characters = count_characters(text);
  return made;
}

}  // namespace weir::jinja
