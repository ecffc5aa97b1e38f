#include "pipeline/parent.h"

#include <algorithm>

#include "base/atomic_output.h"
#include "base/json.h"
#include "pipeline/run_setup.h"
#include "testing/training_fixture.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

constexpr char kTemplate[] =
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

// A published model's folder without weights; its generation_config.json is `generation`.
void write_parent(const std::string& folder, const std::string& generation) {
  const std::string_view text = "some text to learn a few pairs of bytes from, some text";
  TokenizerTrainOptions options;
  options.vocab_size = 262;
  options.added_tokens = {{"<|im_start|>"}, {"<|endoftext|>"}, {"<|im_end|>"}};
  options.eos = "<|endoftext|>";
  ThreadPool pool(1);
  Result<Tokenizer> tokenizer = train_tokenizer({&text, 1}, options, pool);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  ASSERT_TRUE(write_tokenizer(*tokenizer, folder, {128, kTemplate}));
  const std::string eos = std::to_string(tokenizer->eos());
  ASSERT_TRUE(
      write_file_atomic(join_path(folder, "config.json"), "{\"eos_token_id\": " + eos + "}"));
  if (!generation.empty()) {
    ASSERT_TRUE(write_file_atomic(join_path(folder, "generation_config.json"), generation));
  }
}

// The generation_config.json that a stage of a run from this parent is left with.
std::string stage_file_of(const std::string& parent, const std::string& stage) {
  Result<ModelTexts> texts = read_model_texts(parent);
  EXPECT_TRUE(texts) << texts.error().message;
  if (!texts) return "";
  EXPECT_TRUE(write_model_files({*std::move(texts), {}, "", true}, stage));
  return *read_file(join_path(stage, "generation_config.json"));
}

// transformers stops at the ends that the file names. A parent that names <|endoftext|> alone, as
// base models do, would never stop after a reply that ends with its template's <|im_end|>.
TEST(Parent, StagesNameTheTemplatesOwnEnd) {
  for (const char* generation : {"{\"eos_token_id\": 1, \"top_p\": 0.5}", ""}) {
    SCOPED_TRACE(generation);
    TemporaryFolder folder;
    write_parent(folder.path(), generation);
    const Tokenizer tokenizer = *read_tokenizer(folder.path());
    const int own = *tokenizer.find_added("<|im_end|>"), stated = tokenizer.eos();
    ASSERT_EQ(stated, 1);
    const Json json = *parse_json(stage_file_of(folder.path(), folder.file("stage")));
    std::vector<int64_t> ends;
    for (const Json& end : json.find("eos_token_id")->items()) ends.push_back(*end.as_int());
    EXPECT_NE(std::find(ends.begin(), ends.end(), own), ends.end());
    EXPECT_NE(std::find(ends.begin(), ends.end(), stated), ends.end());
    EXPECT_EQ(json.find("top_p") != nullptr, generation[0] != 0) << "the other keys stay";
  }
}

TEST(Parent, AFileThatNamesItsOwnEndStaysAsItIs) {
  TemporaryFolder folder;
  write_parent(folder.path(), "{ \"eos_token_id\":[1,  2]}");
  ASSERT_EQ(*read_tokenizer(folder.path())->find_added("<|im_end|>"), 2);
  EXPECT_EQ(stage_file_of(folder.path(), folder.file("stage")), "{ \"eos_token_id\":[1,  2]}");
}

}  // namespace
}  // namespace weir
