// Statements; expressions are jinja_expression_parser.cpp's business.
#include "jinja/parser.h"

#include <fmt/format.h>

#include "base/text.h"
#include "jinja/expression_parser.h"

namespace weir::jinja {
namespace {

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens)
      : tokens_(std::move(tokens)), expressions_(tokens_, parsed_) {}

  Result<Template> run() {
    parsed_.body = TRY(body({}));
    return std::move(parsed_);
  }

 private:
  // Statements until a block that begins with one of `ends`, whose name stays to be read; without
  // ends, until the end of the template.
  Result<Body> body(std::initializer_list<std::string_view> ends) {
    TokenStream::Nesting nesting(tokens_);
    TRY(nesting.check());
    const int begin = tag_line_;
    Body made;
    for (;;) {
      Token token = tokens_.take();
      if (token.kind == Token::Kind::end) {
        if (ends.size() == 0) return made;
        return Error{
            fmt::format("line {}: the block that begins here is not closed; end it with "
                        "'{{% {} %}}'",
                        begin, *(ends.end() - 1))};
      }
      if (token.kind == Token::Kind::block_begin) {
        for (std::string_view end : ends)
          if (tokens_.current().is_name(end)) return made;
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
        output.expression = TRY(expressions_.tuple(true));
        if (tokens_.current().kind != Token::Kind::variable_end) return expected("'}}'");
        tokens_.take();
      }
      made.push_back(std::move(output));
    }
  }

  Result<Statement> statement() {
    const Token token = tokens_.current();
    const std::string& name = token.text;
    if (token.kind != Token::Kind::name) return expected("the name of a tag");
    tokens_.take();
    if (name == "if") return choose();
    if (name == "for") return loop();
    if (name == "set") return assign();
    if (name == "macro") return macro();
    if (name == "call") return call();
    if (name == "filter") return filter();
    if (name == "with") return with();
    if (name == "generation") return generation();
    if (name == "break" || name == "continue") {
      if (loops_ == 0) return tokens_.fail("'" + name + "' stands outside of a loop");
      return statement_of(name == "break" ? Statement::Kind::leave_loop
                                          : Statement::Kind::next_turn);
    }
    for (std::string_view other : {"include", "import", "from", "extends", "block"})
      if (name == other)
        return tokens_.fail(fmt::format(
            "'{}' joins templates, which a chat template may not; write all of it in one", name));
    return tokens_.fail(fmt::format(
        "there is no tag '{}' here; check its spelling and what it closes", printable(name)));
  }

  Statement statement_of(Statement::Kind kind) const {
    Statement made;
    made.kind = kind;
    made.line = tokens_.line();
    return made;
  }
  Error expected(const std::string& what) const {
    return tokens_.fail(what + " is expected here, not " + describe(tokens_.current()));
  }
  Result<void> end_of_tag() {
    if (tokens_.current().kind != Token::Kind::block_end) return expected("'%}'");
    tag_line_ = tokens_.take().line;
    return {};
  }
  // What follows the opening tag, with the closing name.
  Result<Body> closed_body(std::string_view end) {
    TRY(end_of_tag());
    Body made = TRY(body({end}));
    tokens_.take();
    return made;
  }

  Result<Statement> choose() {
    Statement made = statement_of(Statement::Kind::choose);
    for (;;) {
      Branch branch;
      branch.condition = TRY(expressions_.tuple(false));
      TRY(end_of_tag());
      branch.body = TRY(body({"elif", "else", "endif"}));
      made.branches.push_back(std::move(branch));
      const std::string end = tokens_.take().text;
      if (end == "endif") return made;
      if (end == "else") {
        made.branches.push_back({nullptr, TRY(closed_body("endif"))});
        return made;
      }
    }
  }

  Result<Statement> loop() {
    Statement made = statement_of(Statement::Kind::loop);
    made.targets.push_back(TRY(expressions_.target(false, true)));
    if (!tokens_.skip_name("in")) return expected("'in'");
    made.expression = TRY(expressions_.tuple(false, "recursive"));
    if (tokens_.skip_name("if")) made.condition = TRY(expressions_.expression());
    if (tokens_.current().is_name("recursive"))
      return tokens_.fail("recursive loops are not supported; use a macro that calls itself");
    TRY(end_of_tag());
    ++loops_;
    made.body = TRY(body({"else", "endfor"}));
    --loops_;
    if (tokens_.take().text == "else")
      made.branches.push_back({nullptr, TRY(closed_body("endfor"))});
    return made;
  }

  Result<Statement> assign() {
    Statement made = statement_of(Statement::Kind::assign);
    made.targets.push_back(TRY(expressions_.target(true, true)));
    if (tokens_.skip("=")) {
      made.expression = TRY(expressions_.tuple(true));
      return made;
    }
    made.kind = Statement::Kind::assign_body;
    made.expression = TRY(expressions_.filters(false));
    made.body = TRY(closed_body("endset"));
    return made;
  }

  Result<std::vector<Parameter>> parameters() {
    std::vector<Parameter> made;
    TRY(tokens_.expect("("));
    while (!tokens_.current().is(")")) {
      Parameter parameter;
      parameter.name = TRY(tokens_.expect_name("the name of a parameter"));
      if (tokens_.skip("=")) {
        parameter.standard = TRY(expressions_.expression());
      } else if (!made.empty() && made.back().standard) {
        return tokens_.fail("parameters without a value come before those with one");
      }
      made.push_back(std::move(parameter));
      if (!tokens_.current().is(")")) TRY(tokens_.expect(","));
    }
    tokens_.take();
    return made;
  }

  // Loops outside of a macro can not be left from inside.
  Result<Body> macro_body(std::string_view end) {
    const int loops = std::exchange(loops_, 0);
    Body made = TRY(closed_body(end));
    loops_ = loops;
    return made;
  }

  Result<Statement> macro() {
    Statement made = statement_of(Statement::Kind::macro);
    made.macro = std::make_unique<MacroSyntax>();
    made.macro->name = TRY(tokens_.expect_name("the name of the macro"));
    made.macro->parameters = TRY(parameters());
    made.macro->body = TRY(macro_body("endmacro"));
    return made;
  }

  Result<Statement> call() {
    Statement made = statement_of(Statement::Kind::call);
    made.macro = std::make_unique<MacroSyntax>();
    made.macro->name = "caller";
    if (tokens_.current().is("(")) made.macro->parameters = TRY(parameters());
    made.expression = TRY(expressions_.expression());
    const std::vector<Link>& links = made.expression->links;
    if (links.empty() || links.back().kind != Link::Kind::call)
      return tokens_.fail("'call' needs the call of a macro, such as {% call box() %}");
    made.macro->body = TRY(macro_body("endcall"));
    return made;
  }

  Result<Statement> filter() {
    Statement made = statement_of(Statement::Kind::filter);
    made.expression = TRY(expressions_.filters(true));
    made.body = TRY(closed_body("endfilter"));
    return made;
  }

  Result<Statement> with() {
    Statement made = statement_of(Statement::Kind::scope);
    while (tokens_.current().kind != Token::Kind::block_end) {
      if (!made.targets.empty()) TRY(tokens_.expect(","));
      made.targets.push_back(TRY(expressions_.target(false, false)));
      TRY(tokens_.expect("="));
      made.values.push_back(TRY(expressions_.expression()));
    }
    made.body = TRY(closed_body("endwith"));
    return made;
  }

  // transformers marks what a model generates with this block; for a prompt it is just its body.
  Result<Statement> generation() {
    Statement made = statement_of(Statement::Kind::scope);
    made.body = TRY(macro_body("endgeneration"));
    return made;
  }

  TokenStream tokens_;
  Template parsed_;
  ExpressionParser expressions_;
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
