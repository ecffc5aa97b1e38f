// Quantized arithmetic on published models: what rounding costs, and that the default answers as
// exact arithmetic does. The models lie in the folder named by WEIR_REAL_MODELS.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <string>

#include "base/json.h"
#include "tests/run_program.h"

namespace weir {
namespace {

constexpr const char* kModels[] = {"smollm2-135m-instruct-q4_1.gguf",
                                   "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                                   "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"};

std::string model_path(const char* name) {
  const char* folder = std::getenv("WEIR_REAL_MODELS");
  const std::string path = folder ? std::string(folder) + "/" + name : "";
  return folder && file_exists(path) ? path : "";
}

#define NEEDS_MODEL(path, name)            \
  if ((path).empty())                      \
  GTEST_SKIP() << "NOT TESTED: " << (name) \
               << " is needed; set WEIR_REAL_MODELS to the folder that holds it"

double perplexity(const std::string& model, const std::string& text, bool exact) {
  std::vector<std::string> arguments = {"perplexity", model, "-",     "--context", "96",
                                        "--windows",  "1",   "--all", "--json"};
  if (exact) arguments.push_back("--exact");
  Outcome outcome = run(arguments, text);
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  auto json = parse_json(outcome.out);
  return json ? *json->find("perplexity")->as_double() : NAN;
}

// Chinese of about 150 tokens.
constexpr const char* kChinese =
    "水往低处流，人往高处走。古时候有一个人住在河边，每天早晨他都会去打水。有一天，他发现河水变得很"
    "浑浊，"
    "于是沿着河岸向上游走去，想看看到底发生了什么事情。走了半天，他看见一群孩子正在用石头和泥土修一"
    "座小水坝。"
    "他没有生气，而是坐下来告诉他们怎样修得更牢固，又怎样留一个口子让水慢慢流过。傍晚的时候，水坝修"
    "好了，"
    "河水又变得清澈起来，大家都很高兴。后来人们就把这个地方叫做清水坝，直到今天。";

class Rounding : public testing::TestWithParam<const char*> {};

TEST_P(Rounding, F42CostsLessThanATenthOfAPercentOfPerplexity) {
  const std::string model = model_path(GetParam());
  NEEDS_MODEL(model, GetParam());
  const std::string root = WEIR_SOURCE_DIR;
  const std::string english = *read_file(root + "/docs/mla.md");
  const std::string code = *read_file(root + "/src/ops/loss.cpp");
  for (const std::string& text : {english, code, std::string(kChinese)}) {
    const double exact = perplexity(model, text, true), rounded = perplexity(model, text, false);
    EXPECT_NEAR(rounded / exact, 1, 1e-3) << text.substr(0, 40);
    EXPECT_NE(rounded, exact) << "nothing is rounded";
  }
}

INSTANTIATE_TEST_SUITE_P(RealModels, Rounding, testing::ValuesIn(kModels),
                         [](const auto& model) { return "Model" + std::to_string(model.index); });

TEST(RealArithmetic, F42SmolLmKnowsTheCapitalOfFrance) {
  const std::string model = model_path(kModels[0]);
  NEEDS_MODEL(model, kModels[0]);
  Outcome outcome = run({"chat", model, "--temperature", "0", "--tokens", "16"},
                        "What is the capital of France?\n");
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_NE(outcome.out.find("Paris"), std::string::npos) << outcome.out;
}

}  // namespace
}  // namespace weir
