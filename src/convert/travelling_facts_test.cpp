#include "convert/travelling_facts.h"

#include "base/atomic_output.h"
#include "base/json.h"
#include "chat/chat_template.h"
#include "chat/end_tokens.h"
#include "chat/gguf_chat.h"
#include "testing/convert_fixture.h"
#include "text/unicode.h"
#include "tokenizer/gguf_tokenizer.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

constexpr const char* kCard =
    "---\nlicense: other\nlicense_name: \"own\"\nlicense_link: LICENSE\nlanguage:\n- en\n- zh\n"
    "tags: [code, 'chat']\nmodel-index:\n  - name: x\n---\n# Words\nlicense: mit\n";
constexpr const char* kTemplate =
    "{% for m in messages %}{{ m.role }} {{ m.content }}<|done|>{% endfor %}";

// The golden Llama model of 61 rows as a folder with a tokenizer of `extra` tokens more than 58.
class TravellingFacts : public ConvertTest {
 protected:
  void make_folder(const std::string& name, int extra, const std::string& chat_template) {
    const std::string folder = path(name);
    ASSERT_TRUE(make_directories(folder));
    for (const char* file : {"config.json", "model.safetensors"}) {
      const std::string from = join_path(golden_model("llama"), file);
      ASSERT_TRUE(write_file_atomic(join_path(folder, file), *read_file(from)));
    }
    TokenizerSpec spec;
    spec.pre_tokenizer = *PreTokenizer::preset("gpt-2");
    for (char c = 'a'; c <= 'z'; ++c) {
      spec.tokens.emplace_back(1, c);
      spec.tokens.emplace_back(1, char(c - 32));
    }
    spec.tokens.push_back(bytes_to_characters(" "));
    for (const char* text : {"<s>", "</s>", "<|eot_id|>", "<|done|>", "<pad>"}) add(spec, text);
    for (int i = 0; i < extra; ++i) add(spec, "<extra" + std::to_string(i) + ">");
    spec.bos = 53;
    spec.eos = 54;
    spec.pad = 57;
    spec.unk = 55;
    Result<Tokenizer> tokenizer = Tokenizer::create(std::move(spec));
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    ASSERT_TRUE(write_tokenizer(*tokenizer, folder, {.chat_template = chat_template}));
  }
  static void add(TokenizerSpec& spec, const std::string& text) {
    spec.added.push_back({int(spec.tokens.size()), text});
    spec.tokens.push_back(text);
  }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file_atomic(path(name), text));
  }
  std::string read(const std::string& name) { return *read_file(path(name)); }
  Json json(const std::string& name) { return *read_json_file(path(name)); }
  GgufMetadata metadata(const std::string& name) {
    return GgufFile::open(path(name), GgufUse::metadata)->metadata();
  }
  void must_convert(const std::string& from, const std::string& to) {
    const auto done = convert_to(path(from), path(to));
    ASSERT_TRUE(done) << done.error().message;
  }
};

TEST_F(TravellingFacts, F7EveryEndGoesIntoTheFileAndBackIntoAFolder) {
  make_folder("model", 0, kTemplate);
  write("model/generation_config.json", R"({"eos_token_id": [54, 52, 900]})");
  must_convert("model", "m.gguf");
  const GgufMetadata written = metadata("m.gguf");
  // The template's end is the end of a turn; 52 is named by generation_config.json, 2 by
  // config.json, and 55 is known by its text.
  EXPECT_EQ(*written.int_at("tokenizer.ggml.eos_token_id"), 54);
  EXPECT_EQ(*written.int_at("tokenizer.ggml.eot_token_id"), 56);
  EXPECT_EQ(**written.ints_at("weir.tokenizer.end_token_ids"),
            (std::vector<int64_t>{54, 52, 2, 56, 55}));
  const Result<Tokenizer> tokenizer = read_gguf_tokenizer(written);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(*gguf_ends(written, *tokenizer), (std::vector<int>{54, 56, 52, 2, 55}));
  must_convert("m.gguf", "back");
  EXPECT_EQ(json("back/generation_config.json").find("eos_token_id")->dump(), "[54,56,52,2,55]");
  EXPECT_EQ(ends_of_folder(path("back"), *tokenizer, kTemplate)->size(), 5u);
}

TEST_F(TravellingFacts, F7ListsInConfigJsonAloneCount) {
  make_folder("model", 0, "");
  Json config = json("model/config.json");
  config.set("eos_token_id", *parse_json("[54, 52]"));
  write("model/config.json", config.dump());
  const Tokenizer tokenizer = *read_tokenizer(path("model"));
  EXPECT_EQ(*ends_of_folder(path("model"), tokenizer, ""), (std::vector<int>{54, 52, 55}));
}

TEST_F(TravellingFacts, F17ABrokenGenerationConfigIsAnError) {
  make_folder("model", 0, "");
  const Tokenizer tokenizer = *read_tokenizer(path("model"));
  for (const char* text : {"{", R"({"eos_token_id": "x"})", R"({"eos_token_id": [1, null]})"}) {
    write("model/generation_config.json", text);
    const auto ends = ends_of_folder(path("model"), tokenizer, "");
    ASSERT_FALSE(ends) << text;
    EXPECT_NE(ends.error().message.find("generation_config.json"), std::string::npos);
  }
}

TEST_F(TravellingFacts, F44WhatIsKnownOfAModelSurvivesBothWays) {
  make_folder("model", 0, kTemplate);
  write("model/README.md", kCard);
  write("model/generation_config.json",
        R"({"do_sample": true, "temperature": 0.6, "top_k": 20, "eos_token_id": 54, "x": "y"})");
  must_convert("model", "m.gguf");
  const GgufMetadata written = metadata("m.gguf");
  EXPECT_EQ(*written.string_at("general.license"), "other");
  EXPECT_EQ(*written.string_at("general.license.name"), "own");
  EXPECT_EQ(*written.string_at("general.license.link"), "LICENSE");
  EXPECT_EQ(**written.strings_at("general.languages"), (std::vector<std::string>{"en", "zh"}));
  EXPECT_EQ(**written.strings_at("general.tags"), (std::vector<std::string>{"code", "chat"}));
  EXPECT_EQ(*written.int_at("general.sampling.top_k"), 20);
  EXPECT_NEAR(*written.double_at("general.sampling.temp"), 0.6, 1e-6);
  EXPECT_EQ(*written.int_at("tokenizer.ggml.padding_token_id"), 57);
  EXPECT_EQ(*written.int_at("tokenizer.ggml.unknown_token_id"), 55);

  must_convert("m.gguf", "back");
  const Json generation = json("back/generation_config.json");
  EXPECT_EQ(*generation.double_at("temperature"), 0.6);
  EXPECT_EQ(*generation.string_at("x"), "y");
  EXPECT_EQ(*generation.int_at("pad_token_id"), 57);
  EXPECT_EQ(*json("back/tokenizer_config.json").string_at("pad_token"), "<pad>");
  EXPECT_EQ(*json("back/tokenizer_config.json").string_at("unk_token"), "<|eot_id|>");
  EXPECT_TRUE(read("back/README.md").starts_with("---\nlicense: \"other\"\n"));

  must_convert("back", "again.gguf");
  const GgufMetadata again = metadata("again.gguf");
  for (const GgufMetadata::Entry& entry : written.entries()) {
    if (!entry.key.starts_with("general.") && !entry.key.starts_with("tokenizer.ggml.")) continue;
    ASSERT_TRUE(again.find(entry.key)) << entry.key;
    EXPECT_TRUE(*again.find(entry.key) == entry.value) << entry.key;
  }
  // From folder to folder the files themselves travel.
  write("model/LICENSE", "free");
  must_convert("model", "copy");
  EXPECT_EQ(read("copy/LICENSE"), "free");
  EXPECT_EQ(read("copy/README.md"), kCard);
}

TEST_F(TravellingFacts, F44KeysOfOtherProgramsFilesSurviveAFolder) {
  make_folder("model", 0, kTemplate);
  must_convert("model", "m.gguf");
  GgufFile file = *GgufFile::open(path("m.gguf"));
  GgufMetadata metadata_of_file = file.metadata();
  metadata_of_file.set("general.organization", "Weir: \"people\"");
  metadata_of_file.set("general.base_model.count", int64_t(1));
  metadata_of_file.set("general.sampling.temp", 0.5);
  metadata_of_file.set("general.quantized_by", "someone");
  ASSERT_TRUE(make_directories(path("folder")));
  const Tokenizer tokenizer = *read_gguf_tokenizer(metadata_of_file);
  ASSERT_TRUE(facts_to_folder(metadata_of_file, tokenizer, std::vector<int>{54}, path("folder")));
  GgufMetadata again;
  ASSERT_TRUE(facts_to_gguf(path("folder"), again));
  EXPECT_EQ(*again.string_at("general.organization"), "Weir: \"people\"");
  EXPECT_EQ(*again.int_at("general.base_model.count"), 1);
  EXPECT_EQ(*again.double_at("general.sampling.temp"), 0.5);
  EXPECT_FALSE(again.find("general.quantized_by")) << "belongs to the file";
  EXPECT_EQ(json("folder/generation_config.json").find("eos_token_id")->dump(), "54");
}

TEST_F(TravellingFacts, F14ATokenWithoutARowIsLeftOutAndNamed) {
  make_folder("model", 4, kTemplate);  // 62 tokens, 61 rows
  const auto done = convert_to(path("model"), path("m.gguf"));
  ASSERT_TRUE(done) << done.error().message;
  ASSERT_EQ(done->notes.size(), 1u);
  EXPECT_NE(done->notes[0].find("token 61 ('<extra3>') has no row"), std::string::npos);
  EXPECT_EQ(read_gguf_tokenizer(metadata("m.gguf"))->size(), 61);
  make_folder("needs", 4, std::string(kTemplate) + "<extra3>");
  const auto refused = convert_to(path("needs"), path("n.gguf"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("the chat template needs token 61"), std::string::npos)
      << refused.error().message;
}

}  // namespace
}  // namespace weir
