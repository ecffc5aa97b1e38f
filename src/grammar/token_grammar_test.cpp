// Masks over tokens: against a search of every token, ends, and replies drawn at random.
#include <gtest/gtest.h>

#include <cstdio>
#include <thread>

#include "base/json.h"
#include "base/random.h"
#include "testing/grammar_support.h"

namespace weir {
namespace {

const std::pair<OutputKind, const char*> kForms[] = {
    {OutputKind::json_object, ""},
    {OutputKind::json_schema,
     R"({"type":"object","properties":{"name":{"type":"string","minLength":2,"maxLength":9},
         "age":{"type":"integer","minimum":0,"maximum":150},"tags":{"type":"array","maxItems":3,
         "items":{"enum":["ab","abc","hello\n"]}}},"required":["name","tags"],
         "additionalProperties":false})"},
    {OutputKind::json_schema, R"({"type":"string","pattern":"^[a-zä]+( world)?$"})"},
    {OutputKind::json_schema, R"({"type":"object","additionalProperties":{"type":"boolean"},
         "properties":{"name":{"type":"null"}}})"},
    {OutputKind::regular_expression, "(hello|ab+c)( world){0,70}!?"},
    {OutputKind::gbnf, "root ::= \"{\" root? \"}\" | \"[\" root* \"]\""}};

std::vector<uint8_t> forbidden_after(GrammarFilter& filter, std::span<const int> tokens) {
  const std::vector<float> logits(size_t(json_vocabulary()->size()));
  std::vector<uint8_t> forbidden(logits.size());
  filter.forbid(tokens, logits, forbidden);
  return forbidden;
}

// Draws a reply, each token of those allowed with the same probability; ends when it may after a
// while.
std::vector<int> draw(const std::shared_ptr<TokenGrammar>& grammar, uint64_t seed, int tokens_max,
                      std::string& text) {
  Random random(seed, 1);
  GrammarFilter filter(grammar, 1);
  std::vector<int> tokens = {7};
  while (int(tokens.size()) < tokens_max) {
    const std::vector<uint8_t> forbidden = forbidden_after(filter, tokens);
    std::vector<int> allowed;
    for (int id = 0; id < int(forbidden.size()); ++id)
      if (!forbidden[size_t(id)]) allowed.push_back(id);
    if (allowed.empty()) {
      ADD_FAILURE() << "nothing may follow " << text;
      break;
    }
    const int end = json_vocabulary()->ends()[0];
    const bool may_end = !forbidden[size_t(end)];
    int id = allowed[size_t(random.below(allowed.size()))];
    if (may_end && tokens.size() > 12) id = end;
    if (id == end) break;
    tokens.push_back(id);
    text += json_vocabulary()->bytes(id);
  }
  return tokens;
}

TEST(TokenGrammar, MaskIsWhatASearchOfEveryTokenFinds) {
  for (const auto& [kind, text] : kForms) {
    const auto grammar = *compile({kind, text}, json_vocabulary());
    FormJudge judge(kind, text);
    for (uint64_t seed = 0; seed < 6; ++seed) {
      std::string reply;
      const std::vector<int> tokens = draw(grammar, seed, 24, reply);
      GrammarFilter filter(grammar, 1);
      std::string so_far;
      for (size_t n = 1; n <= tokens.size(); ++n) {
        const auto forbidden = forbidden_after(filter, std::span(tokens).first(n));
        if (n > 1) so_far += json_vocabulary()->bytes(tokens[n - 1]);
        for (int id = 0; id < json_vocabulary()->size(); ++id) {
          const std::string_view bytes = json_vocabulary()->bytes(id);
          const bool may = json_vocabulary()->is_end(id)
                               ? judge.accepts(so_far)
                               : !bytes.empty() && judge.begins(so_far + std::string(bytes));
          ASSERT_EQ(!forbidden[size_t(id)], may)
              << text << " after " << so_far << ": token " << id << " '" << bytes << "'";
        }
      }
    }
  }
}

// A grammar can not tell that a key appears twice in an object, and parse_json refuses that: gives
// such keys other names.
std::string with_unique_keys(std::string reply) {
  for (int n = 0;; ++n) {
    const Result<Json> parsed = parse_json(reply);
    if (parsed || !parsed.error().message.ends_with("appears twice")) return reply;
    size_t line = 0, column = 0, at = 0;  // of the quote that ends the key
    if (std::sscanf(parsed.error().message.c_str(), "line %zu, column %zu", &line, &column) != 2)
      return reply;
    for (; line > 1; --line) at = reply.find('\n', at) + 1;
    reply.insert(at + column - 1, " again " + std::to_string(n));
  }
}

TEST(TokenGrammar, RepliesDrawnAtRandomMatch) {
  for (const auto& [kind, text] : kForms) {
    const auto grammar = *compile({kind, text}, json_vocabulary());
    int whole = 0;
    for (uint64_t seed = 100; seed < 140; ++seed) {
      std::string reply;
      const std::vector<int> tokens = draw(grammar, seed, 400, reply);
      EXPECT_TRUE(grammar->begins(reply)) << reply;
      if (tokens.size() == 400) continue;
      ++whole;
      EXPECT_TRUE(grammar->matches(reply)) << reply;
      if (kind == OutputKind::json_schema) {
        const Result<Json> parsed = parse_json(with_unique_keys(reply));
        EXPECT_TRUE(parsed) << reply << ": " << (parsed ? "" : parsed.error().message);
      }
    }
    EXPECT_GT(whole, 5) << text;
  }
}

TEST(TokenGrammar, GoesBackWhereGuessesWereWrong) {
  const auto grammar = *compile({OutputKind::regular_expression, "ab(cd|ef)*"}, json_vocabulary());
  GrammarFilter filter(grammar, 0);
  (void)forbidden_after(filter, std::vector<int>{'a', 'b', 'c'});
  const auto forbidden = forbidden_after(filter, std::vector<int>{'a', 'b'});
  EXPECT_FALSE(forbidden['c']);
  EXPECT_FALSE(forbidden['e']);
  EXPECT_TRUE(forbidden['d']);
}

TEST(TokenGrammar, BeginsAfterTheThinking) {
  const auto grammar = *compile({OutputKind::regular_expression, "x"}, json_vocabulary());
  GrammarFilter filter(grammar, 1, '>');
  const auto before = forbidden_after(filter, std::vector<int>{'>', 'a'});
  EXPECT_EQ(std::count(before.begin(), before.end(), 1), 0);
  const auto after = forbidden_after(filter, std::vector<int>{'>', 'a', '>'});
  EXPECT_FALSE(after['x']);
  EXPECT_TRUE(after['a']);
}

TEST(TokenGrammar, MasksAreSharedBetweenThreads) {
  const auto grammar = *compile({OutputKind::json_object, ""}, json_vocabulary());
  std::vector<std::string> replies(4);
  std::vector<std::thread> threads;
  for (std::string& reply : replies) threads.emplace_back([&] { draw(grammar, 5, 100, reply); });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& reply : replies) EXPECT_EQ(reply, replies[0]);
  EXPECT_LT(grammar->statistics().computed, grammar->statistics().masks);
}

TEST(TokenVocabulary, NeedsAnEnd) {
  const auto made = TokenVocabulary::create(json_tokenizer(), {-1});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("no token that ends a reply"), std::string::npos);
}

TEST(OutputGrammars, KeepsTheLastOnes) {
  OutputGrammars grammars(json_vocabulary(), 2);
  const auto first = *grammars.get({OutputKind::regular_expression, "a"});
  EXPECT_EQ(*grammars.get({OutputKind::regular_expression, "a"}), first);
  (void)grammars.get({OutputKind::regular_expression, "b"});
  (void)grammars.get({OutputKind::regular_expression, "c"});
  EXPECT_NE(*grammars.get({OutputKind::regular_expression, "a"}), first);
  EXPECT_FALSE(grammars.get({OutputKind::regular_expression, "("}));
}

}  // namespace
}  // namespace weir
