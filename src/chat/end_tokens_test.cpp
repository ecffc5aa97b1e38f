#include "chat/end_tokens.h"

#include <gtest/gtest.h>

#include "testing/end_names_fixture.h"

namespace weir {
namespace {

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

}  // namespace
}  // namespace weir
