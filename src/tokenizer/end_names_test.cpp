#include "tokenizer/end_names.h"

#include <gtest/gtest.h>

#include "testing/end_names_fixture.h"

namespace weir {
namespace {

TEST(EndNames, F43QwensControlTokensEndAReply) {
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

TEST(EndNames, F7ConfigsNameOneEndOrAList) {
  const auto ends = [](const char* text) { return *ends_of_config(*parse_json(text), 100); };
  EXPECT_EQ(ends("{}"), std::vector<int>());
  EXPECT_EQ(ends(R"({"eos_token_id": null})"), std::vector<int>());
  EXPECT_EQ(ends(R"({"eos_token_id": 7})"), std::vector<int>{7});
  EXPECT_EQ(ends(R"({"eos_token_id": [7, 9, 7, 100, -1]})"), (std::vector<int>{7, 9}));
  EXPECT_FALSE(ends_of_config(*parse_json(R"({"eos_token_id": "x"})"), 100));
}

}  // namespace
}  // namespace weir
