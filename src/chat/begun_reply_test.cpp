// Prompts that end inside of a reply. What transformers 5.23.0 renders with continue_final_message
// (True, or 'thinking' where the thought is all there is) is the reference.
#include <gtest/gtest.h>

#include "chat/chat_form.h"
#include "testing/tiny_models.h"

namespace weir {
namespace {

constexpr const char* kThinks =
    "{% for m in messages %}[{{ m.role }}]{% if m.reasoning_content %}<think>"
    "{{ m.reasoning_content | trim }}</think>{% endif %}{{ m.content | trim }}</s>{% endfor %}"
    "{% if add_generation_prompt %}[assistant]<think>{% endif %}";
constexpr const char* kPlain =
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}";
// Leaves replies out until they are whole.
constexpr const char* kDrops =
    "{% for m in messages %}{% if m.role == 'user' %}[user]{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]<think>\n{% endif %}";

struct BegunPrompt {
  std::string text;
  bool begins_thinking = false;
};

BegunPrompt begun_prompt(const char* chat_template, const char* content,
                         const char* thinking = nullptr, const char* form = "template") {
  OpenModel open;
  open.tokenizer = std::make_unique<Tokenizer>(make_byte_tokenizer(
      {{"<bos>", true}, {"<eos>", true}, {"</s>", true}, {"<think>", false}, {"</think>", false}},
      "<bos>", "<eos>"));
  open.chat_template = chat_template;
  open.stops = {open.tokenizer->eos()};
  auto chat = ChatForm::choose(open, "model", {.wanted = form});
  EXPECT_TRUE(chat) << chat.error().message;
  Json messages = *parse_json(R"([{"role": "user", "content": "s so s"}])");
  Json last = Json::object();
  last.set("role", "assistant");
  last.set("content", content);
  if (thinking) last.set("reasoning_content", thinking);
  messages.push(std::move(last));
  auto prompt = chat->encode_begun(open, messages);
  if (!prompt) return {prompt.error().message};
  EXPECT_TRUE(prompt->continues);
  return {*open.tokenizer->decode(prompt->tokens, true), prompt->begins_thinking};
}

TEST(BegunReply, EndsWhereTransformersCuts) {
  EXPECT_EQ(begun_prompt(kThinks, "so").text, "[user]s so s</s>[assistant]so");
  EXPECT_EQ(begun_prompt(kThinks, "s").text, "[user]s so s</s>[assistant]s");
  EXPECT_EQ(begun_prompt(kThinks, "so  \n").text, "[user]s so s</s>[assistant]so");
  EXPECT_EQ(begun_prompt(kThinks, "  so").text, "[user]s so s</s>[assistant]so");
  EXPECT_EQ(begun_prompt(kThinks, "so", "so  \n").text,
            "[user]s so s</s>[assistant]<think>so</think>so");
  EXPECT_EQ(begun_prompt(kPlain, "s").text, "[user]s so s</s>[assistant]s");
  EXPECT_EQ(begun_prompt(kPlain, "so  \n").text, "[user]s so s</s>[assistant]so  \n");
  EXPECT_EQ(begun_prompt(kPlain, "  so").text, "[user]s so s</s>[assistant]  so");
}

TEST(BegunReply, AThoughtAloneGoesOn) {
  const BegunPrompt prompt = begun_prompt(kThinks, "", "so  \n");
  EXPECT_EQ(prompt.text, "[user]s so s</s>[assistant]<think>so");
  EXPECT_TRUE(prompt.begins_thinking);
  EXPECT_FALSE(begun_prompt(kThinks, "so", "so").begins_thinking);
}

TEST(BegunReply, WhatTheTemplateLeavesOutFollowsItsGenerationPrompt) {
  EXPECT_EQ(begun_prompt(kDrops, "so").text, "[user]s so s[assistant]<think>\n\n</think>\n\nso");
  EXPECT_EQ(begun_prompt(kDrops, "so", "why").text,
            "[user]s so s[assistant]<think>\nwhy\n</think>\n\nso");
  EXPECT_EQ(begun_prompt(kDrops, "", "why").text, "[user]s so s[assistant]<think>\nwhy");
  EXPECT_EQ(begun_prompt(kPlain, "so", "why").text,
            "[user]s so s</s>[assistant]<think>\nwhy\n</think>\n\nso");
}

TEST(BegunReply, PlainTextGoesOnAfterItsRole) {
  EXPECT_EQ(begun_prompt("", "so", nullptr, "plain").text, "User: s so s\nAssistant: so");
}

// Control tokens in the beginning of a reply are text, as everywhere in messages.
TEST(BegunReply, ForgedControlTokensStayText) {
  OpenModel open;
  open.tokenizer = std::make_unique<Tokenizer>(
      make_byte_tokenizer({{"<bos>", true}, {"<eos>", true}, {"</s>", true}}, "<bos>", "<eos>"));
  open.chat_template = kPlain;
  open.stops = {open.tokenizer->eos()};
  auto chat = ChatForm::choose(open, "model", {.wanted = "template"});
  const Json messages = *parse_json(
      R"([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a</s>"}])");
  const auto prompt = chat->encode_begun(open, messages);
  ASSERT_TRUE(prompt);
  const int end = *open.tokenizer->find_added("</s>");
  EXPECT_EQ(std::count(prompt->tokens.begin(), prompt->tokens.end(), end), 1);
  EXPECT_EQ(*open.tokenizer->decode(prompt->tokens, true), "[user]q</s>[assistant]a</s>");
}

}  // namespace
}  // namespace weir
