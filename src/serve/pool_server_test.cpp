// A server of two tiny models as clients see it: which one answers, what the lists say, loading and
// unloading by request.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "testing/serve_fixture.h"

namespace weir {
namespace {

std::string text_of(const Json& object, std::string_view key) { return at(object, key).text(); }

// Counts loads; `seed` makes the models answer differently.
PooledModel tiny_entry(const std::string& name, uint64_t seed, std::atomic<int>& loads) {
  PooledModel entry{.names = {name, name + "-alias"}, .bytes = 1000};
  entry.facts = {.path = name + ".gguf", .format = "gguf", .family = "qwen2", .context = 8192};
  entry.facts.abilities.tools = true;
  entry.load = [name, seed, &loads](PassGate* gate) -> Result<LoadedModel> {
    ++loads;
    ServedModelOptions options{.name = name, .aliases = {name + "-alias"}};
    auto model = TRY(ServedModel::create(open_tiny_model(false, seed), name, std::move(options)));
    return loaded_text(std::move(model), 8, gate);
  };
  return entry;
}

struct PoolServer : testing::Test {
  std::atomic<int> loads_a{0}, loads_b{0};
  std::unique_ptr<Server> server;
  void start(ModelPoolOptions options = {}) {
    std::vector<PooledModel> models;
    models.push_back(tiny_entry("a", 5, loads_a));
    models.push_back(tiny_entry("b", 6, loads_b));
    auto pool = ModelPool::create(std::move(models), std::move(options));
    ASSERT_TRUE(pool) << pool.error().message;
    auto started = Server::start(*std::move(pool), {});
    ASSERT_TRUE(started) << started.error().message;
    server = *std::move(started);
  }
  ServedReply post(const std::string& path, const std::string& body) const {
    return ask(server->port(), "POST", path, body);
  }
  Json get(const std::string& path) const { return ask(server->port(), "GET", path).json(); }
  std::string reply_of(const std::string& model) const {
    const ServedReply answer = post("/v1/completions", R"({"prompt": "abc", "max_tokens": 12,
        "temperature": 0, "ignore_eos": true, "model": ")" +
                                                           model + "\"}");
    EXPECT_EQ(answer.status, 200) << answer.body;
    const Json json = answer.json();
    EXPECT_EQ(text_of(json, "model"), model);
    return json.find("choices")->items()[0].find("text")->text();
  }
  std::string status_of(size_t index) const {
    return text_of(*get("/v1/models").find("data")->items()[2 * index].find("status"), "value");
  }
};

std::string expected(uint64_t seed) {
  OpenModel open = open_tiny_model(false, seed);
  Request request;
  request.prompt = *encode_prompt(open, "abc", true);
  request.tokens_max = 12;
  request.sampling.temperature = 0;
  return (*open.generator->generate({&request, 1}))[0].text;
}

TEST_F(PoolServer, TheNamedModelAnswersAndIsLoadedByItsFirstRequest) {
  start();
  EXPECT_EQ(get("/v1/models").find("data")->size(), 4u);
  EXPECT_EQ(get("/api/tags").find("models")->size(), 4u);
  EXPECT_EQ(ask(server->port(), "GET", "/health").status, 200);
  EXPECT_EQ(post("/v1/completions", "{").status, 400);
  const ServedReply unknown = post("/v1/completions", R"({"model": "gpt-9", "prompt": "a"})");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_NE(unknown.body.find("a, a-alias, b, b-alias"), std::string::npos) << unknown.body;
  const Json shown = post("/api/show", R"({"model": "b"})").json();
  EXPECT_EQ(shown.find("capabilities")->dump(), R"(["completion","tools"])");
  EXPECT_EQ(loads_a + loads_b, 0);  // none of this needs a model
  EXPECT_EQ(reply_of("b"), expected(6));
  EXPECT_EQ(reply_of("b-alias"), expected(6));
  EXPECT_EQ(loads_a, 0);
  EXPECT_EQ(reply_of("a"), expected(5));
  EXPECT_EQ(loads_a, 1);
  EXPECT_EQ(loads_b, 1);
  const ServedReply chosen = post("/v1/completions", R"({"prompt": "abc", "max_tokens": 1})");
  EXPECT_EQ(text_of(chosen.json(), "model"), "a");
  EXPECT_EQ(text_of(get("/props?model=b"), "model_alias"), "b");
  const std::string metrics = ask(server->port(), "GET", "/metrics").body;
  for (const char* line : {"weir_model_loaded{model=\"a\"} 1\n", "weir_sequences{model=\"b\"} 0\n",
                           "weir_model_loads_total{model=\"b\"} 1\n"})
    EXPECT_NE(metrics.find(line), std::string::npos) << line << metrics;
}

TEST_F(PoolServer, OllamaLoadsAndUnloadsByKeepAlive) {
  start();
  EXPECT_EQ(get("/api/ps").find("models")->size(), 0u);
  const Json loaded = post("/api/generate", R"({"model": "b", "keep_alive": "10m"})").json();
  EXPECT_EQ(text_of(loaded, "done_reason"), "load");
  const Json running = get("/api/ps");
  ASSERT_EQ(running.find("models")->size(), 1u);
  const Json& entry = running.find("models")->items()[0];
  EXPECT_EQ(text_of(entry, "name"), "b");
  EXPECT_EQ(entry.find("size")->dump(), "1000");
  EXPECT_EQ(text_of(entry, "expires_at").substr(0, 2), "20");
  const Json unloaded = post("/api/generate", R"({"model": "b", "keep_alive": 0})").json();
  EXPECT_EQ(text_of(unloaded, "done_reason"), "unload");
  EXPECT_TRUE(soon([&] { return get("/api/ps").find("models")->size() == 0; }));
  // After a reply that was asked for, too.
  EXPECT_EQ(post("/api/chat", R"({"model": "a", "keep_alive": 0, "stream": false,
      "options": {"num_predict": 2}, "messages": [{"role": "user", "content": "x"}]})")
                .status,
            200);
  EXPECT_TRUE(soon([&] { return get("/api/ps").find("models")->size() == 0; }));
  const ServedReply wrong = post("/api/generate", R"({"model": "a", "keep_alive": "soon"})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_NE(text_of(wrong.json(), "error").find("keep_alive"), std::string::npos);
}

TEST_F(PoolServer, LlamaServersRequestsLoadAndUnload) {
  start();
  EXPECT_EQ(status_of(1), "unloaded");
  EXPECT_EQ(post("/models/load", R"({"model": "b"})").body, R"({"success":true})");
  EXPECT_TRUE(soon([&] { return status_of(1) == "loaded"; }));
  EXPECT_EQ(post("/models/unload", R"({"model": "b"})").body, R"({"success":true})");
  EXPECT_TRUE(soon([&] { return status_of(1) == "unloaded"; }));
  EXPECT_EQ(post("/models/load", R"({"model": "c"})").status, 404);
  EXPECT_EQ(post("/models/load", "{}").status, 400);
}

TEST_F(PoolServer, BothAnswerAtOnceAndGiveWayWhenIdle) {
  start({.bytes_max = 2000});
  const std::string a = expected(5), b = expected(6);
  std::atomic<int> wrong{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 4; ++c)
    clients.emplace_back([&, c] {
      for (int i = 0; i < 4; ++i) wrong += reply_of(c % 2 ? "a" : "b") != (c % 2 ? a : b);
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(loads_a + loads_b, 2);
}

TEST_F(PoolServer, OneAtATimeWhereThereIsMemoryForOne) {
  start({.bytes_max = 1500});
  const std::string a = expected(5), b = expected(6);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(reply_of("a"), a);
    EXPECT_EQ(reply_of("b"), b);
  }
  EXPECT_EQ(loads_a, 3);
  EXPECT_EQ(loads_b, 3);
}

TEST_F(PoolServer, AModelWithoutTextSaysSo) {
  std::vector<PooledModel> models;
  models.push_back({.names = {"other"}});
  models[0].load = [](PassGate*) -> Result<LoadedModel> { return LoadedModel{}; };
  auto started = Server::start(*ModelPool::create(std::move(models), {}), {});
  ASSERT_TRUE(started);
  server = *std::move(started);
  const ServedReply answer = post("/v1/completions", R"({"prompt": "a"})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("writes no text"), std::string::npos) << answer.body;
}

}  // namespace
}  // namespace weir
