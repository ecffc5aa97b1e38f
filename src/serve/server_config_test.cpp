// The file of a server, and what is found in a body before its dialect reads it.
#include "serve/server_config.h"

#include <gtest/gtest.h>

#include "serve/request_fields.h"
#include "serve/request_head.h"

namespace weir {
namespace {

Result<ServerConfig> read_yaml(const std::string& yaml, ServerConfig defaults = {}) {
  return read_server_config(TRY(Recipe::parse(yaml, "server.yaml")), std::move(defaults),
                            {.at_start = true});
}

TEST(ServerConfig, SaysAllOfAServer) {
  const auto config = read_yaml(R"(
port: 9000
memory: 12.5
idle_seconds: 300
models:
  coder:
    path: models/coder.gguf
    aliases: [gpt-4o-mini, qwen2.5-coder]
    cache_limit: 2
    cache_type: q8
    speculate: ngram
    sampling: {temperature: 0.2, top_k: 40}
  thinker:
    path: models/thinker
    thinking: on
    idle_seconds: 0
    keep: true
    at_start: true
  last: {path: x, threads: 1}
)",
                                {.port = 1, .queue = 7});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->port, 9000);
  EXPECT_EQ(config->queue, 7);  // of the command line
  EXPECT_EQ(config->memory_gib, 12.5);
  ASSERT_EQ(config->models.size(), 3u);
  const ModelEntry &coder = config->models[0], &thinker = config->models[1],
                   &last = config->models[2];
  EXPECT_EQ(coder.served.name, "coder");
  EXPECT_EQ(coder.served.aliases, (std::vector<std::string>{"gpt-4o-mini", "qwen2.5-coder"}));
  EXPECT_EQ(coder.options.cache_limit_gib, 2);
  EXPECT_EQ(coder.options.cache_type, "q8");
  EXPECT_EQ(coder.options.speculate, "ngram");
  EXPECT_EQ(coder.served.sampling.temperature, 0.2);
  EXPECT_EQ(coder.served.sampling.top_k, 40);
  EXPECT_EQ(coder.idle_seconds, 300);
  EXPECT_EQ(coder.served.form.thinking, std::nullopt);
  EXPECT_EQ(thinker.served.form.thinking, true);
  EXPECT_EQ(thinker.idle_seconds, 0);
  EXPECT_TRUE(thinker.stays);
  EXPECT_EQ(last.options.threads, 1);
  EXPECT_TRUE(coder.at_start && thinker.at_start);
  EXPECT_FALSE(last.at_start);
}

TEST(ServerConfig, ErrorsNameTheLine) {
  const struct {
    const char *yaml, *message;
  } cases[] = {
      {"models:\n  a: {path: x}\nprot: 80\n", "server.yaml:3: 'prot' is no known key"},
      {"models:\n  a:\n    path: x\n    cache_typ: q8\n", "server.yaml:4: 'models.a.cache_typ'"},
      {"models:\n  a:\n    path: x\n    cache_type: q9\n", "server.yaml:4: 'models.a.cache_type'"},
      {"models:\n  a:\n    path: x\n    sampling: {top_p: 2}\n",
       "server.yaml:4: 'models.a.sampling.top_p' must be between 0 and 1"},
      {"port: 70000\n", "server.yaml:1: 'port'"},
      {"models:\n  a:\n    aliases: [b]\n", "server.yaml:2: 'models.a.path' must name"},
      {"models:\n  a: x.gguf\n", "'models.a' must be a section"},
      {"port: 80\ntls_cert: /nowhere.pem\n", "server.yaml:2: 'tls_cert' names a file"},
      {"keys: /nowhere.json\n", "server.yaml:1: 'keys' names a file"},
      {"port: 80\ntls_key: /dev/null\n", "server.yaml:2: 'tls_key' needs the other"},
      {"models: {}\n", "'models' must have a section"},
      {"port: 80\n", "'models' must have a section"},
  };
  for (const auto& [yaml, message] : cases) {
    const auto config = read_yaml(yaml);
    ASSERT_FALSE(config) << yaml;
    EXPECT_NE(config.error().message.find(message), std::string::npos) << config.error().message;
  }
}

TEST(ServerConfig, ModelsThatCannotBeReadAreErrorsAtTheStart) {
  ServerConfig config;
  config.models.push_back({.path = "/nowhere/model.gguf"});
  const auto pool = make_pool(config, {});
  ASSERT_FALSE(pool);
  EXPECT_NE(pool.error().message.find("/nowhere/model.gguf"), std::string::npos);
}

TEST(RequestHead, IsWhatTheWholeBodySays) {
  const char* bodies[] = {
      R"({"model": "a"})",
      R"({"messages": [{"role": "user", "content": "\"model\": \"b\" } ] \\"}], "model":"a b"})",
      R"({"options": {"model": "no", "x": [1, {"model": "no"}]}, "model" : "y\u00e9s", "n": -1.5e3})",
      R"({"model": 5, "keep_alive": "5m"})",
      R"({"\u006dodel": "escaped key", "keep_alive": -1})",
      R"({ "stream" : true , "keep_alive" : { "a" : 1 } , "model" : null , "name" : "n" })",
      R"({})",
      R"({"a": "", "model": ""})",
  };
  for (const char* body : bodies) {
    const auto whole = parse_json(body);
    ASSERT_TRUE(whole) << body;
    const RequestHead head = read_head(body);
    const auto text_at = [&](const char* key) {
      const Json* value = whole->find(key);
      return value ? value->text() : "";
    };
    EXPECT_EQ(head.model, text_at("model")) << body;
    EXPECT_EQ(head.name, text_at("name")) << body;
    const Json* keep = whole->find("keep_alive");
    EXPECT_EQ(head.keep_alive.dump(), (keep ? *keep : Json()).dump()) << body;
  }
  for (const char* body :
       {"", "{", "[]", R"({"model)", R"({"model":)", R"({"model":"a)", "{\"a\"}"})
    EXPECT_EQ(read_head(body).model, "") << body;
}

TEST(RequestHead, KeepAliveIsADuration) {
  const struct {
    const char* json;
    double seconds;
  } cases[] = {{"300", 300},      {"\"5m\"", 300},    {"\"1h30m\"", 5400}, {"0", 0},
               {"\"0\"", 0},      {"-1", -1},         {"\"-1\"", -1},      {"\"-1m\"", -60},
               {"\"1.5s\"", 1.5}, {"\"500ms\"", 0.5}, {"1e300", -1}};
  for (const auto& [json, seconds] : cases) {
    auto keep = read_keep_alive(*parse_json(json));
    ASSERT_TRUE(keep && *keep) << json;
    EXPECT_DOUBLE_EQ(**keep, seconds) << json;
  }
  auto nothing = read_keep_alive(Json());
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
  for (const char* json : {"\"soon\"", "\"\"", "\"5 m\"", "\"m\"", "true", "\"-\"", "\"1.2.3s\""})
    EXPECT_FALSE(read_keep_alive(*parse_json(json))) << json;
}

TEST(RequestHead, QueriesAreDecoded) {
  EXPECT_EQ(query_value("model=a%2Fb%3A0.5b&x=1", "model"), "a/b:0.5b");
  EXPECT_EQ(query_value("x=1&model=a+b%", "model"), "a b%");
  EXPECT_EQ(query_value("models=a", "model"), "");
  EXPECT_EQ(query_value("", "model"), "");
}

}  // namespace
}  // namespace weir
