#include "jinja/expression_parser.h"

#include <charconv>
#include <cstdlib>

namespace weir::jinja {
namespace {

using Kind = Expression::Kind;

bool is_one_of(const Token& token, std::initializer_list<std::string_view> symbols) {
  for (std::string_view symbol : symbols)
    if (token.is(symbol)) return true;
  return false;
}

}  // namespace

ExpressionPtr ExpressionParser::make(Kind kind) const {
  auto made = std::make_unique<Expression>();
  made->kind = kind;
  made->line = tokens_.line();
  return made;
}

Result<ExpressionPtr> ExpressionParser::tuple(bool with_conditional, std::string_view end) {
  ExpressionPtr all = make(Kind::tuple);
  bool is_tuple = false;
  for (;;) {
    const Token& token = tokens_.current();
    if (token.kind == Token::Kind::variable_end || token.kind == Token::Kind::block_end ||
        token.is(")") || (!end.empty() && token.is_name(end)))
      break;
    all->parts.push_back(TRY(with_conditional ? conditional() : disjunction()));
    if (!tokens_.skip(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return all;
  if (all->parts.empty())
    return tokens_.fail("a value is expected here, not " + describe(tokens_.current()));
  return std::move(all->parts[0]);
}

Result<Target> ExpressionParser::target(bool allows_attribute, bool allows_tuple) {
  std::vector<Target> parts;
  bool is_tuple = false;
  do {
    if (is_tuple && tokens_.current().kind != Token::Kind::name && !tokens_.current().is("("))
      break;
    Target part;
    if (tokens_.skip("(")) {
      TokenStream::Nesting nesting(tokens_);
      TRY(nesting.check());
      part = TRY(target(allows_attribute, true));
      TRY(tokens_.expect(")"));
    } else {
      part.name = TRY(tokens_.expect_name("the name of a variable"));
      for (std::string_view word : {"true", "false", "none", "True", "False", "None", "loop"})
        if (part.name == word) return tokens_.fail("'" + part.name + "' can not be assigned to");
      if (allows_attribute && tokens_.skip(".")) {
        names_.insert(part.name);
        std::string attribute = TRY(tokens_.expect_name("the name of an attribute"));
        part.attribute = make_literal(std::move(attribute));
      }
    }
    parts.push_back(std::move(part));
    is_tuple = is_tuple || (allows_tuple && tokens_.current().is(","));
  } while (allows_tuple && tokens_.skip(","));
  if (!is_tuple) return std::move(parts[0]);
  Target all;
  all.parts = std::move(parts);
  return all;
}

Result<ExpressionPtr> ExpressionParser::conditional() {
  ExpressionPtr then = TRY(disjunction());
  if (!tokens_.current().is_name("if")) return then;
  TokenStream::Nesting nesting(tokens_);
  TRY(nesting.check());
  ExpressionPtr all = make(Kind::conditional);
  tokens_.take();
  all->parts.push_back(TRY(disjunction()));
  all->parts.push_back(std::move(then));
  all->parts.push_back(nullptr);
  if (tokens_.skip_name("else")) all->parts[2] = TRY(conditional());
  return all;
}

Result<ExpressionPtr> ExpressionParser::disjunction() {
  ExpressionPtr first = TRY(conjunction());
  if (!tokens_.current().is_name("or")) return first;
  ExpressionPtr all = make(Kind::any);
  all->parts.push_back(std::move(first));
  while (tokens_.skip_name("or")) all->parts.push_back(TRY(conjunction()));
  return all;
}

Result<ExpressionPtr> ExpressionParser::conjunction() {
  ExpressionPtr first = TRY(inversion());
  if (!tokens_.current().is_name("and")) return first;
  ExpressionPtr all = make(Kind::all);
  all->parts.push_back(std::move(first));
  while (tokens_.skip_name("and")) all->parts.push_back(TRY(inversion()));
  return all;
}

Result<ExpressionPtr> ExpressionParser::inversion() {
  if (!tokens_.current().is_name("not")) return comparison();
  TokenStream::Nesting nesting(tokens_);
  TRY(nesting.check());
  ExpressionPtr made = make(Kind::inverted);
  tokens_.take();
  made->parts.push_back(TRY(inversion()));
  return made;
}

Result<ExpressionPtr> ExpressionParser::comparison() {
  ExpressionPtr first = TRY(sum());
  ExpressionPtr all;
  for (;;) {
    const Token& token = tokens_.current();
    std::string symbol;
    if (is_one_of(token, {"==", "!=", "<", "<=", ">", ">="}) || token.is_name("in")) {
      symbol = tokens_.take().text;
    } else if (token.is_name("not") && tokens_.next().is_name("in")) {
      tokens_.take();
      tokens_.take();
      symbol = "not in";
    } else {
      return all ? std::move(all) : std::move(first);
    }
    if (!all) {
      all = make(Kind::compare);
      all->parts.push_back(std::move(first));
    }
    all->operators.push_back(std::move(symbol));
    all->parts.push_back(TRY(sum()));
  }
}

Result<ExpressionPtr> ExpressionParser::sum() {
  ExpressionPtr first = TRY(concatenation());
  if (!is_one_of(tokens_.current(), {"+", "-"})) return first;
  ExpressionPtr all = make(Kind::arithmetic);
  all->parts.push_back(std::move(first));
  while (is_one_of(tokens_.current(), {"+", "-"})) {
    all->operators.push_back(tokens_.take().text);
    all->parts.push_back(TRY(concatenation()));
  }
  return all;
}

Result<ExpressionPtr> ExpressionParser::concatenation() {
  ExpressionPtr first = TRY(product());
  if (!tokens_.current().is("~")) return first;
  ExpressionPtr all = make(Kind::concat);
  all->parts.push_back(std::move(first));
  while (tokens_.skip("~")) all->parts.push_back(TRY(product()));
  return all;
}

Result<ExpressionPtr> ExpressionParser::product() {
  ExpressionPtr first = TRY(power());
  if (!is_one_of(tokens_.current(), {"*", "/", "//", "%"})) return first;
  ExpressionPtr all = make(Kind::arithmetic);
  all->parts.push_back(std::move(first));
  while (is_one_of(tokens_.current(), {"*", "/", "//", "%"})) {
    all->operators.push_back(tokens_.take().text);
    all->parts.push_back(TRY(power()));
  }
  return all;
}

Result<ExpressionPtr> ExpressionParser::power() {
  ExpressionPtr first = TRY(signed_value(true));
  if (!tokens_.current().is("**")) return first;
  ExpressionPtr all = make(Kind::arithmetic);
  all->parts.push_back(std::move(first));
  while (tokens_.skip("**")) {
    all->operators.push_back("**");
    all->parts.push_back(TRY(signed_value(true)));
  }
  return all;
}

Result<ExpressionPtr> ExpressionParser::signed_value(bool with_filters) {
  ExpressionPtr value;
  if (is_one_of(tokens_.current(), {"-", "+"})) {
    TokenStream::Nesting nesting(tokens_);
    TRY(nesting.check());
    value = make(tokens_.current().is("-") ? Kind::negative : Kind::positive);
    tokens_.take();
    value->parts.push_back(TRY(signed_value(false)));
  } else {
    value = TRY(primary());
  }
  ExpressionPtr chain = make(Kind::chain);
  TRY(postfix(*chain));
  if (with_filters) TRY(filter_or_test(*chain));
  if (chain->links.empty()) return value;
  chain->parts.push_back(std::move(value));
  note_tests_for_none(*chain);
  return chain;
}

// "content" of content, message.content and message['content'].
void ExpressionParser::note_tests_for_none(const Expression& chain) {
  const std::string* name = nullptr;  // of what the next link is applied to
  if (chain.parts[0]->kind == Kind::name) name = &chain.parts[0]->name;
  for (const Link& link : chain.links) {
    if (link.kind == Link::Kind::test && link.name == "none" && name)
      tested_for_none_.insert(*name);
    name = link.kind == Link::Kind::attribute ? &link.name : nullptr;
    if (link.kind != Link::Kind::item || !link.bounds[0]) continue;
    const StoredText* text = link.bounds[0]->value.text();
    if (link.bounds[0]->kind == Kind::literal && text) name = &text->text();
  }
}

Result<ExpressionPtr> ExpressionParser::primary() {
  const Token& token = tokens_.current();
  if (token.kind == Token::Kind::string) return string_literal();
  if (token.kind == Token::Kind::integer || token.kind == Token::Kind::real)
    return number_literal();
  if (token.kind == Token::Kind::name) {
    ExpressionPtr made = make(Kind::literal);
    std::string word = tokens_.take().text;
    if (word == "true" || word == "True") {
      made->value = true;
    } else if (word == "false" || word == "False") {
      made->value = false;
    } else if (word == "none" || word == "None") {
      made->value = None{};
    } else {
      made->kind = Kind::name;
      names_.insert(word);
      made->name = std::move(word);
    }
    return made;
  }
  if (is_one_of(token, {"(", "[", "{"})) return bracketed();
  return tokens_.fail("a value is expected here, not " + describe(token));
}

Result<ExpressionPtr> ExpressionParser::bracketed() {
  TokenStream::Nesting nesting(tokens_);
  TRY(nesting.check());
  if (tokens_.skip("(")) {
    if (tokens_.current().is(")")) {
      ExpressionPtr empty = make(Kind::tuple);
      tokens_.take();
      return empty;
    }
    ExpressionPtr inner = TRY(tuple(true));
    TRY(tokens_.expect(")"));
    return inner;
  }
  ExpressionPtr made = make(tokens_.current().is("[") ? Kind::list : Kind::dict);
  const std::string_view end = made->kind == Kind::list ? "]" : "}";
  tokens_.take();
  while (!tokens_.current().is(end)) {
    made->parts.push_back(TRY(expression()));
    if (made->kind == Kind::dict) {
      TRY(tokens_.expect(":"));
      made->parts.push_back(TRY(expression()));
    }
    if (!tokens_.current().is(end)) TRY(tokens_.expect(","));
  }
  tokens_.take();
  return made;
}

// Strings side by side are one.
Result<ExpressionPtr> ExpressionParser::string_literal() {
  ExpressionPtr made = make(Kind::literal);
  std::string text;
  while (tokens_.current().kind == Token::Kind::string) text += tokens_.take().text;
  made->value = make_literal(std::move(text));
  return made;
}

Result<ExpressionPtr> ExpressionParser::number_literal() {
  ExpressionPtr made = make(Kind::literal);
  const Token token = tokens_.take();
  const std::string& digits = token.text;
  if (token.kind == Token::Kind::real) {
    double value = 0;
    auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    // 1e400 is infinite and 1e-400 is 0, as in Python; from_chars leaves the value alone then.
    if (error == std::errc::result_out_of_range) value = std::strtod(digits.c_str(), nullptr);
    made->value = value;
    return made;
  }
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    const char kind = digits[1];
    base = kind == 'x' || kind == 'X' ? 16 : kind == 'o' || kind == 'O' ? 8 : 2;
    if (kind >= '0' && kind <= '9') base = 10;
  }
  const char* begin = digits.data() + (base == 10 ? 0 : 2);
  const char* end = digits.data() + digits.size();
  uint64_t value = 0;
  auto [stop, error] = std::from_chars(begin, end, value, base);
  if (error != std::errc() || stop != end)
    return tokens_.fail("'" + digits + "' is no whole number below 2^64");
  made->value = Integer(value);
  return made;
}

Result<void> ExpressionParser::postfix(Expression& chain) {
  for (;;) {
    const Token& token = tokens_.current();
    if (token.is(".") || token.is("[")) {
      TRY(subscript(chain));
    } else if (token.is("(")) {
      TRY(call(chain));
    } else {
      return {};
    }
  }
}

Result<void> ExpressionParser::filter_or_test(Expression& chain) {
  for (;;) {
    const Token& token = tokens_.current();
    if (token.is("|")) {
      TRY(filter(chain));
    } else if (token.is_name("is")) {
      TRY(test(chain));
    } else if (token.is("(")) {
      TRY(call(chain));
    } else {
      return {};
    }
  }
}

Result<void> ExpressionParser::subscript(Expression& chain) {
  Link link;
  link.line = tokens_.line();
  if (tokens_.skip(".")) {
    if (tokens_.current().kind == Token::Kind::integer) {
      link.kind = Link::Kind::item;
      link.bounds.push_back(TRY(number_literal()));
    } else {
      link.name = TRY(tokens_.expect_name("the name of an attribute"));
    }
    chain.links.push_back(std::move(link));
    return {};
  }
  tokens_.take();
  TokenStream::Nesting nesting(tokens_);
  TRY(nesting.check());
  link.kind = Link::Kind::item;
  if (!tokens_.current().is(":")) link.bounds.push_back(TRY(expression()));
  if (tokens_.current().is(":")) {
    link.kind = Link::Kind::slice;
    if (link.bounds.empty()) link.bounds.push_back(nullptr);
    while (link.bounds.size() < 3 && tokens_.skip(":")) {
      bool is_given = !tokens_.current().is(":") && !tokens_.current().is("]");
      link.bounds.push_back(nullptr);
      if (is_given) link.bounds.back() = TRY(expression());
    }
    link.bounds.resize(3);
  }
  TRY(tokens_.expect("]"));
  chain.links.push_back(std::move(link));
  return {};
}

Result<void> ExpressionParser::call(Expression& chain) {
  Link link;
  link.kind = Link::Kind::call;
  link.line = tokens_.line();
  link.arguments = TRY(arguments());
  chain.links.push_back(std::move(link));
  return {};
}

Result<void> ExpressionParser::filter(Expression& chain) {
  TRY(tokens_.expect("|"));
  Link link;
  link.kind = Link::Kind::filter;
  link.line = tokens_.line();
  link.name = TRY(tokens_.expect_name("the name of a filter"));
  if (tokens_.current().is("(")) link.arguments = TRY(arguments());
  chain.links.push_back(std::move(link));
  return {};
}

Result<ExpressionPtr> ExpressionParser::filters(bool begins_with_name) {
  ExpressionPtr chain = make(Kind::chain);
  if (begins_with_name) {
    Link link;
    link.kind = Link::Kind::filter;
    link.line = tokens_.line();
    link.name = TRY(tokens_.expect_name("the name of a filter"));
    if (tokens_.current().is("(")) link.arguments = TRY(arguments());
    chain->links.push_back(std::move(link));
  }
  while (tokens_.current().is("|")) TRY(filter(*chain));
  if (chain->links.empty()) return ExpressionPtr();
  return chain;
}

Result<void> ExpressionParser::test(Expression& chain) {
  tokens_.take();
  Link link;
  link.kind = Link::Kind::test;
  link.line = tokens_.line();
  link.is_negated = tokens_.skip_name("not");
  link.name = TRY(tokens_.expect_name("the name of a test"));
  const Token& token = tokens_.current();
  bool ends = token.is_name("else") || token.is_name("or") || token.is_name("and");
  bool begins_value = token.kind == Token::Kind::name || token.kind == Token::Kind::string ||
                      token.kind == Token::Kind::integer || token.kind == Token::Kind::real ||
                      is_one_of(token, {"[", "{"});
  if (token.is("(")) {
    link.arguments = TRY(arguments());
  } else if (token.is_name("is")) {
    return tokens_.fail("tests can not follow each other; join them with 'and'");
  } else if (begins_value && !ends) {
    // x is divisibleby 3: the argument without brackets
    ExpressionPtr argument = TRY(primary());
    ExpressionPtr links = make(Kind::chain);
    TRY(postfix(*links));
    if (!links->links.empty()) {
      links->parts.push_back(std::move(argument));
      argument = std::move(links);
    }
    link.arguments.positional.push_back(std::move(argument));
  }
  chain.links.push_back(std::move(link));
  return {};
}

Result<ArgumentList> ExpressionParser::arguments() {
  TokenStream::Nesting nesting(tokens_);
  TRY(nesting.check());
  TRY(tokens_.expect("("));
  ArgumentList list;
  while (!tokens_.current().is(")")) {
    TRY(argument(list));
    if (!tokens_.current().is(")")) TRY(tokens_.expect(","));
  }
  tokens_.take();
  return list;
}

Result<void> ExpressionParser::argument(ArgumentList& list) {
  auto disorder = [&] {
    return tokens_.fail("arguments come in the order: values, name=value, one *list, one **dict");
  };
  if (tokens_.skip("*")) {
    if (list.list || list.dict) return disorder();
    list.list = TRY(expression());
  } else if (tokens_.skip("**")) {
    if (list.dict) return disorder();
    list.dict = TRY(expression());
  } else if (tokens_.current().kind == Token::Kind::name && tokens_.next().is("=")) {
    if (list.dict) return disorder();
    std::string name = tokens_.take().text;
    tokens_.take();
    for (const auto& [known, value] : list.named)
      if (known->text() == name) return tokens_.fail("the argument '" + name + "' is given twice");
    list.named.emplace_back(make_literal(std::move(name)), TRY(expression()));
  } else {
    if (list.list || list.dict || !list.named.empty()) return disorder();
    list.positional.push_back(TRY(expression()));
  }
  return {};
}

}  // namespace weir::jinja
