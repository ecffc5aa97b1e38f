// Masks over DeepSeek-V3's 129,000 tokens, where WEIR_REAL_MODELS names the folder that has them:
// replies are written token by token, and the time for masks stays far below a model's pass.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "base/file.h"
#include "grammar/structured_output.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

constexpr char kPerson[] =
    R"({"type":"object","properties":{"name":{"type":"string","maxLength":80},
  "email":{"type":"string","format":"email"},"born":{"type":"string","format":"date"},
  "age":{"type":"integer","minimum":0,"maximum":150},"note":{"type":"string"},
  "tags":{"type":"array","items":{"type":"string","minLength":1,"maxLength":20},"maxItems":5},
  "kind":{"enum":["admin","user","guest"]}},"required":["name","age","kind"],
  "additionalProperties":false})";
constexpr char kReply[] =
    R"({"name": "Ada Lovelace, Countess of Lovelace", "email": "ada@example.org", "born": "1815-12-10",
  "age": 36, "note": "She wrote the first program; \"the Analytical Engine weaves algebraical patterns\".",
  "tags": ["mathematics", "computing", "日本語"], "kind": "user"})";

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string wide_object(int properties) {
  std::string schema = R"({"type":"object","properties":{)";
  for (int i = 0; i < properties; ++i)
    schema += (i ? ",\"p" : "\"p") + std::to_string(i) + R"(":{"type":"integer"})";
  return schema + "}}";
}

// The mean seconds of a mask, before any is known. Every token of the reply must be allowed.
double time_masks(const char* name, const OutputForm& form, const std::string& text,
                  const Tokenizer& tokenizer,
                  const std::shared_ptr<const TokenVocabulary>& vocabulary) {
  const std::vector<int> reply = *tokenizer.encode(text);
  const auto begin = Clock::now();
  const auto grammar = *compile(form, vocabulary);
  printf("%s: compiled in %.1f ms\n", name, seconds_since(begin) * 1e3);
  double first = 0;
  for (const char* round : {"first", "again"}) {
    GrammarFilter filter(grammar, 0);
    double worst = 0, all = 0;
    for (size_t n = 0; n <= reply.size(); ++n) {
      const std::vector<float> logits(size_t(tokenizer.size()));
      std::vector<uint8_t> forbidden(logits.size());
      const auto before = Clock::now();
      filter.forbid(std::span(reply).first(n), logits, forbidden);
      const double took = seconds_since(before);
      worst = std::max(worst, took);
      all += took;
      const int next = n < reply.size() ? reply[n] : tokenizer.eos();
      EXPECT_FALSE(forbidden[size_t(next)]) << name << ": token " << n;
    }
    const double mean = all / double(reply.size() + 1);
    printf("%s: %zu tokens, %s: %.3f ms a mask, %.3f ms the slowest, %lld of %lld computed\n", name,
           reply.size() + 1, round, mean * 1e3, worst * 1e3,
           (long long)grammar->statistics().computed, (long long)grammar->statistics().masks);
    if (first == 0) first = mean;
  }
  return first;
}

TEST(RealVocabulary, MasksTakeLittleTime) {
  const char* folder = std::getenv("WEIR_REAL_MODELS");
  const std::string path = folder ? join_path(folder, "deepseek-v3-tokenizer") : "";
  if (!is_directory(path)) GTEST_SKIP() << "no deepseek-v3-tokenizer in WEIR_REAL_MODELS";
  const Tokenizer tokenizer = *read_tokenizer(path);
  const auto vocabulary = *TokenVocabulary::create(tokenizer, {tokenizer.eos()});
  const struct {
    const char* name;
    OutputForm form;
    std::string reply;
  } rows[] = {{"schema", {OutputKind::json_schema, kPerson}, kReply},
              {"object", {OutputKind::json_object, ""}, kReply},
              {"anything", {OutputKind::regular_expression, "[\\s\\S]*"}, kReply},
              {"100 properties",
               {OutputKind::json_schema, wide_object(100)},
               R"({"p3": 1, "p42": 5, "p99": 2, "other": [3]})"},
              {"1500 properties",
               {OutputKind::json_schema, wide_object(1500)},
               R"({"p3": 1, "p42": 5, "p1499": 2, "other": [3]})"}};
  for (const auto& [name, form, reply] : rows)
    EXPECT_LT(time_masks(name, form, reply, tokenizer, vocabulary), 0.02)
        << name << " takes as long as a pass of a small model";
}

}  // namespace
}  // namespace weir
