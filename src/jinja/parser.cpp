// A recursive descent parser for jinja2's grammar.
#include "jinja/parser.h"

#include <fmt/core.h>

#include <charconv>
#include <cstdlib>
#include <initializer_list>

#include "base/text.h"
#include "jinja/lexer.h"

namespace weir::jinja {
namespace {

using Kind = Expression::Kind;
using Names = std::initializer_list<std::string_view>;

// Binary operators and 'not' from the loosest to the tightest.
struct Precedence {
  Kind kind;
  std::vector<std::string_view> operators;
};
const Precedence kPrecedences[] = {
    {Kind::any, {"or"}},
    {Kind::all, {"and"}},
    {Kind::inverted, {"not"}},
    {Kind::compare, {"==", "!=", "<", "<=", ">", ">=", "in", "not in"}},
    {Kind::arithmetic, {"+", "-"}},
    {Kind::concat, {"~"}},
    {Kind::arithmetic, {"*", "/", "//", "%"}},
    {Kind::arithmetic, {"**"}}};

class Parser : TokenReader {
 public:
  using TokenReader::TokenReader;

  Result<Template> run() {
    parsed_.body = TRY(body({}));
    return std::move(parsed_);
  }

 private:
  // --- Statements ---

  // Statements until a block that begins with one of `ends`, whose name stays to be read; without
  // ends, until the end of the template.
  Result<Body> body(Names ends) {
    Nesting nesting = TRY(nest());
    const int begin = tag_line_;
    Body made;
    for (;;) {
      Token token = take();
      if (token.kind == Token::Kind::end) {
        if (ends.size() == 0) return made;
        return Error{fmt::format(
            "line {}: the block that begins here is not closed; end it with '{{% {} %}}'", begin,
            *(ends.end() - 1))};
      }
      if (token.kind == Token::Kind::block_begin) {
        for (std::string_view end : ends)
          if (current().is_name(end)) return made;
        made.push_back(TRY(statement()));
        TRY(end_of_tag());
        continue;
      }
      Statement output = statement_of(Statement::Kind::output);
      output.line = token.line;
      if (token.kind == Token::Kind::text) {
        output.kind = Statement::Kind::text;
        output.expression = std::make_unique<Expression>();
        output.expression->value = make_literal(std::move(token.text));
      } else {
        output.expression = TRY(tuple(true));
        if (current().kind != Token::Kind::variable_end) return expected("'}}'");
        take();
      }
      made.push_back(std::move(output));
    }
  }

  Result<Statement> statement() {
    if (current().kind != Token::Kind::name) return expected("the name of a tag");
    const std::string name = take().text;
    if (name == "if") return choose();
    if (name == "for") return loop();
    if (name == "set") return assign();
    if (name == "macro") return macro();
    if (name == "call") return call_block();
    if (name == "filter") return filter_block();
    if (name == "with") return with();
    if (name == "generation") return generation();
    if (name == "break" || name == "continue") {
      if (loops_ == 0) return fail("'" + name + "' stands outside of a loop");
      return statement_of(name == "break" ? Statement::Kind::leave_loop
                                          : Statement::Kind::next_turn);
    }
    for (std::string_view other : {"include", "import", "from", "extends", "block"})
      if (name == other)
        return fail(fmt::format(
            "'{}' joins templates, which a chat template may not; write all of it in one", name));
    return fail(fmt::format("there is no tag '{}' here; check its spelling and what it closes",
                            printable(name)));
  }

  Statement statement_of(Statement::Kind kind) const {
    Statement made;
    made.kind = kind;
    made.line = current().line;
    return made;
  }
  Result<void> end_of_tag() {
    if (current().kind != Token::Kind::block_end) return expected("'%}'");
    tag_line_ = take().line;
    return {};
  }
  // What follows the opening tag, with the closing name. With `is_own`, break and continue inside
  // can not leave loops outside.
  Result<Body> closed_body(std::string_view end, bool is_own = false) {
    TRY(end_of_tag());
    const int loops = std::exchange(loops_, is_own ? 0 : loops_);
    Body made = TRY(body({end}));
    loops_ = loops;
    take();
    return made;
  }

  Result<Statement> choose() {
    Statement made = statement_of(Statement::Kind::choose);
    for (;;) {
      Branch branch;
      branch.condition = TRY(tuple(false));
      TRY(end_of_tag());
      branch.body = TRY(body({"elif", "else", "endif"}));
      made.branches.push_back(std::move(branch));
      const std::string end = take().text;
      if (end == "endif") return made;
      if (end == "else") {
        made.branches.push_back({nullptr, TRY(closed_body("endif"))});
        return made;
      }
    }
  }

  Result<Statement> loop() {
    Statement made = statement_of(Statement::Kind::loop);
    made.targets.push_back(TRY(target(false, true)));
    if (!skip_name("in")) return expected("'in'");
    made.expression = TRY(tuple(false, "recursive"));
    if (skip_name("if")) made.condition = TRY(expression());
    if (current().is_name("recursive"))
      return fail("recursive loops are not supported; use a macro that calls itself");
    TRY(end_of_tag());
    ++loops_;
    made.body = TRY(body({"else", "endfor"}));
    --loops_;
    if (take().text == "else") made.branches.push_back({nullptr, TRY(closed_body("endfor"))});
    return made;
  }

  Result<Statement> assign() {
    Statement made = statement_of(Statement::Kind::assign);
    made.targets.push_back(TRY(target(true, true)));
    if (skip("=")) {
      made.expression = TRY(tuple(true));
      return made;
    }
    made.kind = Statement::Kind::assign_body;
    made.expression = make(Kind::chain);
    while (skip("|")) made.expression->links.push_back(TRY(filter()));
    made.body = TRY(closed_body("endset"));
    return made;
  }

  Result<std::vector<Parameter>> parameters() {
    std::vector<Parameter> made;
    TRY(expect("("));
    while (!current().is(")")) {
      Parameter parameter;
      parameter.name = TRY(expect_name("the name of a parameter"));
      if (skip("=")) {
        parameter.standard = TRY(expression());
      } else if (!made.empty() && made.back().standard) {
        return fail("parameters without a value come before those with one");
      }
      made.push_back(std::move(parameter));
      if (!current().is(")")) TRY(expect(","));
    }
    take();
    return made;
  }

  Result<Statement> macro() {
    Statement made = statement_of(Statement::Kind::macro);
    made.macro = std::make_unique<MacroSyntax>();
    made.macro->name = TRY(expect_name("the name of the macro"));
    made.macro->parameters = TRY(parameters());
    made.macro->body = TRY(closed_body("endmacro", true));
    return made;
  }

  Result<Statement> call_block() {
    Statement made = statement_of(Statement::Kind::call);
    made.macro = std::make_unique<MacroSyntax>();
    made.macro->name = "caller";
    if (current().is("(")) made.macro->parameters = TRY(parameters());
    made.expression = TRY(expression());
    const std::vector<Link>& links = made.expression->links;
    if (links.empty() || links.back().kind != Link::Kind::call)
      return fail("'call' needs the call of a macro, such as {% call box() %}");
    made.macro->body = TRY(closed_body("endcall", true));
    return made;
  }

  Result<Statement> filter_block() {
    Statement made = statement_of(Statement::Kind::filter);
    made.expression = make(Kind::chain);
    do made.expression->links.push_back(TRY(filter()));
    while (skip("|"));
    made.body = TRY(closed_body("endfilter"));
    return made;
  }

  Result<Statement> with() {
    Statement made = statement_of(Statement::Kind::scope);
    while (current().kind != Token::Kind::block_end) {
      if (!made.targets.empty()) TRY(expect(","));
      made.targets.push_back(TRY(target(false, false)));
      TRY(expect("="));
      made.values.push_back(TRY(expression()));
    }
    made.body = TRY(closed_body("endwith"));
    return made;
  }

  // transformers marks what a model generates with this block; for a prompt it is just its body.
  Result<Statement> generation() {
    Statement made = statement_of(Statement::Kind::scope);
    made.body = TRY(closed_body("endgeneration", true));
    return made;
  }

  Result<Target> target(bool allows_attribute, bool allows_tuple) {
    std::vector<Target> parts;
    bool is_tuple = false;
    do {
      if (is_tuple && current().kind != Token::Kind::name && !current().is("(")) break;
      Target part;
      if (skip("(")) {
        Nesting nesting = TRY(nest());
        part = TRY(target(allows_attribute, true));
        TRY(expect(")"));
      } else {
        part.name = TRY(expect_name("the name of a variable"));
        for (std::string_view word : {"true", "false", "none", "True", "False", "None", "loop"})
          if (part.name == word) return fail("'" + part.name + "' can not be assigned to");
        if (allows_attribute && skip(".")) {
          parsed_.names.insert(part.name);
          part.attribute = make_literal(TRY(expect_name("the name of an attribute")));
        }
      }
      parts.push_back(std::move(part));
      is_tuple = is_tuple || (allows_tuple && current().is(","));
    } while (allows_tuple && skip(","));
    if (!is_tuple) return std::move(parts[0]);
    Target all;
    all.parts = std::move(parts);
    return all;
  }

  // --- Expressions ---

  ExpressionPtr make(Kind kind) const {
    auto made = std::make_unique<Expression>();
    made->kind = kind;
    made->line = current().line;
    return made;
  }

  // One expression, or a tuple when commas follow; ends before `end` (a name) if given.
  Result<ExpressionPtr> tuple(bool with_conditional, std::string_view end = {}) {
    ExpressionPtr all = make(Kind::tuple);
    bool is_tuple = false;
    for (;;) {
      const Token& token = current();
      if (token.kind == Token::Kind::variable_end || token.kind == Token::Kind::block_end ||
          token.is(")") || (!end.empty() && token.is_name(end)))
        break;
      all->parts.push_back(TRY(with_conditional ? expression() : binary(0)));
      if (!skip(",")) break;
      is_tuple = true;
    }
    if (is_tuple) return all;
    if (all->parts.empty()) return expected("a value");
    return std::move(all->parts[0]);
  }

  Result<ExpressionPtr> expression() {
    ExpressionPtr then = TRY(binary(0));
    if (!current().is_name("if")) return then;
    Nesting nesting = TRY(nest());
    ExpressionPtr all = make(Kind::conditional);
    take();
    all->parts.push_back(TRY(binary(0)));
    all->parts.push_back(std::move(then));
    all->parts.push_back(nullptr);
    if (skip_name("else")) all->parts[2] = TRY(expression());
    return all;
  }

  // The operator of this precedence that the current token is or begins; "" for none.
  std::string_view operator_here(const Precedence& precedence) const {
    const Token& token = current();
    for (std::string_view symbol : precedence.operators)
      if (token.is(symbol) || token.is_name(symbol) ||
          (symbol == "not in" && token.is_name("not") && next().is_name("in")))
        return symbol;
    return {};
  }

  // Operators of kPrecedences[level] and tighter ones.
  Result<ExpressionPtr> binary(size_t level) {
    if (level == std::size(kPrecedences)) return signed_value(true);
    const Precedence& precedence = kPrecedences[level];
    if (precedence.kind == Kind::inverted) {
      if (!current().is_name("not")) return binary(level + 1);
      Nesting nesting = TRY(nest());
      ExpressionPtr made = make(Kind::inverted);
      take();
      made->parts.push_back(TRY(binary(level)));
      return made;
    }
    ExpressionPtr first = TRY(binary(level + 1)), all;
    for (;;) {
      const std::string_view symbol = operator_here(precedence);
      if (symbol.empty()) return all ? std::move(all) : std::move(first);
      if (!all) {
        all = make(precedence.kind);
        all->parts.push_back(std::move(first));
      }
      take();
      if (symbol == "not in") take();
      all->operators.push_back(symbol);
      all->parts.push_back(TRY(binary(level + 1)));
    }
  }

  Result<ExpressionPtr> signed_value(bool with_filters) {
    ExpressionPtr value;
    if (current().is("-") || current().is("+")) {
      Nesting nesting = TRY(nest());
      value = make(current().is("-") ? Kind::negative : Kind::positive);
      take();
      value->parts.push_back(TRY(signed_value(false)));
    } else {
      value = TRY(primary());
    }
    return with_links(std::move(value), with_filters);
  }

  // The value with the attributes, items, calls and, if wanted, filters and tests that follow it.
  Result<ExpressionPtr> with_links(ExpressionPtr value, bool with_filters) {
    ExpressionPtr chain = make(Kind::chain);
    for (bool is_filtered = false;;) {
      const Token& token = current();
      if (token.is("(")) {
        Link call = link_of(Link::Kind::call);
        call.arguments = TRY(arguments());
        chain->links.push_back(std::move(call));
      } else if (!is_filtered && (token.is(".") || token.is("["))) {
        chain->links.push_back(TRY(subscript()));
      } else if (with_filters && token.is("|")) {
        take();
        chain->links.push_back(TRY(filter()));
        is_filtered = true;
      } else if (with_filters && token.is_name("is")) {
        chain->links.push_back(TRY(test()));
        is_filtered = true;
      } else {
        break;
      }
    }
    if (chain->links.empty()) return value;
    chain->parts.push_back(std::move(value));
    note_tests_for_none(*chain);
    return chain;
  }

  // "content" of content, message.content and message['content'].
  void note_tests_for_none(const Expression& chain) {
    const std::string* name = nullptr;  // of what the next link is applied to
    if (chain.parts[0]->kind == Kind::name) name = &chain.parts[0]->name;
    for (const Link& link : chain.links) {
      if (link.kind == Link::Kind::test && link.name == "none" && name)
        parsed_.tested_for_none.insert(*name);
      name = link.kind == Link::Kind::attribute ? &link.name : nullptr;
      if (link.kind != Link::Kind::item || !link.bounds[0]) continue;
      const StoredText* text = link.bounds[0]->value.text();
      if (link.bounds[0]->kind == Kind::literal && text) name = &text->text();
    }
  }

  Result<ExpressionPtr> primary() {
    const Token& token = current();
    if (token.kind == Token::Kind::integer || token.kind == Token::Kind::real) return number();
    if (token.is("(") || token.is("[") || token.is("{")) return bracketed();
    ExpressionPtr made = make(Kind::literal);
    if (token.kind == Token::Kind::string) {
      std::string text;  // strings side by side are one
      while (current().kind == Token::Kind::string) text += take().text;
      made->value = make_literal(std::move(text));
      return made;
    }
    if (token.kind != Token::Kind::name) return expected("a value");
    std::string word = take().text;
    if (word == "true" || word == "True") {
      made->value = true;
    } else if (word == "false" || word == "False") {
      made->value = false;
    } else if (word == "none" || word == "None") {
      made->value = None{};
    } else {
      made->kind = Kind::name;
      parsed_.names.insert(word);
      made->name = std::move(word);
    }
    return made;
  }

  Result<ExpressionPtr> bracketed() {
    Nesting nesting = TRY(nest());
    if (current().is("(")) {
      take();
      ExpressionPtr inner = make(Kind::tuple);
      if (!current().is(")")) inner = TRY(tuple(true));
      TRY(expect(")"));
      return inner;
    }
    ExpressionPtr made = make(current().is("[") ? Kind::list : Kind::dict);
    const std::string_view end = made->kind == Kind::list ? "]" : "}";
    take();
    while (!current().is(end)) {
      made->parts.push_back(TRY(expression()));
      if (made->kind == Kind::dict) {
        TRY(expect(":"));
        made->parts.push_back(TRY(expression()));
      }
      if (!current().is(end)) TRY(expect(","));
    }
    take();
    return made;
  }

  Result<ExpressionPtr> number() {
    ExpressionPtr made = make(Kind::literal);
    const Token token = take();
    const std::string& digits = token.text;
    if (token.kind == Token::Kind::real) {
      double real = 0;
      auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), real);
      // 1e400 is infinite and 1e-400 is 0, as in Python; from_chars leaves the value alone then.
      if (error == std::errc::result_out_of_range) real = std::strtod(digits.c_str(), nullptr);
      made->value = real;
      return made;
    }
    const char kind = digits.size() > 1 && digits[0] == '0' ? char(digits[1] | 32) : '0';
    const int base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;
    const char *begin = digits.data() + (base == 10 ? 0 : 2), *end = digits.data() + digits.size();
    uint64_t value = 0;
    auto [stop, error] = std::from_chars(begin, end, value, base);
    if (error != std::errc() || stop != end)
      return fail("'" + digits + "' is no whole number below 2^64");
    made->value = Integer(value);
    return made;
  }

  Result<Link> subscript() {
    Link link = link_of(Link::Kind::attribute);
    if (skip(".")) {
      if (current().kind == Token::Kind::integer) {
        link.kind = Link::Kind::item;
        link.bounds.push_back(TRY(number()));
      } else {
        link.name = TRY(expect_name("the name of an attribute"));
      }
      return link;
    }
    take();
    Nesting nesting = TRY(nest());
    link.kind = Link::Kind::item;
    if (!current().is(":")) link.bounds.push_back(TRY(expression()));
    if (current().is(":")) {
      link.kind = Link::Kind::slice;
      link.bounds.resize(1);
      while (link.bounds.size() < 3 && skip(":")) {
        const bool is_given = !current().is(":") && !current().is("]");
        link.bounds.push_back(nullptr);
        if (is_given) link.bounds.back() = TRY(expression());
      }
      link.bounds.resize(3);
    }
    TRY(expect("]"));
    return link;
  }

  Link link_of(Link::Kind kind) const {
    Link link;
    link.kind = kind;
    link.line = current().line;
    return link;
  }

  // After the '|'.
  Result<Link> filter() {
    Link link = link_of(Link::Kind::filter);
    link.name = TRY(expect_name("the name of a filter"));
    if (current().is("(")) link.arguments = TRY(arguments());
    return link;
  }

  Result<Link> test() {
    take();
    Link link = link_of(Link::Kind::test);
    link.is_negated = skip_name("not");
    link.name = TRY(expect_name("the name of a test"));
    const Token& token = current();
    const bool ends = token.is_name("else") || token.is_name("or") || token.is_name("and");
    const bool begins_value =
        (token.kind >= Token::Kind::name && token.kind <= Token::Kind::real) || token.is("[") ||
        token.is("{");
    if (token.is("(")) {
      link.arguments = TRY(arguments());
    } else if (token.is_name("is")) {
      return fail("tests can not follow each other; join them with 'and'");
    } else if (begins_value && !ends) {
      // x is divisibleby 3: the argument without brackets
      ExpressionPtr value = TRY(primary());
      link.arguments.positional.push_back(TRY(with_links(std::move(value), false)));
    }
    return link;
  }

  Result<ArgumentList> arguments() {
    Nesting nesting = TRY(nest());
    TRY(expect("("));
    ArgumentList list;
    while (!current().is(")")) {
      TRY(argument(list));
      if (!current().is(")")) TRY(expect(","));
    }
    take();
    return list;
  }

  Result<void> argument(ArgumentList& list) {
    constexpr char kOrder[] =
        "arguments come in the order: values, name=value, one *list, one **dict";
    if (skip("*")) {
      if (list.list || list.dict) return fail(kOrder);
      list.list = TRY(expression());
    } else if (skip("**")) {
      if (list.dict) return fail(kOrder);
      list.dict = TRY(expression());
    } else if (current().kind == Token::Kind::name && next().is("=")) {
      if (list.dict) return fail(kOrder);
      std::string name = take().text;
      take();
      for (const auto& [known, value] : list.named)
        if (known->text() == name) return fail("the argument '" + name + "' is given twice");
      list.named.emplace_back(make_literal(std::move(name)), TRY(expression()));
    } else {
      if (list.list || list.dict || !list.named.empty()) return fail(kOrder);
      list.positional.push_back(TRY(expression()));
    }
    return {};
  }

  Template parsed_;
  int tag_line_ = 1;  // of the tag that ended last
  int loops_ = 0;     // that break and continue may leave
};

}  // namespace

Result<Template> parse_template(std::string_view source) {
  if (source.size() > kSourceBytesMax)
    return Error{"line 1: the template has " + format_bytes(double(source.size())) +
                 ", more than 1 MiB; shorten it"};
  if (first_invalid_utf8(source) != std::string_view::npos)
    return Error{"line 1: the template is not UTF-8; convert it, for example with iconv"};
  return Parser(TRY(tokenize(source))).run();
}

}  // namespace weir::jinja
