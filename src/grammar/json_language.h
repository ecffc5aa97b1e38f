// JSON as a grammar: values of any kind, strings, constants, numbers in a range. Between tokens
// there may be nothing, one blank, or a line end with up to 40 blanks and tabs; before and after
// the whole text there is nothing.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "grammar/grammar.h"
#include "grammar/regular_expression.h"

namespace weir {

// A decimal number, exactly: 0.digits x 10^point.
struct Decimal {
  bool is_negative = false;
  std::string digits = {};  // no zeros at either end; "": 0
  int point = 0;
  // `text`: a number as JSON writes it, with an exponent of at most 400.
  static Result<Decimal> parse(std::string_view text);
  std::string whole() const;     // digits before the point, at least one
  std::string fraction() const;  // digits after it, without zeros at the end
};
// As numbers: -1, 0, 1.
int compare(const Decimal& a, const Decimal& b);

struct NumberRange {
  std::optional<Decimal> low = {}, high = {};
  bool excludes_low = false, excludes_high = false;
};

// Characters inside a JSON string, in the one form that JSON needs: '"', '\' and control characters
// escaped (\" \\ \b \f \n \r \t or \u00..), all others as they are.
class JsonSpelling : public Spelling {
 public:
  Grammar::Expression character(Grammar& grammar, const CodePointSet& set) const override;
};

enum class StringForm {
  quoted,
  bare,  // the characters themselves, without quotes and escapes
};

class JsonLanguage {
 public:
  explicit JsonLanguage(Grammar& grammar, StringForm form = StringForm::quoted);

  // How characters of strings are written.
  const Spelling& spelling() const;

  Grammar::Expression space();   // between tokens
  Grammar::Expression value();   // of any kind
  Grammar::Expression object();  // of any kind
  Grammar::Expression array();
  Grammar::Expression string();
  // Of `min` to `max` characters; an escape, or a pair of them, counts as one.
  Grammar::Expression string(int64_t min, int64_t max);
  // Any characters in the spelling, for set operations: without quotes.
  Grammar::Expression characters(int64_t min, int64_t max);
  Grammar::Expression quoted(Grammar::Expression characters);
  Grammar::Expression spelled(std::string_view text);  // without quotes
  Grammar::Expression constant(const Json& value);
  Grammar::Expression integer();
  Grammar::Expression number();
  // Numbers without exponent; -0 is left out.
  Result<Grammar::Expression> number_in(const NumberRange& range, bool is_integer);
  // Whole multiples of `step`, in [1, 10000].
  Grammar::Expression multiple_of(int step);
  // Numbers with at most so many digits after the point.
  Grammar::Expression with_fraction_of(int digits);

  // "[" items "]" or "{" members "}"; `inside` is not empty.
  Grammar::Expression bracketed(const char* open, Grammar::Expression inside, bool may_be_empty,
                                const char* close);
  Grammar::Expression comma();  // with blanks
  Grammar::Expression colon();

 private:
  Grammar::Expression bytes(std::string_view characters);
  Grammar::Expression digits(int64_t min, int64_t max);
  Grammar::Expression whole_between(const std::string& low, const std::string& high);
  Grammar::Expression same_length(const std::string& low, const std::string& high, size_t at,
                                  bool is_at_low, bool is_at_high);
  Grammar::Expression whole_from(const std::string& low);
  Result<Grammar::Expression> at_least(const Decimal& bound, bool is_strict);
  Result<Grammar::Expression> at_most(const Decimal& bound, bool is_strict);
  Grammar::Expression fraction_above(const std::string& bound, size_t at, bool is_strict);
  Grammar::Expression fraction_below(const std::string& bound, size_t at, bool is_strict);
  Result<Grammar::Expression> magnitude(const std::optional<Decimal>& low, bool excludes_low,
                                        const std::optional<Decimal>& high, bool excludes_high);

  Grammar& grammar_;
  const bool is_bare_;
  Grammar::Rule space_, value_, object_, array_, character_;
};

}  // namespace weir
