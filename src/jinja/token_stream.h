// Tokens one after the other, for the two halves of the parser (statements and expressions), with
// the nesting they share.
#pragma once
#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "jinja/lexer.h"
#include "jinja/parser.h"

namespace weir::jinja {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  int line() const { return current().line; }
  // The current token, and moves on; the end stays.
  Token take() {
    Token token = current();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool skip(std::string_view symbol) {
    if (!current().is(symbol)) return false;
    ++at_;
    return true;
  }
  bool skip_name(std::string_view name) {
    if (!current().is_name(name)) return false;
    ++at_;
    return true;
  }
  Result<void> expect(std::string_view symbol) {
    if (skip(symbol)) return {};
    return fail(fmt::format("'{}' is expected here, not {}", symbol, describe(current())));
  }
  Result<std::string> expect_name(const char* what) {
    if (current().kind == Token::Kind::name) return take().text;
    return fail(fmt::format("{} is expected here, not {}", what, describe(current())));
  }
  Error fail(const std::string& what) const { return {fmt::format("line {}: {}", line(), what)}; }

  // Open while something nested is parsed.
  class Nesting {
   public:
    explicit Nesting(TokenStream& stream) : stream_(stream) { ++stream_.depth_; }
    ~Nesting() { --stream_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    Result<void> check() const {
      if (stream_.depth_ <= kNestingMax) return {};
      return stream_.fail(
          fmt::format("brackets and blocks are nested deeper than {} levels; simplify the template",
                      kNestingMax));
    }

   private:
    TokenStream& stream_;
  };

 private:
  std::vector<Token> tokens_;  // the last one is the end
  size_t at_ = 0;
  int depth_ = -1;  // the template itself is no nesting
};

}  // namespace weir::jinja
