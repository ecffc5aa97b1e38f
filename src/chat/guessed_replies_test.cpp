// Replies as text where the engine draws several tokens of one in a pass.
#include <gtest/gtest.h>

#include "chat/generator.h"
#include "chat/open_model.h"
#include "testing/generation_fixture.h"

namespace weir {
namespace {

std::vector<Completion> completions_of(const Model& model, std::span<const Request> requests,
                                       EngineOptions options, Listener* listener = nullptr) {
  const Tokenizer tokenizer = make_byte_tokenizer({{"<s>"}, {"</s>"}});
  ThreadPool pool(2);
  auto generator = Generator::create(model, tokenizer, pool, options);
  EXPECT_TRUE(generator.has_value());
  auto completions = (*generator)->generate(requests, listener);
  EXPECT_TRUE(completions.has_value());
  if (options.speculation.is_on()) {
    EXPECT_GT((*generator)->statistics().accepted_tokens, 0);
  }
  return *std::move(completions);
}

// Ends request 1 at its seventh token.
struct Impatient : Listener {
  int tokens = 0;
  bool on_token(const TokenEvent& event) override { return event.request != 1 || ++tokens < 7; }
};

// A model as its own draft: all guesses come true, so stop strings, cancelled replies and
// reply filters end a sequence in the middle of what a pass gave.
TEST(SpeculationInChat, RepliesEndAtTheSameToken) {
  const Model& model = tiny_model(Kind::latent);
  std::vector<Request> requests(4);
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].prompt = prompt_of(i, 20);
    requests[i].tokens_max = 40;
    requests[i].records_experts = true;
    requests[i].sampling.seed = i;
    requests[i].sampling.top_log_probabilities = int(i);
  }
  Impatient first, second, third;
  const auto whole = completions_of(model, requests, {}, &first);
  EXPECT_EQ(whole[1].reason, FinishReason::cancelled);
  for (size_t i : {0, 2, 3}) {
    const size_t letter = whole[i].text.find_first_of("abcdefghijklmnopqrstuvwxyz", 8);
    ASSERT_NE(letter, std::string::npos);
    requests[i].stops = {whole[i].text.substr(letter, 1)};
  }
  const auto plain = completions_of(model, requests, {}, &second);
  for (int tokens_max : {2, 5, 8}) {
    third.tokens = 0;
    const auto guessed = completions_of(
        model, requests,
        {.speculation = {.draft = &model, .tokens_max = tokens_max, .adapts = false}}, &third);
    for (size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(guessed[i].text, plain[i].text);
      EXPECT_EQ(guessed[i].tokens, plain[i].tokens);
      EXPECT_EQ(guessed[i].log_probabilities, plain[i].log_probabilities);
      EXPECT_EQ(guessed[i].policy_log_probabilities, plain[i].policy_log_probabilities);
      EXPECT_EQ(guessed[i].top_log_probabilities, plain[i].top_log_probabilities);
      EXPECT_EQ(guessed[i].top_log_probabilities.size(), i == 0 ? 0 : plain[i].tokens.size());
      EXPECT_EQ(guessed[i].experts, plain[i].experts);
      EXPECT_EQ(guessed[i].experts.size(),
                (20 + plain[i].tokens.size() - 1) * model.routing_trace().row_size());
      EXPECT_EQ(guessed[i].reason, plain[i].reason);
      EXPECT_EQ(guessed[i].stop, plain[i].stop);
    }
  }
}

TEST(SpeculationInChat, ADraftModelNeedsTheSameTokens) {
  const Tokenizer tokenizer = make_byte_tokenizer({{"<s>"}, {"</s>"}});
  EXPECT_TRUE(check_same_tokens(tokenizer, tokenizer).has_value());
  EXPECT_TRUE(check_same_tokens(tokenizer, make_byte_tokenizer({{"<s>"}, {"</s>"}})).has_value());
  auto shifted = check_same_tokens(tokenizer, make_byte_tokenizer({{"<s>"}}));
  ASSERT_FALSE(shifted.has_value());
  EXPECT_NE(shifted.error().message.find("token 1 is"), std::string::npos)
      << shifted.error().message;
  auto other = check_same_tokens(tokenizer, make_byte_tokenizer({{"<s>"}, {"<e>"}}));
  ASSERT_FALSE(other.has_value());
  EXPECT_NE(other.error().message.find("'<e>' there and '</s>'"), std::string::npos)
      << other.error().message;
}

}  // namespace
}  // namespace weir
