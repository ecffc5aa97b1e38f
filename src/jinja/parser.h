// Chat templates from text to a tree of statements and expressions. Chains such as a + b + c and
// a.b|f(c) are lists inside one node, so that the depth of the tree is the nesting in the source
// and nothing else; the parser limits it.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jinja/value.h"

namespace weir::jinja {

constexpr size_t kSourceBytesMax = size_t(1) << 20;

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

// f(a, key=b, *list, **dict)
struct ArgumentList {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<Text, ExpressionPtr>> named;
  ExpressionPtr list, dict;  // null without
};

// One step of a chain, applied to what is on its left.
struct Link {
  enum class Kind { attribute, item, slice, call, filter, test } kind = Kind::attribute;
  int line = 0;
  std::string name = {};                   // of attribute, filter and test
  bool is_negated = false;                 // of a test
  std::vector<ExpressionPtr> bounds = {};  // item: 1; slice: begin, end, step, each possibly null
  ArgumentList arguments = {};
};

struct Expression {
  enum class Kind {
    literal,      // value
    name,         // name
    list,         // parts
    tuple,        // parts
    dict,         // parts: key, value, key, value ...
    conditional,  // parts: condition, then, else (null without)
    any,          // parts: a or b or ...
    all,          // parts: a and b and ...
    inverted,     // parts: not a
    compare,      // parts[0] operators[0] parts[1] ...
    arithmetic,   // the same, evaluated from the left
    concat,       // parts: a ~ b ~ ...
    negative,     // parts: -a
    positive,     // parts: +a
    chain,        // parts[0], then links
  } kind = Kind::literal;
  int line = 0;
  Value value = {};
  std::string name = {};
  std::vector<ExpressionPtr> parts = {};
  std::vector<std::string_view> operators = {};  // names of constants
  std::vector<Link> links = {};
};

struct Statement;
using Body = std::vector<Statement>;

// Where a value goes: a name, an attribute of a namespace, or several targets for a sequence.
struct Target {
  std::string name = {};
  Text attribute = {};             // null: the name itself
  std::vector<Target> parts = {};  // of a tuple; then the name is empty
};

struct Branch {
  ExpressionPtr condition;  // null: else
  Body body;
};

struct Parameter {
  std::string name;
  ExpressionPtr standard;  // the value without an argument; null without
};

// What macro, call block and caller() run.
struct MacroSyntax {
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
};

struct Statement {
  enum class Kind {
    text,         // expression: a literal
    output,       // expression
    choose,       // branches
    loop,         // targets[0], expression, condition or null, body, branches[0] for else
    assign,       // targets[0], expression
    assign_body,  // targets[0], body, expression: a chain of filters on nothing, or null
    scope,        // targets and values (with), body (with, generation)
    macro,        // macro
    call,         // macro (the body), expression (the call)
    filter,       // expression: a chain of filters on nothing; body
    leave_loop,
    next_turn,
  } kind = Kind::text;
  int line = 0;
  ExpressionPtr expression = {}, condition = {};
  std::vector<Target> targets = {};
  std::vector<ExpressionPtr> values = {};
  std::vector<Branch> branches = {};
  Body body = {};
  std::unique_ptr<MacroSyntax> macro = {};
};

struct Template {
  Body body;
  std::set<std::string, std::less<>> names;  // every variable that is read somewhere
  // The last name of every value that is tested with "is none": content of message['content'].
  std::set<std::string, std::less<>> tested_for_none = {};
};

// Fails with one sentence that begins with "line N: ", also when the template is over a limit, is
// no UTF-8, or asks for another template (include, import, extends).
Result<Template> parse_template(std::string_view source);

}  // namespace weir::jinja
