// A chat template as tokens: text, {{ }} and {% %} tags, and what is written inside of them. Blanks
// around tags are already handled here, as transformers asks jinja2 for: trim_blocks and
// lstrip_blocks on, one newline at the very end left out.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::jinja {

struct Token {
  enum class Kind {
    text,            // outside of tags
    variable_begin,  // {{
    variable_end,    // }}
    block_begin,     // {%
    block_end,       // %}
    name,            // also keywords
    string,          // its value, escapes resolved
    integer,         // its digits, in decimal, hexadecimal ... as written
    real,
    symbol,  // an operator, bracket or comma
    end,     // of the template
  } kind = Kind::end;
  int line = 1;
  std::string text = {};

  bool is(std::string_view symbol) const { return kind == Kind::symbol && text == symbol; }
  bool is_name(std::string_view name) const { return kind == Kind::name && text == name; }
};

// What the token is called in a message: "'endif'", "the end of the template".
std::string describe(const Token& token);

// `source` is valid UTF-8. Errors begin with "line N: ". At most kTokensMax tokens.
constexpr size_t kTokensMax = 500'000;
Result<std::vector<Token>> tokenize(std::string_view source);

}  // namespace weir::jinja
