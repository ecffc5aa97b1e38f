// JSON Schema against cases that Python's jsonschema judged (tools/make_schema_golden.py).
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "testing/grammar_support.h"

namespace weir {
namespace {

std::vector<Json> read_cases(const std::string& path) {
  std::vector<Json> cases;
  for (const std::string& line : split(*read_file(path), '\n'))
    if (!line.empty()) cases.push_back(*parse_json(line));
  return cases;
}

// Every case names its schema, a text, and whether the text validates.
TEST(SchemaCases, AgreeWithTheReference) {
  const std::vector<Json> cases =
      read_cases(std::string(WEIR_SOURCE_DIR) + "/src/testing/data/schema_cases.jsonl");
  ASSERT_GT(cases.size(), 100u);
  for (const Json& one : cases) {
    const std::string schema = one.find("schema")->text();
    FormJudge judge(OutputKind::json_schema, schema);
    ASSERT_EQ(judge.error, "") << schema;
    for (const Json& text : one.find("valid")->items())
      EXPECT_TRUE(judge.accepts(text.text())) << schema << " should have " << text.text();
    for (const Json& text : one.find("invalid")->items())
      EXPECT_FALSE(judge.accepts(text.text())) << schema << " should not have " << text.text();
  }
}

// For tools/check_json_schema.py: judges the cases of one file into another.
TEST(SchemaCases, OfAFileAreJudged) {
  const char *given = std::getenv("WEIR_SCHEMA_CASES"),
             *wanted = std::getenv("WEIR_SCHEMA_RESULTS");
  if (!given || !wanted) GTEST_SKIP() << "tools/check_json_schema.py names the files";
  std::ofstream results(wanted);
  std::string known;
  std::unique_ptr<FormJudge> judge;
  for (const Json& one : read_cases(given)) {
    const std::string& schema = one.find("schema")->text();
    if (!judge || schema != known)
      judge = std::make_unique<FormJudge>(OutputKind::json_schema, schema);
    known = schema;
    Json result = Json::object();
    if (judge->error.empty())
      result.set("accepted", judge->accepts(one.find("text")->text()));
    else
      result.set("error", judge->error);
    results << result.dump() << '\n';
  }
}

TEST(JsonSchema, NamesTheKeywordAndItsPlace) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"not": {"type": "null"}})", "'not' at the root is not supported"},
      {R"({"properties": {"a": {"if": {}}}})", "'if' at /properties/a"},
      {R"({"items": {"contains": {}}})", "'contains' at /items"},
      {R"({"minimun": 3})", "'minimun' at the root"},
      {R"({"type": "strin"})", "'type' at the root must be"},
      {R"({"type": "string", "minLength": -1})", "'minLength' at the root must be"},
      {R"({"type": "array", "uniqueItems": true})", "'uniqueItems' at the root"},
      {R"({"items": [{}]})", "prefixItems"},
      {R"({"format": "iri"})", "'format' at the root: 'iri'"},
      {R"({"pattern": "(?=a)b"})", "lookaheads"},
      {R"({"$ref": "#/$defs/x"})", "leads nowhere"},
      {R"({"$ref": "http://example.com/x"})", "leads nowhere"},
      {R"({"oneOf": [{"type": "integer"}, {"minimum": 2}]})", "may match the same value"},
      {R"({"type": "number", "multipleOf": 0.3})", "'multipleOf' at the root must be"},
      {R"({"type": "object", "minProperties": 2})", "'minProperties' at the root"},
      {R"({"enum": []})", "'enum' at the root must be"},
      {R"([1])", "must be an object, true or false"},
      {R"({"a": 1)", "line 1"}};
  for (const auto& [schema, message] : rows) {
    const FormJudge judge(OutputKind::json_schema, schema);
    EXPECT_NE(judge.error.find(message), std::string::npos) << schema << ": " << judge.error;
  }
}

TEST(JsonSchema, OneOfNeedsBranchesThatExcludeEachOther) {
  const std::pair<const char*, bool> rows[] = {
      {R"([{"const": 0}, {"type": "object"}])", true},
      {R"([{"const": 1.5}, {"type": "integer"}])", true},
      {R"([{"const": 1.0}, {"type": "integer"}])", false},
      {R"([{"const": 1.5}, {"type": "number"}])", false},
      {R"([{"const": 1}, {"const": 1.0}])", false},
      {R"([{"const": 100}, {"const": 1e2}])", false},
      {R"([{"const": {"a": 1, "b": [2]}}, {"const": {"b": [2.0], "a": 1}}])", false},
      {R"([{"const": [1, 2]}, {"const": [2, 1]}])", true},
      {R"([{"enum": [1, "a", null]}, {"type": ["array", "boolean"]}])", true},
      {R"([{"enum": [1, "a", null]}, {"type": ["array", "string"]}])", false},
      {R"([{"enum": [1, "a"], "type": "integer"}, {"type": "string"}])", true},
      {R"([{"enum": [1, "a"]}, {"enum": ["a", 2], "type": "integer"}])", true},
      {R"([{"allOf": [{"enum": [1, 2]}, {"enum": [2, 3]}]}, {"enum": [1, 3]}])", true},
      {R"([{"type": "integer"}, {"type": "number"}])", false},
      {R"([{"const": -1}, {"type": "integer", "minimum": 0}])", true},
      {R"([{"const": 0.0}, {"type": "integer", "minimum": 0}])", false},
      {R"([{"type": "number", "maximum": 2}, {"type": "number", "exclusiveMinimum": 2}])", true},
      {R"([{"type": "number", "maximum": 2}, {"type": "number", "minimum": 2}])", false},
      {R"([{"maximum": 2}, {"minimum": 3}])", false},
      {R"([{"properties": {"k": {"const": 1}}, "required": ["k"], "type": "object"},
           {"properties": {"k": {"type": "string"}}, "required": ["k"], "type": "object"}])",
       true}};
  for (const auto& [branches, exclude] : rows) {
    const FormJudge judge(OutputKind::json_schema, std::string(R"({"oneOf": )") + branches + "}");
    EXPECT_EQ(judge.error.find("may match the same value") == std::string::npos, exclude)
        << branches << ": " << judge.error;
  }
}

TEST(JsonSchema, FormatsAreThoseOfTheirStandards) {
  const struct {
    const char* format;
    std::vector<std::string> valid, invalid;
  } rows[] = {
      {"hostname",
       {"a", "ab", "a-b", "a--b", "abc-d", "a1.example.org", std::string(63, 'x'), "ab-c--d"},
       {"", "-a", "a-", "a..b", "xn--fsq", "ab--", "ab--c", "a.XN--b", std::string(64, 'x')}},
      {"uri",
       {"http://example.com:80/a/b?c=d/?e#f", "file:///etc/hosts", "mailto:a@b.org", "urn:a:b",
        "ldap://[2001:db8::7]/c=GB?objectClass?one", "http://u:p@h/%41//", "a:/", "a:/b//c"},
       {"", "a", "//a", "http://example.com:abc/path", "http://[::1/", "a:%4", "a:b c", "1a:b",
        "a:b#c#d", "http://a@b@c/"}}};
  for (const auto& [format, valid, invalid] : rows) {
    FormJudge judge(OutputKind::json_schema,
                    std::string(R"({"type": "string", "format": ")") + format + "\"}");
    EXPECT_EQ(judge.error, "") << format;
    for (const std::string& text : valid) EXPECT_TRUE(judge.accepts('"' + text + '"')) << text;
    for (const std::string& text : invalid) EXPECT_FALSE(judge.accepts('"' + text + '"')) << text;
  }
}

TEST(JsonSchema, ThatMatchesNothingIsAnError) {
  for (const char* schema :
       {"false", R"({"type": "integer", "minimum": 5, "maximum": 4})",
        R"({"type": "string", "minLength": 3, "maxLength": 2})",
        R"({"allOf": [{"type": "string"}, {"type": "null"}]})",
        R"({"enum": [1, 2], "type": "string"})",
        R"({"type": "object", "required": ["a"], "additionalProperties": false})",
        R"({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]})",
        R"({"type": "array", "minItems": 1, "items": false})",
        R"({"const": "abc", "pattern": "^x"})",
        R"({"type": "string", "pattern": "^a{3}$", "maxLength": 2})"}) {
    const FormJudge judge(OutputKind::json_schema, schema);
    EXPECT_NE(judge.error.find("can match nothing"), std::string::npos)
        << schema << ": " << judge.error;
  }
}

TEST(JsonSchema, OfHostileSizeIsRefusedOrSmall) {
  std::string wide = R"({"type":"object","properties":{)";
  for (int i = 0; i < 1500; ++i)
    wide += (i ? "," : "") + ("\"p" + std::to_string(i)) + R"(":{"type":"integer"})";
  FormJudge judge(OutputKind::json_schema, wide + "}}");
  EXPECT_EQ(judge.error, "");
  EXPECT_TRUE(judge.accepts(R"({"p3": 1, "p1499": 2, "other": [3]})"));
  EXPECT_TRUE(judge.accepts(R"({"p1498": 1 , "other": [3], "more": {}})"));
  EXPECT_FALSE(judge.accepts(R"({"p3": 1, "p2": 2})"));
  EXPECT_FALSE(judge.accepts(R"({"p3": 1, "p1499": [2]})"));
  FormJudge long_text(OutputKind::json_schema, R"({"type":"string","maxLength":1000000})");
  EXPECT_EQ(long_text.error, "");
  EXPECT_TRUE(long_text.accepts('"' + std::string(100000, 'x') + '"'));
  // Copies of a repeated part multiply states; where it is counted instead, only stacks.
  const FormJudge copied(OutputKind::json_schema, R"({"pattern":"^[ab]*a[ab]{18}$"})");
  EXPECT_NE(copied.error.find("more than 20000 states"), std::string::npos) << copied.error;
  FormJudge counted(OutputKind::json_schema, R"({"pattern":"^(a|b)*a(a|b){18}$"})");
  EXPECT_EQ(counted.error, "");
  EXPECT_TRUE(counted.accepts("\"bbba" + std::string(18, 'b') + '"'));
  EXPECT_FALSE(counted.accepts("\"bbba" + std::string(19, 'b') + '"'));
}

}  // namespace
}  // namespace weir
