#include "embed/embedder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "base/atomic_output.h"
#include "base/text.h"
#include "checkpoint/encoder_files.h"
#include "embed/vector_text.h"
#include "testing/tokenizer_data.h"

namespace weir {
namespace {

std::unique_ptr<Embedder> must_open(const std::string& path, EmbedderOptions options = {}) {
  auto embedder = Embedder::open(path, options);
  if (!embedder) ADD_FAILURE() << embedder.error().message;
  return embedder ? *std::move(embedder) : nullptr;
}

struct GoldenRow {
  std::string text;
  std::vector<int> ids;
  std::vector<float> vector;
};
std::vector<GoldenRow> golden_rows(const std::string& path) {
  std::vector<GoldenRow> rows;
  for (const std::string& line : split(must_read(path), '\n')) {
    if (line.empty()) continue;
    const auto json = parse_json(line);
    if (!json) ADD_FAILURE() << path;
    GoldenRow& row = rows.emplace_back();
    row.text = json->text_at("text");
    for (const Json& id : json->find("ids")->items()) row.ids.push_back(int(*id.as_int()));
    for (const Json& x : json->find("vector")->items()) row.vector.push_back(float(*x.as_double()));
  }
  EXPECT_GT(rows.size(), 10u);
  return rows;
}

void expect_vectors_as_in(const std::string& model, const std::string& golden, float tolerance) {
  const auto embedder = must_open(model);
  ASSERT_TRUE(embedder);
  EXPECT_EQ(embedder->note(), "");
  std::vector<std::string> texts;
  const std::vector<GoldenRow> rows = golden_rows(golden);
  for (const GoldenRow& row : rows) texts.push_back(row.text);
  const auto made = embedder->embed(texts);
  ASSERT_TRUE(made) << made.error().message;
  for (size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ((*made)[i].vector.size(), rows[i].vector.size());
    float largest = 0;
    for (size_t c = 0; c < rows[i].vector.size(); ++c)
      largest = std::max(largest, std::fabs((*made)[i].vector[c] - rows[i].vector[c]));
    EXPECT_LT(largest, tolerance) << rows[i].text;
  }
}

TEST(EmbedderGolden, ABertHasSentenceTransformersVectors) {
  expect_vectors_as_in(test_data("tiny-bert"), test_data("tiny-bert/golden.jsonl"), 1e-5f);
}

// The default prompt "Query: " goes before each text, the last token is <|endoftext|>.
TEST(EmbedderGolden, ADecoderHasSentenceTransformersVectors) {
  expect_vectors_as_in(test_data("tiny-qwen3-embedding"),
                       test_data("tiny-qwen3-embedding/golden.jsonl"), 1e-5f);
}

std::string real_minilm() {
  const char* folder = std::getenv("WEIR_REAL_MODELS");
  const std::string path = join_path(folder ? folder : "", "all-MiniLM-L6-v2");
  return folder && is_directory(path) ? path : "";
}

TEST(EmbedderGolden, MiniLMHasSentenceTransformersVectors) {
  const std::string path = real_minilm();
  if (path.empty()) GTEST_SKIP() << "no all-MiniLM-L6-v2 in WEIR_REAL_MODELS";
  expect_vectors_as_in(path, test_data("minilm.golden.jsonl"), 1e-5f);
}

std::vector<std::string> some_texts() {
  std::vector<std::string> texts;
  for (int i = 0; i < 23; ++i) {
    std::string& text = texts.emplace_back();
    for (int w = 0; w < (i * 7) % 40; ++w) text += "river weir " + std::to_string(w * i) + " ";
  }
  return texts;
}

bool are_same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void expect_same_bits_in_any_company(const std::string& model) {
  const std::vector<std::string> texts = some_texts();
  const auto together = must_open(model, {.threads = 3});
  const auto alone = must_open(model, {.threads = 1, .rows = 1});
  const auto all = together->embed(texts);
  ASSERT_TRUE(all) << all.error().message;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto one = alone->embed({&texts[i], 1});
    ASSERT_TRUE(one) << one.error().message;
    EXPECT_TRUE(are_same((*one)[0].vector, (*all)[i].vector)) << i;
    EXPECT_NEAR(std::sqrt(std::inner_product((*one)[0].vector.begin(), (*one)[0].vector.end(),
                                             (*one)[0].vector.begin(), 0.0)),
                1, 1e-6);
  }
}

TEST(Embedder, AVectorHasTheSameBitsInAnyCompanyAndOnAnyThreads) {
  expect_same_bits_in_any_company(test_data("tiny-bert"));
  expect_same_bits_in_any_company(test_data("tiny-qwen3-embedding"));
}

TEST(Embedder, LongTextsLoseTheirEndButNotTheTokensAroundThem) {
  const auto embedder = must_open(test_data("tiny-bert"));
  ASSERT_EQ(embedder->tokens_max(), 120);  // of sentence_bert_config.json; the model has 160
  std::string text;
  for (int i = 0; i < 300; ++i) text += "a ";
  const auto ids = embedder->encode(text);
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->size(), 302u);
  const std::vector<int> cut = embedder->cut(*ids);
  EXPECT_EQ(cut.size(), 120u);
  EXPECT_EQ(cut.front(), ids->front());
  EXPECT_EQ(cut.back(), ids->back());
  const auto made = embedder->embed({&text, 1});
  ASSERT_TRUE(made);
  EXPECT_TRUE((*made)[0].is_cut);
  EXPECT_EQ((*made)[0].tokens, 120);
}

TEST(Embedder, GivenTokensGetTheOnesAroundATextOnce) {
  const auto embedder = must_open(test_data("tiny-bert"));
  EXPECT_EQ(*embedder->frame({7, 8}), (std::vector<int>{2, 7, 8, 3}));
  EXPECT_EQ(*embedder->frame({2, 7, 8, 3}), (std::vector<int>{2, 7, 8, 3}));
  EXPECT_EQ(*embedder->frame({}), (std::vector<int>{2, 3}));
  EXPECT_NE(embedder->frame({100000}).error().message.find("100000"), std::string::npos);
}

TEST(Embedder, PromptsAreFoundByName) {
  const auto embedder = must_open(test_data("tiny-qwen3-embedding"));
  EXPECT_EQ(*embedder->prompt(""), "Query: ");
  EXPECT_EQ(*embedder->prompt("document"), "");
  EXPECT_NE(embedder->prompt("code").error().message.find("document, query"), std::string::npos);
}

TEST(Embedder, ShortenedVectorsHaveLengthOne) {
  EXPECT_EQ(shortened({0.6f, 0.0f, 0.8f}, 2), (std::vector<float>{1, 0}));
  EXPECT_EQ(shortened({0.6f, 0.8f}, 2), (std::vector<float>{0.6f, 0.8f}));
}

// A copy of tiny-bert with some files written anew; "" removes one.
std::string changed_bert(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string folder = testing::TempDir() + "weir_embed_XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  EXPECT_EQ(system(("cp -r " + test_data("tiny-bert") + "/. " + folder).c_str()), 0);
  for (const auto& [name, text] : files) {
    if (text.empty())
      EXPECT_EQ(remove(join_path(folder, name).c_str()), 0);
    else
      EXPECT_TRUE(write_file_atomic(join_path(folder, name), text));
  }
  return folder;
}
std::string open_error(const std::vector<std::pair<std::string, std::string>>& files) {
  const auto embedder = Embedder::open(changed_bert(files));
  return embedder ? "" : embedder.error().message;
}
void expect_names(const std::string& message, const std::string& place) {
  EXPECT_NE(message.find(place), std::string::npos) << message;
}

TEST(EmbeddingConfigFiles, WhatNobodyComputesIsAnErrorWithItsPlace) {
  const std::string modules = R"([{"type": "sentence_transformers.models.Transformer", "path": ""},
      {"type": "x.Dense", "path": "2_Dense"}])";
  expect_names(open_error({{"modules.json", modules}}), "Dense");
  expect_names(open_error({{"modules.json", R"([{"type": "Transformer", "path": "../x"}])"}}),
               "'path'");
  expect_names(open_error({{"1_Pooling/config.json", R"({"pooling_mode_max_tokens": true})"}}),
               "max");
  expect_names(
      open_error({{"1_Pooling/config.json",
                   R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})"}}),
      "more than one pooling");
  expect_names(open_error({{"1_Pooling/config.json", R"({"pooling_mode": "median"})"}}),
               "'median'");
  expect_names(open_error({{"sentence_bert_config.json", R"({"max_seq_length": 0})"}}),
               "max_seq_length");
  expect_names(open_error({{"sentence_bert_config.json", R"({"max_seq_length": 2})"}}),
               "no room for the 2 tokens");
  expect_names(open_error({{"config_sentence_transformers.json",
                            R"({"prompts": {"a": "A: "}, "default_prompt_name": "b"})"}}),
               "default_prompt_name");
  expect_names(open_error({{"tokenizer.json", ""}}), "tokenizer.json");
  expect_names(open_error({{"config.json", R"({"model_type": "mpnet"})"}}), "'mpnet'");
  expect_names(open_error({{"config.json", R"({"model_type": "bert", "hidden_act": "relu"})"}}),
               "'hidden_act'");
}

TEST(EmbeddingConfigFiles, PoolingsGiveOtherVectors) {
  const std::string text = "a river";
  const auto vector_of = [&](const std::string& pooling) {
    const auto embedder = must_open(changed_bert({{"1_Pooling/config.json", pooling}}));
    return embedder ? (*embedder->embed({&text, 1}))[0].vector : std::vector<float>();
  };
  const auto first = vector_of(R"({"pooling_mode_cls_token": true})");
  const auto last = vector_of(R"({"pooling_mode": "lasttoken"})");
  const auto mean = vector_of(R"({"word_embedding_dimension": 16})");
  EXPECT_FALSE(are_same(first, last));
  EXPECT_FALSE(are_same(first, mean));
  const auto usual = must_open(test_data("tiny-bert"));
  EXPECT_TRUE(are_same(mean, (*usual->embed({&text, 1}))[0].vector));
}

// tiny-bert as llama.cpp's converter writes it (names of gguf 0.19).
std::string gguf_of_bert() {
  const auto files = EncoderFiles::open(test_data("tiny-bert"));
  EXPECT_TRUE(files);
  GgufMetadata metadata;
  metadata.set("general.architecture", std::string("bert"));
  for (const auto& [key, value] : {std::pair{"embedding_length", 16},
                                   {"feed_forward_length", 40},
                                   {"block_count", 2},
                                   {"attention.head_count", 2},
                                   {"context_length", 160},
                                   {"pooling_type", 1}})
    metadata.set(std::string("bert.") + key, int64_t(value));
  metadata.set("bert.attention.layer_norm_epsilon", 1e-12);
  metadata.set("tokenizer.ggml.model", std::string("bert"));
  const auto json = read_json_file(test_data("tiny-bert/tokenizer.json"));
  const Json& vocabulary = *json->find("model")->find("vocab");
  std::vector<std::string> tokens(vocabulary.size());
  for (const auto& [text, id] : vocabulary.members())
    tokens[size_t(*id.as_int())] = text.starts_with("##")                     ? text.substr(2)
                                   : text.starts_with("[") && text.size() > 2 ? text
                                                                              : "\u2581" + text;
  metadata.set("tokenizer.ggml.tokens", std::move(tokens));
  std::vector<std::pair<std::string, std::string>> names = {
      {"embeddings.word_embeddings.weight", "token_embd.weight"},
      {"embeddings.position_embeddings.weight", "position_embd.weight"},
      {"embeddings.token_type_embeddings.weight", "token_types.weight"},
      {"embeddings.LayerNorm.weight", "token_embd_norm.weight"},
      {"embeddings.LayerNorm.bias", "token_embd_norm.bias"}};
  for (const std::string layer : {"0.", "1."})
    for (const char* kind : {".weight", ".bias"})
      for (const auto& [name, other] : {std::pair{"attention.self.query", "attn_q"},
                                        {"attention.self.key", "attn_k"},
                                        {"attention.self.value", "attn_v"},
                                        {"attention.output.dense", "attn_output"},
                                        {"attention.output.LayerNorm", "attn_output_norm"},
                                        {"intermediate.dense", "ffn_up"},
                                        {"output.dense", "ffn_down"},
                                        {"output.LayerNorm", "layer_output_norm"}})
        names.emplace_back("encoder.layer." + layer + name + kind, "blk." + layer + other + kind);
  std::vector<GgufWriter::Tensor> tensors;
  std::vector<StoredTensor> stored;
  for (const auto& [name, other] : names)
    for (const std::vector<uint64_t>& shape : std::vector<std::vector<uint64_t>>{
             {16}, {40}, {16, 16}, {40, 16}, {16, 40}, {2, 16}, {160, 16}, {358, 16}})
      if (auto tensor = (*files)->find(name, shape)) {
        tensors.push_back({other, WeightType::f32, shape});
        stored.push_back(*std::move(tensor));
      }
  EXPECT_EQ(stored.size(), names.size());
  const std::string path = testing::TempDir() + "weir_embed_bert.gguf";
  auto writer = GgufWriter::create(path, metadata, std::move(tensors));
  EXPECT_TRUE(writer);
  for (const StoredTensor& tensor : stored)
    EXPECT_TRUE(writer->write({tensor.data, size_t(tensor.bytes())}));
  EXPECT_TRUE(writer->finish());
  return path;
}

TEST(EmbeddingConfigFiles, AGgufFileGivesTheFoldersBits) {
  const std::string path = gguf_of_bert();
  const auto folder = must_open(test_data("tiny-bert")), file = must_open(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->note(), "");
  EXPECT_EQ(file->tokens_max(), 160);  // the key of a shorter limit does not exist
  const std::vector<std::string> texts = {"A river is tamed", "深淘滩，低作堰。", "naïve", ""};
  const auto a = folder->embed(texts), b = file->embed(texts);
  ASSERT_TRUE(a && b);
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_TRUE(are_same((*a)[i].vector, (*b)[i].vector));
}

TEST(EmbeddingConfigFiles, WithoutModulesTheMeanIsAGuessThatIsNoted) {
  const auto embedder = must_open(changed_bert({{"modules.json", ""}}));
  ASSERT_TRUE(embedder);
  EXPECT_EQ(embedder->pooling(), Pooling::mean);
  expect_names(embedder->note(), "do not say");
}

TEST(VectorText, NumbersComeBackAsTheyWere) {
  const std::vector<float> vector = {0.1f, -1e-20f, 3, 1 / 3.f, 16777216};
  const auto json = parse_json(vector_json(vector));
  ASSERT_TRUE(json);
  ASSERT_EQ(json->size(), vector.size());
  for (size_t i = 0; i < vector.size(); ++i)
    EXPECT_EQ(float(*json->items()[i].as_double()), vector[i]);
  EXPECT_EQ(vector_json({}), "[]");
}

TEST(VectorText, Base64HoldsLittleEndianBytes) {
  const std::vector<float> vector = {1, -2};  // 00 00 80 3F 00 00 00 C0
  EXPECT_EQ(vector_base64({vector.data(), 1}), "AACAPw==");
  EXPECT_EQ(vector_base64(vector), "AACAPwAAAMA=");
  EXPECT_EQ(vector_base64({}), "");
}

}  // namespace
}  // namespace weir
