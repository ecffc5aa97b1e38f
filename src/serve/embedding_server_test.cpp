// Vectors over HTTP: a server of a tiny encoder and a tiny model that writes, in every dialect.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "serve/server_config.h"
#include "testing/serve_fixture.h"
#include "testing/tokenizer_data.h"

namespace weir {
namespace {

std::string tiny_bert() { return test_data("tiny-bert"); }

PooledModel encoder_entry(int jobs_max = 8) {
  PooledModel entry{.names = {"bert"}};
  if (auto facts = read_model_facts(tiny_bert(), {}))
    entry.facts = *std::move(facts);
  else
    ADD_FAILURE() << facts.error().message;
  entry.load = [jobs_max](PassGate* gate) -> Result<LoadedModel> {
    return loaded_encoder(TRY(Embedder::open(tiny_bert(), {.threads = 2})), jobs_max, gate);
  };
  return entry;
}

PooledModel writer_entry() {
  PooledModel entry{.names = {"writer"}};
  entry.load = [](PassGate* gate) -> Result<LoadedModel> {
    ServedModelOptions options{.name = "writer"};
    auto model = TRY(ServedModel::create(open_tiny_model(), "writer", std::move(options)));
    return loaded_text(std::move(model), 8, gate);
  };
  return entry;
}

struct EmbeddingServer : testing::Test {
  std::unique_ptr<Server> server;
  void start(ServerOptions options = {}, int jobs_max = 8) {
    std::vector<PooledModel> models;
    models.push_back(encoder_entry(jobs_max));
    models.push_back(writer_entry());
    auto pool = ModelPool::create(std::move(models), {});
    ASSERT_TRUE(pool) << pool.error().message;
    auto started = Server::start(*std::move(pool), std::move(options));
    ASSERT_TRUE(started) << started.error().message;
    server = *std::move(started);
  }
  ServedReply post(const std::string& path, const std::string& body) const {
    return ask(server->port(), "POST", path, body);
  }
  Json posted(const std::string& path, const std::string& body) const {
    const ServedReply reply = post(path, body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json();
  }
  void expect_refused(const std::string& path, const std::string& body, int status,
                      const std::string& part) const {
    const ServedReply reply = post(path, body);
    EXPECT_EQ(reply.status, status) << reply.body;
    EXPECT_NE(reply.body.find(part), std::string::npos) << reply.body;
  }
};

std::vector<float> numbers_of(const Json& list) {
  std::vector<float> numbers;
  for (const Json& x : list.items()) numbers.push_back(float(*x.as_double()));
  return numbers;
}

std::vector<float> vector_of(const std::string& text) {
  const auto embedder = Embedder::open(tiny_bert());
  return (*(*embedder)->embed({&text, 1}))[0].vector;
}

std::vector<float> from_base64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0, count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | uint32_t(digits.find(c));
    count += 6;
    if (count >= 8) bytes += char(bits >> (count -= 8) & 0xFF);
  }
  std::vector<float> numbers(bytes.size() / 4);
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * 4);
  return numbers;
}

TEST_F(EmbeddingServer, OpenAIsFormHasTheEmbeddersVectors) {
  start();
  const Json reply =
      posted("/v1/embeddings", R"({"model": "bert", "input": ["a river", "the weir"]})");
  EXPECT_EQ(at(reply, "object").text(), "list");
  EXPECT_EQ(at(reply, "model").text(), "bert");
  EXPECT_EQ(at(reply, "data.1.object").text(), "embedding");
  EXPECT_EQ(number(reply, "data.1.index"), 1);
  EXPECT_EQ(numbers_of(at(reply, "data.0.embedding")), vector_of("a river"));
  EXPECT_EQ(numbers_of(at(reply, "data.1.embedding")), vector_of("the weir"));
  EXPECT_GT(number(reply, "usage.prompt_tokens"), 6);
  EXPECT_EQ(number(reply, "usage.prompt_tokens"), number(reply, "usage.total_tokens"));
  // Without a name the model made for embeddings answers, whatever stands first.
  const Json coded = posted("/embeddings", R"({"input": "a river", "encoding_format": "base64"})");
  EXPECT_EQ(from_base64(at(coded, "data.0.embedding").text()), vector_of("a river"));
  EXPECT_EQ(at(coded, "model").text(), "bert");
}

TEST_F(EmbeddingServer, TokenIdsAreTheTextsTokens) {
  start();
  const auto embedder = Embedder::open(tiny_bert());
  std::vector<int> ids = *(*embedder)->encode("a river");
  std::string list;
  for (size_t i = 1; i + 1 < ids.size(); ++i) list += (i > 1 ? "," : "") + std::to_string(ids[i]);
  const Json one = posted("/v1/embeddings", R"({"model": "bert", "input": [)" + list + "]}");
  EXPECT_EQ(numbers_of(at(one, "data.0.embedding")), vector_of("a river"));
  const Json both =
      posted("/v1/embeddings", R"({"model": "bert", "input": [[)" + list + "], [" + list + "]]}");
  EXPECT_EQ(numbers_of(at(both, "data.1.embedding")), vector_of("a river"));
  expect_refused("/v1/embeddings", R"({"model": "bert", "input": [99999]})", 400, "99999");
}

TEST_F(EmbeddingServer, DimensionsShortenAndKeepLengthOne) {
  start();
  const Json reply =
      posted("/v1/embeddings", R"({"model": "bert", "input": "a river", "dimensions": 5})");
  const std::vector<float> vector = numbers_of(at(reply, "data.0.embedding"));
  ASSERT_EQ(vector.size(), 5u);
  EXPECT_EQ(vector, shortened(vector_of("a river"), 5));
  expect_refused("/v1/embeddings", R"({"model": "bert", "input": "a", "dimensions": 17})", 400,
                 "16 numbers");
}

TEST_F(EmbeddingServer, WrongInputsNameTheirField) {
  start();
  const std::string path = "/v1/embeddings";
  for (const char* input : {"", R"(, "input": null)", R"(, "input": 3)", R"(, "input": {})",
                            R"(, "input": [])", R"(, "input": [[]])", R"(, "input": ["a", 3])",
                            R"(, "input": [1, "a"])", R"(, "input": [-1])", R"(, "input": [1.5])"})
    expect_refused(path, R"({"model": "bert")" + std::string(input) + "}", 400, "'input'");
  expect_refused(path, R"({"model": "bert", "input": "a", "encoding_format": "int8"})", 400,
                 "encoding_format");
  expect_refused(path, R"({"model": "bert", "input": "a", "dimensions": 0})", 400, "dimensions");
  expect_refused(path, R"({"model": "bert", "input": "a", "prompt_name": "code"})", 400,
                 "prompt_name");
  expect_refused(path, R"({"model": "ada-002", "input": "a"})", 404, "bert, writer");
  expect_refused(path, "[]", 400, "JSON object");
  std::string many = R"({"model": "bert", "input": ["a")";
  for (int i = 0; i < 2048; ++i) many += ", \"a\"";
  expect_refused(path, many + "]}", 400, "2049 inputs");
}

std::string long_text() {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "a ";
  return text;
}

TEST_F(EmbeddingServer, TooLongInputsAreRefusedWithBothNumbersOrCut) {
  start();
  const std::string two = R"({"model": "bert", "input": ["a", ")" + long_text() + "\"]}";
  const ServedReply refused = post("/v1/embeddings", two);
  EXPECT_EQ(refused.status, 400);
  const std::string message = at(refused.json(), "error.message").text();
  EXPECT_NE(message.find("'input[1]' has 302 tokens and this model reads at most 120"),
            std::string::npos)
      << message;
  EXPECT_EQ(at(refused.json(), "error.code").text(), "context_length_exceeded");
  const Json cut = posted("/api/embed", two);
  EXPECT_EQ(numbers_of(at(cut, "embeddings.1")), vector_of(long_text()));
  EXPECT_EQ(number(cut, "prompt_eval_count"), 3 + 120);
  const std::string strict =
      R"({"model": "bert", "truncate": false, "input": ")" + long_text() + "\"}";
  expect_refused("/api/embed", strict, 400, "302 tokens");
}

TEST_F(EmbeddingServer, OllamaAndLlamaServerHaveTheirForms) {
  start();
  const Json embedded = posted("/api/embed", R"({"model": "bert:latest", "input": "a river"})");
  EXPECT_EQ(at(embedded, "model").text(), "bert:latest");
  EXPECT_EQ(numbers_of(at(embedded, "embeddings.0")), vector_of("a river"));
  EXPECT_EQ(at(posted("/api/embed", R"({"model": "bert"})"), "embeddings").size(), 0u);  // loads
  const Json old = posted("/api/embeddings", R"({"model": "bert", "prompt": "a river"})");
  EXPECT_EQ(numbers_of(at(old, "embedding")), vector_of("a river"));
  EXPECT_EQ(at(posted("/api/embeddings", R"({"model": "bert", "prompt": ""})"), "embedding").size(),
            0u);
  for (const char* path : {"/embedding", "/embeddings"}) {
    const Json list = posted(path, R"({"model": "bert", "content": ["a", "a river"]})");
    EXPECT_EQ(number(list, "1.index"), 1);
    EXPECT_EQ(numbers_of(at(list, "1.embedding.0")), vector_of("a river"));
  }
  expect_refused("/embedding", R"({"model": "bert", "content": "a", "embd_normalize": -1})", 400,
                 "embd_normalize");
}

TEST_F(EmbeddingServer, AnEncoderIsListedWithItsAbilityAndRefusesToWrite) {
  start();
  const Json list = ask(server->port(), "GET", "/v1/models").json();
  EXPECT_EQ(at(list, "data.0.capabilities").dump(), R"(["embedding"])");
  EXPECT_EQ(at(list, "data.1.capabilities").dump(), R"(["completion"])");
  EXPECT_EQ(number(list, "data.0.meta.n_ctx_train"), 120);
  EXPECT_EQ(at(posted("/api/show", R"({"model": "bert"})"), "capabilities").dump(),
            R"(["embedding"])");
  const std::string asked = R"({"model": "bert", "messages": [{"role": "user", "content": "x"}]})";
  for (const char* path : {"/v1/chat/completions", "/api/chat", "/v1/messages"})
    expect_refused(path, asked, 400, "makes embeddings and writes no text");
  expect_refused("/v1/completions", R"({"model": "bert", "prompt": "x"})", 400,
                 "name a model that writes: writer");
  // Nothing was loaded for it.
  const Json after = ask(server->port(), "GET", "/v1/models").json();
  EXPECT_EQ(at(after, "data.0.status.value").text(), "unloaded");
  // Without a name the model that writes answers, although the encoder stands first.
  const Json written =
      posted("/v1/completions", R"({"prompt": "abc", "max_tokens": 2, "temperature": 0})");
  EXPECT_EQ(at(written, "model").text(), "writer");
}

TEST_F(EmbeddingServer, AModelThatWritesGivesTheMeanOfItsHiddenStates) {
  start();
  const Json reply = posted("/v1/embeddings", R"({"model": "writer", "input": "abc"})");
  OpenModel open = open_tiny_model();
  const auto embedder = Embedder::over(open, "writer");
  ASSERT_TRUE(embedder);
  const std::string text = "abc";
  EXPECT_EQ(numbers_of(at(reply, "data.0.embedding")), (*(*embedder)->embed({&text, 1}))[0].vector);
}

// Replies of the model run meanwhile on the same cores: neither changes the other.
TEST_F(EmbeddingServer, VectorsHaveTheSameBitsAmongManyClients) {
  start();
  const auto ask_for = [&](int client) {
    bool is_right = true;
    for (int i = 0; i < 6; ++i) {
      const std::string text = "river " + std::string(size_t(client + i), 'a') + " weir";
      if (client % 3 == 2) {
        const ServedReply reply = post(
            "/v1/completions",
            R"({"model": "writer", "prompt": "abc", "max_tokens": 8, "temperature": 0, "ignore_eos": true})");
        is_right &= reply.status == 200;
        continue;
      }
      const std::string model = client % 3 == 0 ? "bert" : "writer";
      const Json reply = posted(
          "/v1/embeddings", R"({"model": ")" + model + R"(", "input": ["x", ")" + text + "\"]}");
      const Json again =
          posted("/v1/embeddings", R"({"model": ")" + model + R"(", "input": ")" + text + "\"}");
      is_right &= at(reply, "data.1.embedding").dump() == at(again, "data.0.embedding").dump();
      if (model == "bert") is_right &= numbers_of(at(again, "data.0.embedding")) == vector_of(text);
    }
    return is_right;
  };
  std::vector<std::thread> clients;
  std::atomic<int> right{0};
  for (int c = 0; c < 6; ++c) clients.emplace_back([&, c] { right += ask_for(c); });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 6);
}

TEST(EmbeddingThreads, FullQueuesRefuseAndJobsThatAreCancelledEnd) {
  const auto embedder = Embedder::open(tiny_bert());
  ASSERT_TRUE(embedder);
  EmbeddingThread thread(**embedder, 2, nullptr);
  std::atomic<int> ended{0};
  const std::vector<std::vector<int>> many(400, std::vector<int>(100, 7));
  const auto done = [&](Result<std::vector<std::vector<float>>> vectors) {
    ended += vectors && vectors->size() == 400;
  };
  const auto first = thread.submit(many, done), second = thread.submit(many, done);
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(thread.submit(many, done));
  thread.cancel(*first);
  const auto third = thread.submit(many, done);
  EXPECT_TRUE(third);
  thread.cancel(*third);
  EXPECT_TRUE(soon([&] { return ended == 1; }));
  thread.stop();
  EXPECT_FALSE(thread.submit(many, done));
  EXPECT_EQ(ended, 1);
}

TEST(EmbeddingThreads, AShortRequestDoesNotWaitForALongList) {
  const auto embedder = Embedder::open(tiny_bert());
  ASSERT_TRUE(embedder);
  EmbeddingThread thread(**embedder, 8, nullptr);
  std::atomic<bool> long_ended{false}, short_first{false}, short_ended{false};
  thread.submit(std::vector<std::vector<int>>(2000, std::vector<int>(110, 9)),
                [&](auto) { long_ended = true; });
  thread.submit({{2, 7, 3}}, [&](auto) {
    short_first = !long_ended;
    short_ended = true;
  });
  EXPECT_TRUE(soon([&] { return short_ended.load(); }));
  EXPECT_TRUE(short_first);
}

TEST(EmbeddingPool, AnEncoderOfTheConfigurationIsServed) {
  ServerConfig config;
  config.models.push_back({.path = tiny_bert()});
  auto pool = make_pool(config, {});
  ASSERT_TRUE(pool) << pool.error().message;
  EXPECT_EQ((*pool)->model(0).names[0], "tiny-bert");
  EXPECT_EQ((*pool)->model(0).facts.family, "bert");
  EXPECT_GT((*pool)->model(0).facts.parameters, 1000);
  EXPECT_TRUE((*pool)->load_now(0));
}

}  // namespace
}  // namespace weir
