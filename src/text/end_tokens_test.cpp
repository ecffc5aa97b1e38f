#include "text/end_tokens.h"

#include <gtest/gtest.h>

#include "text/unicode.h"

namespace weir {
namespace {

// The letters, and added tokens from 26 on; those that begin with '!' are not special.
Tokenizer with_added(const std::vector<std::string>& added, int eos = -1) {
  TokenizerSpec spec;
  for (char c = 'a'; c <= 'z'; ++c) spec.tokens.emplace_back(1, c);
  spec.tokens.push_back("</s>");  // an ordinary token of this text, as Qwen has one
  for (const std::string& text : added) {
    const bool special = text[0] != '!';
    spec.added.push_back({int(spec.tokens.size()), text.substr(special ? 0 : 1), special});
    spec.tokens.push_back(spec.added.back().text);
  }
  spec.eos = eos;
  Result<Tokenizer> made = Tokenizer::create(std::move(spec));
  EXPECT_TRUE(made) << made.error().message;
  return *std::move(made);
}

TEST(EndTokens, F43QwensControlTokensEndAReply) {
  const Tokenizer qwen =
      with_added({"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_pad|>",
                  "!<|repo_name|>", "<|file_sep|>", "<think>"});
  EXPECT_EQ(ends_by_name(qwen), (std::vector<int>{27, 29, 31, 32, 33}));
  const Tokenizer llama = with_added({"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|start|>"});
  EXPECT_EQ(ends_by_name(llama), (std::vector<int>{27, 28, 29}));
  // In gpt-oss <|end|> closes a thought, and the reply goes on.
  EXPECT_EQ(ends_by_name(with_added({"<|end|>", "<|x|>"})), std::vector<int>{27});
  EXPECT_EQ(ends_by_name(with_added({"<|end|>", "<|return|>", "<|call|>"})),
            (std::vector<int>{28, 29}));
}

TEST(EndTokens, F7WhatTheTemplateWritesBehindAReplyIsAnEnd) {
  const Tokenizer tokenizer = with_added({"<turn>", "<over>", "<over><out>", "!<soft>", "<s>"}, 31);
  const auto end_of = [&](const std::string& behind) {
    return end_of_template("{% for m in messages %}<turn>{{ m.role }} {{ m.content }}" + behind +
                               "{% endfor %}{% if add_generation_prompt %}<turn>{% endif %}",
                           tokenizer);
  };
  EXPECT_EQ(end_of("<over>\n"), 28);
  EXPECT_EQ(end_of(" \n<over><out>"), 29);
  EXPECT_EQ(end_of("{{ eos_token }}"), 31);
  EXPECT_EQ(end_of("<soft>"), std::nullopt) << "no control token";
  EXPECT_EQ(end_of(""), std::nullopt);
  EXPECT_EQ(end_of_template("", tokenizer), std::nullopt);
  EXPECT_EQ(end_of_template("{{ raise_exception('no') }}", tokenizer), std::nullopt);
  EXPECT_EQ(end_of_template("{% broken", tokenizer), std::nullopt);
}

TEST(EndTokens, F7ConfigsNameOneEndOrAList) {
  const auto ends = [](const char* text) { return *ends_of_config(*parse_json(text), 100); };
  EXPECT_EQ(ends("{}"), std::vector<int>());
  EXPECT_EQ(ends(R"({"eos_token_id": null})"), std::vector<int>());
  EXPECT_EQ(ends(R"({"eos_token_id": 7})"), std::vector<int>{7});
  EXPECT_EQ(ends(R"({"eos_token_id": [7, 9, 7, 100, -1]})"), (std::vector<int>{7, 9}));
  EXPECT_FALSE(ends_of_config(*parse_json(R"({"eos_token_id": "x"})"), 100));
}

}  // namespace
}  // namespace weir
