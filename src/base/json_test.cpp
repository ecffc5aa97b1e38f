#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/atomic_output.h"
#include "base/file.h"
#include "testing/work_fixture.h"

namespace weir {
namespace {

// The error of parsing `text`, "" when there is none.
std::string error_of(std::string_view text, JsonLimits limits = {}) {
  auto json = parse_json(text, limits);
  return json ? "" : json.error().message;
}
std::string rewritten(std::string_view text, int indent = -1) {
  auto json = parse_json(text);
  return json ? json->dump(indent) : json.error().message;
}

TEST(Json, KeepsEveryKindAndTheOrderOfKeys) {
  auto json =
      parse_json(R"( {"z": [null, true, -3, 0.5, "x"], "a": {}, "m": 18446744073709551615} )");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->dump(), R"({"z":[null,true,-3,0.5,"x"],"a":{},"m":18446744073709551615})");
  const std::vector<Json>& z = json->find("z")->items();
  EXPECT_TRUE(z[0].is_null());
  EXPECT_EQ(z[1].kind(), Json::Kind::boolean);
  EXPECT_EQ(z[2].kind(), Json::Kind::integer);
  EXPECT_EQ(z[3].kind(), Json::Kind::real);
  EXPECT_TRUE(z[4].is_string());
  EXPECT_EQ(json->find("m")->kind(), Json::Kind::unsigned_integer);
  EXPECT_EQ(json->size(), 3u);
  EXPECT_EQ(json->find("none"), nullptr);
  EXPECT_EQ(z[4].find("x"), nullptr);
  for (const char* text : {"null", "true", "7", "\"\"", "[]", "0.25"})
    EXPECT_EQ(rewritten(text), text);
}

TEST(Json, TypedReadsSayWhatWasFound) {
  Json json = *parse_json(R"({"s": "x", "i": -3, "r": 1.5, "whole": 1e4, "b": false,
                              "u": 18446744073709551615, "far": 1e300, "n": null, "l": [1]})");
  auto at = [&](const char* key) -> const Json& { return *json.find(key); };
  EXPECT_EQ(*at("s").as_string(), "x");
  EXPECT_EQ(at("s").text(), "x");
  EXPECT_EQ(at("i").text(), "");
  EXPECT_EQ(*at("i").as_int(), -3);
  EXPECT_EQ(*at("i").as_double(), -3.0);
  EXPECT_EQ(*at("whole").as_int(), 10000);
  EXPECT_EQ(*at("whole").as_uint(), 10000u);
  EXPECT_EQ(*at("b").as_bool(), false);
  EXPECT_EQ(*at("u").as_uint(), UINT64_MAX);
  EXPECT_EQ(*at("u").as_double(), 0x1p64);
  EXPECT_EQ(at("u").as_int().error().message, "is too large");
  EXPECT_EQ(at("far").as_int().error().message, "is too large");
  EXPECT_EQ(at("i").as_uint().error().message, "must not be negative");
  EXPECT_EQ(at("r").as_int().error().message, "must be a whole number, not 1.5");
  EXPECT_EQ(at("s").as_int().error().message, "must be a whole number, not a string");
  EXPECT_EQ(at("n").as_double().error().message, "must be a number, not null");
  EXPECT_EQ(at("i").as_bool().error().message, "must be true or false, not a whole number");
  EXPECT_EQ(at("l").as_string().error().message, "must be a string, not a list");
  EXPECT_EQ(*json.at("i"), json.find("i"));
  EXPECT_EQ(json.at("none").error().message, "'none' is missing");
  EXPECT_EQ(at("l").at("x").error().message, "must be an object, not a list");
}

TEST(Json, F4IntegersOfAnyLengthKeepTheirDigits) {
  for (const char* digits :
       {"18446744073709551615", "18446744073709551616", "-9223372036854775809",
        "717897987691852588770249", "-2361183241434822606848",
        "1000000000000000000000000000000000000000000000000000000000000000000007"}) {
    EXPECT_EQ(rewritten(digits), digits);
    EXPECT_EQ(parse_json(digits)->number_text(), digits);
  }
  const Json json = *parse_json(R"([2.50, 1e3, 0.1000000000000000055511151231257827, -0, "2.50"])");
  EXPECT_EQ(json.items()[0].number_text(), "2.50");
  EXPECT_EQ(json.items()[0].text(), "");
  EXPECT_EQ(json.items()[0].dump(), "2.5");  // reals are written in their shortest form
  EXPECT_EQ(json.items()[1].number_text(), "1e3");
  EXPECT_EQ(*json.items()[1].as_int(), 1000);
  EXPECT_EQ(json.items()[2].number_text(), "0.1000000000000000055511151231257827");
  EXPECT_EQ(*json.items()[2].as_double(), 0.1);
  EXPECT_EQ(json.items()[4].number_text(), "");
  EXPECT_EQ(Json(2.5).number_text(), "2.5");
  EXPECT_EQ(Json(7).number_text(), "7");
  EXPECT_EQ(parse_json("18446744073709551616")->as_uint().error().message, "is too large");
  EXPECT_EQ(*parse_json("18446744073709551616")->as_double(), 0x1p64);
}

// Keeps what it is given, up to a limit.
class Taken final : public JsonElements {
 public:
  explicit Taken(size_t most = 1000) : most_(most) {}
  Result<void> take(Json element) override {
    if (elements.size() == most_) return Error{"enough"};
    elements.push_back(std::move(element));
    return {};
  }
  std::vector<Json> elements;

 private:
  size_t most_;
};

TEST(Json, F15ElementsOfAnArrayAreHandedOverOneAtATime) {
  auto taken = [](std::string_view text, JsonLimits limits = {}, size_t most = 1000) {
    Taken into(most);
    Result<void> read = parse_json_array(text, limits, into);
    std::string all;
    for (const Json& element : into.elements) all += element.dump() + ";";
    return all + (read ? "" : read.error().message);
  };
  EXPECT_EQ(taken("[]"), "");
  EXPECT_EQ(taken(R"( [1, [2, [3]], {"a": {"b": []}}, null, "x"] )"),
            R"(1;[2,[3]];{"a":{"b":[]}};null;"x";)");
  EXPECT_EQ(taken("[1, 2, 3]", {}, 2), "1;2;enough");
  for (const char* text : {"{}", "1", "\"x\"", "null"})
    EXPECT_NE(taken(text).find("must be an array"), std::string::npos) << text;
  EXPECT_NE(taken("[1, 2").find("line 1, column 6"), std::string::npos) << taken("[1, 2");
  EXPECT_NE(taken("[1, {\"a\": 1, \"a\": 2}]").find("'a' appears twice"), std::string::npos);
  EXPECT_NE(taken("[1] 2").find("unexpected number"), std::string::npos) << taken("[1] 2");
  // Limits hold for each element, not for all together.
  const JsonLimits limits{.depth = 3, .bytes = 12, .values = 4};
  EXPECT_EQ(taken("[[1,2,3],[4,5,6],[7,8,9],[0,0,0]]", limits), "[1,2,3];[4,5,6];[7,8,9];[0,0,0];");
  EXPECT_NE(taken("[[1],[1,2,3,4]]", limits).find("[1];line 1"), std::string::npos);
  EXPECT_NE(taken("[1,\"0123456789abcdef\"]", limits).find("an element of more than 12"),
            std::string::npos);
  EXPECT_NE(taken("[[[[1]]]]", limits).find("nested deeper than 3"), std::string::npos);
}

TEST(Json, IsBuiltAndWritten) {
  Json json = Json::object();
  json.set("a", 1);
  json.set("list", Json::array()).push("x");
  json.set("empty", Json::object());
  json.set("a", 2.0);  // replaces, keeps the place
  EXPECT_EQ(json.dump(), R"({"a":2.0,"list":["x"],"empty":{}})");
  EXPECT_EQ(json.dump(2), "{\n  \"a\": 2.0,\n  \"list\": [\n    \"x\"\n  ],\n  \"empty\": {}\n}");
  EXPECT_EQ(rewritten(json.dump(2)), json.dump());
  Json copy = json;
  copy.set("a", 3);
  EXPECT_EQ(*json.find("a")->as_int(), 2) << "copies are deep";
}

TEST(Json, NumbersAreExactOrRefused) {
  EXPECT_EQ(rewritten("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(rewritten("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(rewritten("18446744073709551615"), "18446744073709551615");
  // Beyond 64 bits a whole number becomes the nearest real, and no longer reads as a whole number.
  for (const char* text : {"18446744073709551616", "-9223372036854775809"}) {
    auto json = parse_json(text);
    ASSERT_TRUE(json);
    EXPECT_EQ(json->kind(), Json::Kind::real);
    EXPECT_FALSE(json->as_int());
    EXPECT_FALSE(json->as_uint());
  }
  EXPECT_EQ(error_of("[1,\n 1e999]"), "line 2, column 6: number 1e999 is out of range");
  EXPECT_NE(error_of("-1e999"), "");
  EXPECT_NE(error_of(std::string(1000, '9')), "");
  EXPECT_LT(error_of(std::string(1000, '9')).size(), 100u);
  EXPECT_EQ(*parse_json("1e-999")->as_double(), 0.0);
  for (const char* text :
       {"01", "+1", ".5", "1.", "1e", "0x10", "NaN", "Infinity", "-", "--1", "1 2"})
    EXPECT_NE(error_of(text), "") << text;
}

TEST(Json, RealsComeBackBitByBit) {
  const double smallest = std::numeric_limits<double>::denorm_min();
  for (double v : {0.1, 1.0 / 3, 1e300, -1e-300, 5e-324, 1e21, 123456789012345680.0, 2.0, -0.0,
                   smallest, std::numeric_limits<double>::max()}) {
    auto read = parse_json(Json(v).dump());
    ASSERT_TRUE(read) << Json(v).dump();
    ASSERT_EQ(read->kind(), Json::Kind::real) << Json(v).dump();
    EXPECT_EQ(std::signbit(*read->as_double()), std::signbit(v));
    EXPECT_EQ(*read->as_double(), v);
  }
  EXPECT_EQ(Json(std::nan("")).dump(), "null");
  EXPECT_EQ(Json(HUGE_VAL).dump(), "null");
}

TEST(Json, StringsAreEscapedAndComeBack) {
  EXPECT_EQ(rewritten(R"("\u00e9\ud83d\ude00\u0000\/\b\f\n\r\t\"\\")"),
            "\"\u00e9\U0001f600\\u0000/\\u0008\\u000c\\n\\r\\t\\\"\\\\\"");
  for (int c = 0; c < 128; ++c) {
    std::string text = {'a', char(c), 'b'};
    auto read = parse_json(Json(text).dump());
    ASSERT_TRUE(read) << c;
    EXPECT_EQ(read->text(), text);
  }
  EXPECT_EQ(Json("a\xff\xc3z\xc3").dump(), "\"a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\"");
  std::string bad(100'000, '\xff');
  EXPECT_EQ(Json(bad).dump().size(), 300'002u);
}

TEST(Json, RefusesWhatIsNoUnicode) {
  for (const char* text :
       {R"("\ud800")", R"("\udc00")", R"("\ud800\u0041")", R"("\ud800x")", R"("\ud83d\ud83d")",
        R"("\u12")", R"("\x41")", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\"\x01\"", "\"\n\"", "\"a\tb\"", "\xff"})
    EXPECT_NE(error_of(text), "") << text;
}

TEST(Json, RefusesNulAndByteOrderMark) {
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(error_of("{}\0garbage"sv), "line 1, column 3: a NUL byte");
  EXPECT_EQ(error_of("{}\n\0"sv), "line 2, column 1: a NUL byte");
  EXPECT_EQ(error_of("[\"a\0b\"]"sv), "line 1, column 4: a NUL byte");
  EXPECT_EQ(error_of("\0"sv), "line 1, column 1: a NUL byte");
  EXPECT_EQ(error_of("\xef\xbb\xbf{}"),
            "line 1, column 1: begins with a byte order mark; remove it");
}

TEST(Json, ErrorsGiveLineAndColumn) {
  EXPECT_EQ(error_of("{\n  \"a\": tru\n}").substr(0, 16), "line 2, column 1");
  EXPECT_EQ(
      error_of("[1,]"),
      "line 1, column 4: syntax error while parsing value - unexpected ']'; expected '[', '{', "
      "or a literal");
  EXPECT_NE(error_of("").find("line 1, column 1: syntax error"), std::string::npos) << error_of("");
  EXPECT_EQ(error_of("{} x").substr(0, 17), "line 1, column 4:") << error_of("{} x");
  for (const char* text : {"// c\n1", "/* c */ 1", "{'a': 1}", "{a: 1}", "[1 2]", "{\"a\" 1}",
                           "{\"a\":}", "{1: 2}", "]", "}", "[}", "{]", "True", "nul", "\"", "\"\\"})
    EXPECT_EQ(error_of(text).substr(0, 5), "line ") << text;
}

TEST(Json, RefusesKeysThatAppearTwice) {
  EXPECT_EQ(error_of("{\"a\": 1,\n \"b\": 2, \"a\": 3}"),
            "line 2, column 12: key 'a' appears twice");
  EXPECT_EQ(error_of(R"({"a": {"b": 1}, "c": {"b": 1}})"), "") << "in different objects it may";
  EXPECT_NE(error_of(R"({"a": 1, "\u0061": 2})"), "") << "the spelling does not matter";
  std::string many = "{";
  for (int i = 0; i < 1000; ++i) many += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(error_of(many + "\"x\":0}"), "");
  EXPECT_NE(error_of(many + "\"k500\":0}").find("key 'k500' appears twice"), std::string::npos);
  std::string longest(1000, 'k');
  EXPECT_LT(error_of("{\"" + longest + "\":1,\"" + longest + "\":1}").size(), 150u);
  EXPECT_EQ(error_of("{\"\\u001b[2J\":1,\"\\u001b[2J\":1}"),
            "line 1, column 26: key '?[2J' appears twice");
}

TEST(Json, HasLimits) {
  for (const char* bracket : {"[", "{\"a\":"}) {
    std::string bomb;
    for (int i = 0; i < 100'000; ++i) bomb += bracket;
    EXPECT_NE(error_of(bomb).find("nested deeper than 64 levels"), std::string::npos);
  }
  auto nested = [](int depth) {
    return std::string(size_t(depth), '[') + std::string(size_t(depth), ']');
  };
  EXPECT_EQ(error_of(nested(64)), "");
  EXPECT_EQ(error_of(nested(65)), "line 1, column 65: nested deeper than 64 levels");
  EXPECT_EQ(error_of(nested(3), {.depth = 3}), "");
  EXPECT_NE(error_of(nested(4), {.depth = 3}), "");
  EXPECT_EQ(error_of("[1,2]", {.bytes = 5}), "");
  EXPECT_EQ(error_of("[1,2] ", {.bytes = 5}), "JSON of 6 B is over the limit of 5 B");
  EXPECT_EQ(error_of("[1,2]", {.values = 3}), "");
  EXPECT_NE(error_of("[1,2]", {.values = 2}).find("more than 2 values"), std::string::npos);
}

// Every beginning of a document is an error with a place, and so is every single byte gone wrong
// unless the result is JSON again, which then comes back as it was.
TEST(Json, SurvivesTruncationAndDamage) {
  const std::string text =
      R"({"key": [1, -2.5e3, true, false, null, "a\u00e9\n"], "o": {"x": {}, "y": []}, "é": 0})";
  ASSERT_EQ(error_of(text), "");
  for (size_t n = 0; n < text.size(); ++n)
    EXPECT_EQ(error_of(text.substr(0, n)).substr(0, 5), "line ") << text.substr(0, n);
  for (size_t i = 0; i < text.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string damaged = text;
      damaged[i] = char(byte);
      auto json = parse_json(damaged);
      if (!json) {
        ASSERT_EQ(json.error().message.substr(0, 5), "line ") << damaged;
        continue;
      }
      std::string written = json->dump();
      ASSERT_EQ(rewritten(written), written) << damaged;
    }
  }
}

TEST(Json, ReadsFilesAndNamesThem) {
  std::string path = testing::TempDir() + "weir_json_test.json";
  ASSERT_TRUE(write_file_atomic(path, "{\"a\": 1}\n"));
  EXPECT_EQ(read_json_file(path)->dump(), "{\"a\":1}");
  ASSERT_TRUE(write_file_atomic(path, "{\"a\": }\n"));
  EXPECT_EQ(read_json_file(path).error().message.substr(0, path.size() + 18),
            path + ": line 1, column 7");
  EXPECT_FALSE(read_json_file(path, {.bytes = 4}));
  ASSERT_TRUE(remove_all(path));
  EXPECT_EQ(read_json_file(path).error().message.substr(0, path.size() + 2), path + ": ");
}

std::string vocabulary(size_t tokens) {
  std::string text = "{\"vocab\": {";
  for (size_t i = 0; i < tokens; ++i)
    text +=
        (i ? "," : "") + std::string("\"token-") + std::to_string(i) + "\": " + std::to_string(i);
  text += "}, \"merges\": [";
  for (size_t i = 0; i < tokens; ++i)
    text += (i ? "," : "") + std::string("[\"left") + std::to_string(i) + "\", \"right\"]";
  return text + "]}";
}

// The work must not grow with the square of the keys (F32: of two sizes, not in seconds).
TEST(Json, AVocabularyTakesLittleTime) {
  auto json = parse_json(vocabulary(250'000));  // as large as a published tokenizer
  ASSERT_TRUE(json);
  EXPECT_EQ(json->find("vocab")->size(), 250'000u);
  expect_linear_work(4000, [](size_t tokens) { EXPECT_TRUE(parse_json(vocabulary(tokens))); });
}

}  // namespace
}  // namespace weir
