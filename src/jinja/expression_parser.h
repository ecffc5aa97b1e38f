// Expressions of templates, with jinja2's precedence: if-else, or, and, not, comparisons, + and -,
// ~, * / // %, **, signs, and then attributes, items, calls, filters and tests.
#pragma once
#include <set>
#include <string>

#include "jinja/syntax.h"
#include "jinja/token_stream.h"

namespace weir::jinja {

class ExpressionParser {
 public:
  // Both outlive the parser, which adds to the template's lists of names.
  ExpressionParser(TokenStream& tokens, Template& parsed)
      : tokens_(tokens), names_(parsed.names), tested_for_none_(parsed.tested_for_none) {}

  Result<ExpressionPtr> expression() { return conditional(); }
  Result<ExpressionPtr> without_conditional() { return disjunction(); }
  // One expression, or a tuple when commas follow; ends before `end` (a name) if given.
  Result<ExpressionPtr> tuple(bool with_conditional, std::string_view end = {});
  Result<Target> target(bool allows_attribute, bool allows_tuple);
  // |name(...)|name(...) on nothing, as set and filter blocks have; null when there is none.
  Result<ExpressionPtr> filters(bool begins_with_name);

 private:
  Result<ExpressionPtr> conditional();
  Result<ExpressionPtr> disjunction();
  Result<ExpressionPtr> conjunction();
  Result<ExpressionPtr> inversion();
  Result<ExpressionPtr> comparison();
  Result<ExpressionPtr> sum();
  Result<ExpressionPtr> concatenation();
  Result<ExpressionPtr> product();
  Result<ExpressionPtr> power();
  Result<ExpressionPtr> signed_value(bool with_filters);
  Result<ExpressionPtr> primary();
  Result<ExpressionPtr> bracketed();
  Result<ExpressionPtr> string_literal();
  Result<ExpressionPtr> number_literal();
  Result<void> postfix(Expression& chain);
  Result<void> filter_or_test(Expression& chain);
  Result<void> subscript(Expression& chain);
  Result<void> call(Expression& chain);
  Result<void> filter(Expression& chain);
  Result<void> test(Expression& chain);
  Result<ArgumentList> arguments();
  Result<void> argument(ArgumentList& list);
  ExpressionPtr make(Expression::Kind kind) const;
  void note_tests_for_none(const Expression& chain);

  TokenStream& tokens_;
  std::set<std::string, std::less<>>&names_, &tested_for_none_;
};

}  // namespace weir::jinja
