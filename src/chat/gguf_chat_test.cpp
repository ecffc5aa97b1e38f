#include "chat/gguf_chat.h"

#include <gtest/gtest.h>

#include "testing/end_names_fixture.h"

namespace weir {
namespace {

TEST(GgufChat, F7EndsOfTheFileAreRead) {
  const Tokenizer tokenizer = with_added({"<a>", "<b>", "<|eos|>"}, 29);
  GgufMetadata metadata;
  EXPECT_EQ(*gguf_ends(metadata, tokenizer), std::vector<int>{29});
  metadata.set("tokenizer.ggml.eot_token_id", int64_t(27));
  metadata.set("tokenizer.ggml.eom_token_id", int64_t(9000));  // not in the vocabulary
  metadata.set("tokenizer.chat_template", "{% for m in messages %}{{ m.content }}<b>{% endfor %}");
  EXPECT_EQ(*gguf_ends(metadata, tokenizer), (std::vector<int>{29, 27, 28}));
  metadata.set("tokenizer.ggml.eot_token_id", "x");
  EXPECT_FALSE(gguf_ends(metadata, tokenizer));
}

}  // namespace
}  // namespace weir
