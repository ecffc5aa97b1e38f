// Requests to fill in the middle, from the dialects' bodies to the tokens of the prompt.
#include "serve/infill_request.h"

#include <gtest/gtest.h>

#include "serve/ollama_request.h"
#include "serve/openai_request.h"
#include "serve/served_model.h"
#include "testing/generation_fixture.h"

namespace weir {
namespace {

constexpr int kContext = 512;

// A model whose tokens are bytes, with Qwen's marks or without.
std::unique_ptr<ServedModel> model_of(bool has_marks, int window = 0) {
  OpenModel open;
  ModelConfig config = tiny(Kind::grouped);
  config.max_position_embeddings = kContext;
  open.model = Model::create(config, false);
  open.model->initialize(5);
  open.pool = std::make_unique<ThreadPool>(1);
  open.model->pack(*open.pool);
  std::vector<NewToken> added = {{"<eos>", true}};
  if (has_marks)
    for (const char* name : {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>"})
      added.push_back({name, true});
  open.tokenizer = std::make_unique<Tokenizer>(make_byte_tokenizer(std::move(added), "", "<eos>"));
  open.infill = find_infill_tokens(*open.tokenizer);
  open.generator = *Generator::create(*open.model, *open.tokenizer, *open.pool, {});
  return *ServedModel::create(std::move(open), "coder.gguf", {.infill_window = window});
}

Json json(const std::string& text) {
  auto parsed = parse_json(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Json();
}

ApiResult<ServeRequest> read_infill(const Json& body) {
  LlamaReplyOptions options;
  return read_llama_infill(body, {}, options);
}

// The prompt as text, or the error.
std::string prompt_of(const ServedModel& model, ApiResult<ServeRequest> request) {
  if (!request) return request.error().message;
  auto prepared = model.prepare(*request);
  if (!prepared) return prepared.error().message;
  std::string text;
  for (const int token : prepared->sequences.at(0).prompt)
    text += model.tokenizer().token_bytes(token);
  return text + prepared->begun;
}

TEST(InfillRequest, EveryDialectMakesTheSamePrompt) {
  const auto model = model_of(true);
  const std::string wanted =
      prompt_of(*model, read_infill(json(R"({"input_prefix": "a\nb", "input_suffix": "\nc"})")));
  EXPECT_NE(wanted.find("<|fim_suffix|>\nc<|fim_middle|>"), wanted.npos) << wanted;
  EXPECT_EQ(prompt_of(*model, read_openai_text(json(R"({"prompt": "a\nb", "suffix": "\nc"})"), {})),
            wanted);
  EXPECT_EQ(
      prompt_of(*model, read_ollama_generate(json(R"({"prompt": "a\nb", "suffix": "\nc"})"), {})),
      wanted);
  // What was typed since then ends the prefix.
  EXPECT_EQ(
      prompt_of(*model, read_infill(json(
                            R"({"input_prefix": "a\n", "prompt": "b", "input_suffix": "\nc"})"))),
      wanted);
  EXPECT_EQ(prompt_of(*model, read_openai_text(json(R"({"prompt": "a", "suffix": ""})"), {})), "a");
  const std::string files = prompt_of(
      *model, read_infill(json(R"({"input_prefix": "a", "input_suffix": "b", "input_extra":
          [{"filename": "x.py", "text": "X"}, {"text": "Y\n"}]})")));
  EXPECT_EQ(files.find("<|file_sep|>x.py\nX\n<|file_sep|>file\nY\n<|file_sep|>"), 0u) << files;
}

TEST(InfillRequest, AReplyEndsAtTheMarks) {
  const auto model = model_of(true);
  auto prepared = model->prepare(*read_openai_text(json(R"({"prompt": "a", "suffix": "b"})"), {}));
  ASSERT_TRUE(prepared);
  const std::vector<int>& ends = prepared->sequences[0].stop_ids;
  for (const char* name : {"<eos>", "<|fim_prefix|>", "<|fim_middle|>", "<|file_sep|>"})
    EXPECT_TRUE(std::count(ends.begin(), ends.end(), *model->tokenizer().find_added(name))) << name;
}

TEST(InfillRequest, AnEchoIsThePrefixAlone) {
  const auto model = model_of(true);
  auto prepared = model->prepare(*read_openai_text(
      json(R"({"prompt": ["a", "b"], "suffix": "c", "echo": true, "n": 2})"), {}));
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->echoes, (std::vector<std::string>{"a", "a", "b", "b"}));
}

TEST(InfillRequest, InfillKeepsWhatIsNearAndOthersRefuseTooMuch) {
  const auto model = model_of(true, 100);
  const std::string prefix = std::string(600, 'p') + "1", suffix = "2" + std::string(600, 's');
  const std::string prompt =
      prompt_of(*model, read_infill(json(R"({"n_predict": 8, "input_prefix": ")" + prefix +
                                         R"(", "input_suffix": ")" + suffix + "\"}")));
  EXPECT_NE(prompt.find("<|fim_suffix|>2sss"), prompt.npos) << prompt;
  EXPECT_NE(prompt.find("pp1"), prompt.npos) << prompt;
  EXPECT_LE(prompt.size(), 100u + 3 * 14);
  const std::string refusal = prompt_of(
      *model, read_openai_text(
                  json(R"({"prompt": ")" + prefix + R"(", "suffix": ")" + suffix + "\"}"), {}));
  EXPECT_NE(refusal.find("the prompt has 120"), refusal.npos) << refusal;
  EXPECT_NE(refusal.find("512"), refusal.npos) << refusal;
}

TEST(InfillRequest, WrongFieldsAreNamed) {
  const auto model = model_of(true);
  const std::pair<const char*, const char*> cases[] = {
      {R"({"input_suffix": "b"})", "'input_prefix' is missing"},
      {R"({"input_prefix": "b"})", "'input_suffix' is missing"},
      {R"({"input_prefix": "b", "input_suffix": 3})", "'input_suffix' must be a text"},
      {R"({"input_prefix": "a", "input_suffix": "b", "input_extra": {}})", "'input_extra'"},
      {R"({"input_prefix": "a", "input_suffix": "b", "input_extra": [3]})", "'input_extra[0]'"},
      {R"({"input_prefix": "a", "input_suffix": "b", "input_extra": [{"filename": "x"}]})",
       "'input_extra[0].text'"},
      {R"({"input_prefix": "a", "input_suffix": "b", "n_indent": -1})", "'n_indent'"},
      {R"({"input_prefix": "a", "input_suffix": "b", "prompt": [1]})", "'prompt'"},
      {R"({"input_prefix": "a", "input_suffix": "b", "temperature": "hot"})", "'temperature'"},
  };
  for (const auto& [body, words] : cases) {
    auto request = read_infill(json(body));
    ASSERT_FALSE(request) << body;
    EXPECT_EQ(request.error().status, 400);
    EXPECT_NE(request.error().message.find(words), std::string::npos) << request.error().message;
  }
  auto tokens = read_openai_text(json(R"({"prompt": [1], "suffix": "b"})"), {});
  ASSERT_FALSE(tokens);
  EXPECT_EQ(tokens.error().param, "suffix");
  EXPECT_FALSE(read_ollama_generate(json(R"({"prompt": "a", "suffix": "b", "raw": true})"), {}));
}

TEST(InfillRequest, AModelWithoutMarksIsNamed) {
  const auto model = model_of(false);
  auto hole = model->prepare(*read_openai_text(json(R"({"prompt": "a", "suffix": "b"})"), {}));
  ASSERT_FALSE(hole);
  EXPECT_EQ(hole.error().status, 400);  // clients try 5xx again
  EXPECT_NE(hole.error().message.find("'coder' cannot fill in the middle"), std::string::npos);
  EXPECT_NE(hole.error().message.find("<|fim_prefix|>"), std::string::npos);
  auto infill = model->prepare(*read_infill(json(R"({"input_prefix": "a", "input_suffix": "b"})")));
  ASSERT_FALSE(infill);
  EXPECT_EQ(infill.error().status, 501);  // as llama-server has it
}

}  // namespace
}  // namespace weir
