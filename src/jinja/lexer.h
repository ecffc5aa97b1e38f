// A chat template as tokens: text, {{ }} and {% %} tags, and what is written inside of them. Blanks
// around tags are already handled here, as transformers asks jinja2 for: trim_blocks and
// lstrip_blocks on, one newline at the very end left out.
#pragma once
#include <memory>
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

// Tokens one after the other, and how deep brackets and blocks are inside each other.
constexpr int kNestingMax = 100;  // brackets, blocks, 'not's and signs
class TokenReader {
 public:
  // The last token is the end, which current() never passes.
  explicit TokenReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  Token take();
  // Takes the current token if it is this one.
  bool skip(std::string_view symbol);
  bool skip_name(std::string_view name);
  // Take it, or say what is expected here and what stands here instead.
  Result<void> expect(std::string_view symbol);
  Result<std::string> expect_name(const char* what);
  Error expected(const std::string& what) const;
  Error fail(const std::string& what) const;  // with the current line

  struct Leave {
    void operator()(int* depth) const { --*depth; }
  };
  using Nesting = std::unique_ptr<int, Leave>;
  Result<Nesting> nest();  // keep the result while the nested part is parsed

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = -1;  // the template itself is no nesting
};

}  // namespace weir::jinja
