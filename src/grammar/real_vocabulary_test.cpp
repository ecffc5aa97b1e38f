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

TEST(RealVocabulary, MasksTakeLittleTime) {
  const char* folder = std::getenv("WEIR_REAL_MODELS");
  const std::string path = folder ? join_path(folder, "deepseek-v3-tokenizer") : "";
  if (!is_directory(path)) GTEST_SKIP() << "no deepseek-v3-tokenizer in WEIR_REAL_MODELS";
  const Tokenizer tokenizer = *read_tokenizer(path);
  const auto vocabulary = *TokenVocabulary::create(tokenizer, {tokenizer.eos()});
  const std::vector<int> reply = *tokenizer.encode(kReply);
  for (const OutputForm& form :
       {OutputForm{OutputKind::json_schema, kPerson}, OutputForm{OutputKind::json_object, ""},
        OutputForm{OutputKind::regular_expression, "[\\s\\S]*"}}) {
    const auto grammar = *compile(form, vocabulary);
    const std::vector<float> logits(size_t(tokenizer.size()));
    double first = 0;
    for (const char* round : {"first", "again"}) {
      GrammarFilter filter(grammar, 0);
      double worst = 0;
      const auto begin = std::chrono::steady_clock::now();
      for (size_t n = 0; n <= reply.size(); ++n) {
        std::vector<uint8_t> forbidden(logits.size());
        const auto before = std::chrono::steady_clock::now();
        filter.forbid(std::span(reply).first(n), logits, forbidden);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
        worst = std::max(worst, took.count());
        const int next = n < reply.size() ? reply[n] : tokenizer.eos();
        ASSERT_FALSE(forbidden[size_t(next)]) << "token " << n << " of " << form.text;
      }
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      const double mean = took.count() / double(reply.size() + 1);
      printf("%zu tokens, %s: %.3f ms a mask, %.3f ms the slowest, %lld of %lld computed\n",
             reply.size() + 1, round, mean * 1e3, worst * 1e3,
             (long long)grammar->statistics().computed, (long long)grammar->statistics().masks);
      if (first == 0) first = mean;
    }
    EXPECT_LT(first, 0.02) << "as long as a pass of a small model";
  }
}

}  // namespace
}  // namespace weir
