#include "base/options.h"

#include <gtest/gtest.h>

#include "base/atomic_output.h"
#include "base/file.h"

namespace weir {
namespace {

// A struct as the layers above have them.
struct Options {
  std::string run = "runs/x";
  int steps = 100;
  int64_t tokens = 0;
  double lr = 3e-4;
  bool recompute = false;
  std::string schedule = "cosine";
  std::vector<std::string> paths;
  Json model;
};

Result<Options> read(const Recipe& recipe) {
  Options o;
  OptionReader in(recipe);
  in.field("run", o.run);
  in.field("steps", o.steps, 1, 1'000'000);
  in.field("tokens", o.tokens, 0, INT64_MAX);
  in.field("recompute", o.recompute);
  in.field("paths", o.paths);
  in.field("model", o.model);
  OptionReader train = in.section("train");
  train.field("lr", o.lr, 0, 10);
  train.choice("schedule", o.schedule, {"cosine", "constant"});
  TRY(train.finish());
  TRY(in.finish());
  return o;
}

Result<Options> read(const std::string& text, const std::vector<std::string>& sets = {}) {
  Recipe recipe = TRY(Recipe::parse(text, "r.yaml"));
  for (const std::string& set : sets) TRY(recipe.set(set));
  return read(recipe);
}
std::string error_of(const std::string& text, const std::vector<std::string>& sets = {}) {
  auto options = read(text, sets);
  return options ? "" : options.error().message;
}
std::string parse_error(std::string_view text) {
  auto recipe = Recipe::parse(text, "r.yaml");
  return recipe ? "" : recipe.error().message;
}

constexpr const char* kRecipe = R"(# a comment
run: runs/demo
steps: 7
tokens: 9000000000
recompute: true
paths: [a.txt, "b c.txt"]
model:
  hidden: 64
train:
  lr: 1e-3
  schedule: constant
)";

TEST(Options, AreReadIntoTheStruct) {
  auto o = read(kRecipe);
  ASSERT_TRUE(o) << o.error().message;
  EXPECT_EQ(o->run, "runs/demo");
  EXPECT_EQ(o->steps, 7);
  EXPECT_EQ(o->tokens, 9'000'000'000);
  EXPECT_EQ(o->lr, 1e-3);
  EXPECT_TRUE(o->recompute);
  EXPECT_EQ(o->schedule, "constant");
  EXPECT_EQ(o->paths, (std::vector<std::string>{"a.txt", "b c.txt"}));
  EXPECT_EQ(o->model.dump(), R"({"hidden":64})");
  EXPECT_EQ(read("paths: one.txt")->paths, std::vector<std::string>{"one.txt"});
  EXPECT_EQ(read("steps: 1e3")->steps, 1000) << "a real without fraction";
  EXPECT_EQ(read("train:\nsteps: 5")->lr, 3e-4) << "an empty section keeps the defaults";
}

TEST(Options, ErrorsNameFileLineKeyAndValue) {
  struct Case {
    const char *text, *message;
  };
  for (const Case& c : {
           Case{"run: x\ntrain:\n  lr: fast", "r.yaml:3: 'train.lr' must be a number, not 'fast'"},
           {"train: {lr: 11}", "r.yaml:1: 'train.lr' must be between 0 and 10, not 11"},
           {"train: {lr: .nan}", "r.yaml:1: 'train.lr' must be a number, not '.nan'"},
           {"train: {schedule: linear}",
            "r.yaml:1: 'train.schedule' must be one of cosine, constant, not 'linear'"},
           {"train: {schedule: 1}",
            "r.yaml:1: 'train.schedule' must be one of cosine, constant, not 1"},
           {"train: 5", "r.yaml:1: 'train' must be a section with keys of its own, not 5"},
           {"steps: 0", "r.yaml:1: 'steps' must be between 1 and 1000000, not 0"},
           {"steps: 99999999999",
            "r.yaml:1: 'steps' must be between 1 and 1000000, not 99999999999"},
           {"steps: 1.5", "r.yaml:1: 'steps' must be a whole number, not 1.5"},
           {"steps: '7'", "r.yaml:1: 'steps' must be a whole number, not '7'"},
           {"steps:", "r.yaml:1: 'steps' must be a whole number, not nothing"},
           {"tokens: -1", "r.yaml:1: 'tokens' must be at least 0, not -1"},
           {"tokens: 18446744073709551615",
            "r.yaml:1: 'tokens' must be at least 0, not 18446744073709551616.0"},
           {"recompute: 1", "r.yaml:1: 'recompute' must be true or false, not 1"},
           {"recompute: yes", "r.yaml:1: 'recompute' must be true or false, not 'yes'"},
           {"run: 5", "r.yaml:1: 'run' must be text, not 5; put it in quotes"},
           {"paths: [a, 5]",
            "r.yaml:1: 'paths' must be text or a list of texts, not a list with 5"},
           {"paths: {a: b}", "r.yaml:1: 'paths' must be text or a list of texts, not a section"},
           {"run: x\nstesp: 1", "r.yaml:2: 'stesp' is no known key; did you mean 'steps'?"},
           {"train: {rate: 1, x: 1}",
            "r.yaml:1: 'train.rate' is no known key; known here are lr, schedule"},
           {"steps: 0\nrun: 5", "r.yaml:2: 'run' must be text, not 5; put it in quotes"},
       })
    EXPECT_EQ(error_of(c.text), c.message);
}

TEST(Options, AnErrorOfTheCallersOwnHasThePlaceToo) {
  auto recipe = Recipe::parse("a:\n  b: 1", "r.yaml");
  OptionReader in(*recipe);
  EXPECT_TRUE(in.has("a"));
  EXPECT_FALSE(in.has("b"));
  EXPECT_EQ(in.section("a").error("b", "is odd").message, "r.yaml:2: 'a.b' is odd");
  EXPECT_EQ(in.error("c", "is missing").message, "r.yaml: 'c' is missing");
}

TEST(Options, SetReplacesAndAdds) {
  auto o =
      read(kRecipe, {"train.lr=2e-3", "steps = 9", "paths=[x, y]", "model=v2-lite", "run=\"5\""});
  ASSERT_TRUE(o) << o.error().message;
  EXPECT_EQ(o->lr, 2e-3);
  EXPECT_EQ(o->steps, 9);
  EXPECT_EQ(o->paths, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(o->model.text(), "v2-lite");
  EXPECT_EQ(o->run, "5");
  EXPECT_EQ(read("run: x", {"train.lr=1"})->lr, 1) << "sections are made";
  EXPECT_EQ(read("train:", {"train.lr=1"})->lr, 1);
  EXPECT_EQ(error_of(kRecipe, {"train.lr=fast"}), "--set: 'train.lr' must be a number, not 'fast'");
  EXPECT_EQ(error_of(kRecipe, {"train.rl=1"}).substr(0, 16), "--set: 'train.rl");
  EXPECT_EQ(read(kRecipe, {"model.hidden=5"})->model.dump(), R"({"hidden":5})");
}

TEST(Options, SetRefusesWhatIsNoAssignment) {
  for (const char* set : {"", "steps", "=5", " =5", "a..b=1", ".a=1", "a.=1", "steps.x=1", "a=[1",
                          "a=b: c", "a=1\nb: 2", "a=\x04"}) {
    std::string message = error_of(kRecipe, {set});
    EXPECT_EQ(message.substr(0, 6), "--set ") << message;
  }
  std::string deep;
  for (int i = 0; i < 60'000; ++i) deep += "a.";
  EXPECT_NE(error_of(kRecipe, {deep + "a=1"}).find("more than 16 parts"), std::string::npos);
}

TEST(Yaml, ScalarsFollowTheCoreSchema) {
  struct Case {
    const char *yaml, *json;
  };
  for (const Case& c : {Case{"1", "1"},
                        {"-1", "-1"},
                        {"+1", "1"},
                        {"007", "7"},
                        {"0x1F", "31"},
                        {"0o17", "15"},
                        {"1e-3", "0.001"},
                        {"1.", "1.0"},
                        {".5", "0.5"},
                        {"-.5e+2", "-50.0"},
                        {"9223372036854775808", "9223372036854775808.0"},
                        {"true", "true"},
                        {"True", "true"},
                        {"FALSE", "false"},
                        {"null", "null"},
                        {"~", "null"},
                        {"", "null"},
                        {"'1'", "\"1\""},
                        {"\"true\"", "\"true\""},
                        {"\"\"", "\"\""},
                        {"!!str 1", "\"1\""},
                        {"|\n  two\n  lines", "\"two\\nlines\""},
                        {"+-1", "\"+-1\""},
                        {"-", "\"-\""},
                        {"1-2", "\"1-2\""},
                        {"e5", "\"e5\""},
                        {"0x", "\"0x\""},
                        {"0xg", "\"0xg\""},
                        {"1e999", "\"1e999\""},
                        {"inf", "\"inf\""},
                        {"yes", "\"yes\""},
                        {"2024-01-01", "\"2024-01-01\""},
                        {"[1, a, {b: 2}]", "[1,\"a\",{\"b\":2}]"}}) {
    auto recipe = Recipe::parse(std::string("v: ") + c.yaml, "r.yaml");
    if (std::string(c.yaml) == "-") {  // a list entry cannot begin here
      EXPECT_FALSE(recipe);
      continue;
    }
    ASSERT_TRUE(recipe) << recipe.error().message;
    EXPECT_EQ(recipe->root.find("v")->dump(), c.json) << c.yaml;
  }
}

TEST(Yaml, KeysKnowTheirLines) {
  auto recipe = Recipe::parse("\n# comment\na: 1\nb:\n  c: 2\n\n  d: {e: 3,\n   f: 4}\n", "r.yaml");
  ASSERT_TRUE(recipe);
  EXPECT_EQ(recipe->lines.at("a"), 3);
  EXPECT_EQ(recipe->lines.at("b"), 4);
  EXPECT_EQ(recipe->lines.at("b.c"), 5);
  EXPECT_EQ(recipe->lines.at("b.d.e"), 7);
  EXPECT_EQ(recipe->lines.at("b.d.f"), 8);
}

TEST(Yaml, RefusesWhatIsNoRecipe) {
  using std::string_view_literals::operator""sv;
  struct Case {
    std::string_view text, message;
  };
  for (const Case& c : {Case{"", "r.yaml: a recipe is made of 'key: value' lines"},
                        {"just words", "r.yaml: a recipe is made of"},
                        {"- a\n- b", "r.yaml: a recipe is made of"},
                        {"a: 1\n---\nb: 2", "r.yaml:2: the recipe has ended here"},
                        {",a:\n  b:c d31.5\ne: 'x f: *x", "r.yaml:"},  // LoadAll() never returned
                        {"a: 1\nb: [1", "r.yaml:"},
                        {"a: 1\n b: 2\n  : :", "r.yaml:2: malformed YAML"},
                        {"a: 1\na: 2", "r.yaml:2: key 'a' appears twice"},
                        {"s:\n  a: 1\n  a: 2", "r.yaml:3: key 's.a' appears twice"},
                        {"[a]: 1", "r.yaml:1: a key must be a word"},
                        {"a: !!binary aaaa", "r.yaml:1: tags ('tag:yaml.org,2002:binary')"},
                        {"a: !x 5", "r.yaml:1: tags ('!x')"},
                        {"a: *none", "r.yaml:1: malformed YAML"},
                        {"a: 1\nb: \xff", "r.yaml:2: is no UTF-8 text"},
                        {"a: 1\nb\x04: 2", "r.yaml:2: a control character (byte 4)"},
                        {"a: 1\0 b"sv, "r.yaml:1: a control character (byte 0)"},
                        {"\xff\xfe"
                         "a\0"sv,
                         "r.yaml:1: is no UTF-8 text"}})
    EXPECT_EQ(parse_error(c.text).substr(0, c.message.size()), c.message) << parse_error(c.text);
}

TEST(Yaml, HasLimits) {
  EXPECT_NE(parse_error(std::string((1 << 20) + 1, 'a')).find("larger than 1 MiB"),
            std::string::npos);
  for (const char* bomb : {"[", "{a: ", "- ", "? ", "a:\n "}) {
    std::string text = "v: ";
    for (int i = 0; i < 100'000; ++i) text += bomb;
    EXPECT_NE(parse_error(text), "") << bomb;
  }
  auto nested = [](int depth) {
    return "v: " + std::string(size_t(depth), '[') + std::string(size_t(depth), ']');
  };
  EXPECT_EQ(parse_error(nested(32)), "");
  EXPECT_EQ(parse_error(nested(33)), "r.yaml:1: nested deeper than 32 levels");

  std::string list = "v: [";
  for (int i = 0; i < 10'000; ++i) list += "1,";
  EXPECT_EQ(parse_error(list + "]"), "r.yaml:1: more than 10000 values");
  EXPECT_NE(parse_error(std::string(201, 'k') + ": 1"), "");
}

TEST(Yaml, AliasesAreExpandedWithinTheLimits) {
  auto recipe = Recipe::parse("a: &x {b: 1}\nc: *x\n", "r.yaml");
  ASSERT_TRUE(recipe);
  EXPECT_EQ(recipe->root.find("c")->dump(), R"({"b":1})");
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    std::string n = std::to_string(i), before = "*a" + std::to_string(i - 1);
    laughs += "a" + n + ": &a" + n + " [";
    for (int j = 0; j < 10; ++j) laughs += before + ", ";
    laughs += "]\n";
  }
  EXPECT_NE(parse_error(laughs).find("more than 10000 values"), std::string::npos);
  std::string long_text = "a: &a " + std::string(500'000, 'x') + "\nb: [*a, *a, *a]\n";
  EXPECT_EQ(parse_error(long_text), "r.yaml:1: more than 1 MiB of text");
  EXPECT_NE(parse_error("a: &a [*a]\n"), "") << "a cycle";
}

TEST(Yaml, ReadsFiles) {
  std::string path = testing::TempDir() + "weir_options_test.yaml";
  ASSERT_TRUE(write_file_atomic(path, "a: 1\n"));
  EXPECT_EQ(Recipe::read(path)->root.dump(), R"({"a":1})");
  EXPECT_EQ(Recipe::read(path)->path, path);
  ASSERT_TRUE(remove_all(path));
  EXPECT_EQ(Recipe::read(path).error().message.substr(0, path.size() + 2), path + ": ");
}

}  // namespace
}  // namespace weir
