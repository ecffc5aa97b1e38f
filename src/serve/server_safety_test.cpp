// Who gets in, and what one client can do to others: keys, TLS, limits of time and size, isolation.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <mutex>

#include "base/file.h"
#include "serve/key_secret.h"
#include "testing/client_fixture.h"
#include "testing/tls_fixture.h"

namespace weir {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

Headers bearer(const std::string& key) { return {{"Authorization", "Bearer " + key}}; }

struct Safety : testing::Test {
  Safety() : folder(testing::TempDir() + "weir-safety-" + std::to_string(getpid())) {
    std::filesystem::create_directories(folder);
    first = add("first");
    second = add("second");
  }
  ~Safety() override { std::filesystem::remove_all(folder); }
  std::string file(const char* name) const { return join_path(folder, name); }
  std::string add(const std::string& name, KeyLimits limits = {}) {
    KeyRecord key{.id = *random_key_id(), .name = name, .created = 5, .limits = std::move(limits)};
    const std::string secret = *random_key_secret();
    key.hash = *hash_key_secret(secret);
    keys.push_back(key);
    EXPECT_TRUE(write_keys(file("keys.json"), keys));
    return join_key(key.id, secret);
  }
  ServerOptions with_keys() {
    ServerOptions options;
    auto ring = KeyRing::open(file("keys.json"), nullptr);
    EXPECT_TRUE(ring);
    options.keys = *std::move(ring);
    options.http.log = [this](const std::string& line) {
      std::lock_guard lock(mutex);
      log += line + "\n";
    };
    return options;
  }
  std::string folder, first, second;
  std::vector<KeyRecord> keys;
  std::mutex mutex;
  std::string log;
};

TEST_F(Safety, ARequestNeedsAKeyInEachDialectsForm) {
  const auto server = start(with_keys());
  Client client(server->port());
  const auto openai = client.ask("POST", "/v1/chat/completions", hello());
  EXPECT_EQ(openai.result_int(), 401u);
  EXPECT_EQ(openai["www-authenticate"], "Bearer");
  EXPECT_EQ(at(json_of(openai), "error.code").text(), "invalid_api_key");
  const auto wrong = bearer(first.substr(0, first.size() - 1) + (first.back() == 'a' ? 'b' : 'a'));
  const auto anthropic = Client(server->port()).ask("POST", "/v1/messages", hello(), wrong);
  EXPECT_EQ(anthropic.result_int(), 401u);
  EXPECT_EQ(at(json_of(anthropic), "error.type").text(), "authentication_error");
  const auto ollama = Client(server->port()).ask("GET", "/api/tags", "");
  EXPECT_EQ(ollama.result_int(), 401u);
  EXPECT_TRUE(at(json_of(ollama), "error").is_string());
  for (const char* path : {"/metrics", "/props", "/slots", "/v1/models", "/none", "/health/x"})
    EXPECT_EQ(Client(server->port()).ask("GET", path, "").result_int(), 401u) << path;
  for (const char* path : {"/health", "/", "/page/main.js"})
    EXPECT_EQ(Client(server->port()).ask("GET", path, "").result_int(), 200u) << path;
  for (const Headers& headers : {bearer(first), Headers{{"authorization", "bearer  " + second}},
                                 Headers{{"X-Api-Key", second}}}) {
    EXPECT_EQ(Client(server->port()).ask("GET", "/metrics", "", headers).result_int(), 200u);
    EXPECT_EQ(Client(server->port()).ask("POST", "/v1/messages", hello(), headers).result_int(),
              200u);
  }
  // Without keys clients send one nevertheless.
  const auto open = start();
  EXPECT_EQ(Client(open->port()).ask("POST", "/v1/messages", hello(), wrong).result_int(), 200u);
}

TEST_F(Safety, NobodySendsABodyWithoutAKey) {
  const auto server = start(with_keys());
  Client client(server->port());
  client.send(
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n");
  EXPECT_EQ(client.read().result_int(), 401u);
}

TEST_F(Safety, LimitsOfAKeyHold) {
  const std::string few = add("few", {.requests_per_minute = 1});
  const std::string little = add("little", {.tokens_per_minute = 70});
  const std::string named = add("named", {.models = {"another"}});
  const std::string alias = add("alias", {.models = {"other"}});
  const auto server = start(with_keys());
  const auto ask = [&](const std::string& key, const char* path = "/v1/chat/completions") {
    return Client(server->port()).ask("POST", path, hello(), bearer(key));
  };
  EXPECT_EQ(ask(few)["x-ratelimit-limit-requests"], "1");
  const auto refused = ask(few);
  EXPECT_EQ(refused.result_int(), 429u);
  EXPECT_GE(std::stoi(refused["retry-after"]), 1);
  EXPECT_EQ(refused["x-ratelimit-remaining-requests"], "0");
  EXPECT_NE(refused["x-ratelimit-reset-requests"], "");
  EXPECT_EQ(at(json_of(refused), "error.code").text(), "rate_limit_exceeded");
  EXPECT_EQ(at(json_of(ask(few, "/v1/messages")), "error.type").text(), "rate_limit_error");
  // 22 tokens of the prompt and at most 40 of the reply.
  EXPECT_EQ(ask(little).result_int(), 200u);
  const auto later = Client(server->port()).ask("GET", "/props", "", bearer(little));
  EXPECT_LT(std::stoi(later["x-ratelimit-remaining-tokens"]), 70);
  const auto large = Client(server->port())
                         .ask("POST", "/v1/completions",
                              R"({"prompt": ")" + std::string(100, 'x') + R"("})", bearer(little));
  EXPECT_EQ(large.result_int(), 400u) << large.body();
  EXPECT_NE(large.body().find("70 tokens a minute"), std::string::npos) << large.body();
  const auto forbidden = ask(named);
  EXPECT_EQ(forbidden.result_int(), 403u);
  EXPECT_NE(forbidden.body().find("another"), std::string::npos) << forbidden.body();
  EXPECT_EQ(at(json_of(ask(named, "/v1/messages")), "error.type").text(), "permission_error");
  EXPECT_EQ(ask(alias).result_int(), 200u);
}

TEST_F(Safety, VectorsCountAsOneRequestWithTheTokensOfTheirInputs) {
  const std::string key = add("vectors", {.requests_per_minute = 50, .tokens_per_minute = 70});
  const std::string named = add("named", {.models = {"another"}});
  const auto server = start(with_keys());
  const auto ask = [&](const std::string& whose, const std::string& input) {
    return Client(server->port())
        .ask("POST", "/v1/embeddings", R"({"input": )" + input + "}", bearer(whose));
  };
  const std::string ten = "\"abcdefghij\"";  // every byte is a token
  const auto first_reply = ask(key, "[" + ten + ", " + ten + ", " + ten + "]");
  EXPECT_EQ(first_reply.result_int(), 200u) << first_reply.body();
  EXPECT_EQ(number(json_of(first_reply), "usage.prompt_tokens"), 30);
  const auto later = Client(server->port()).ask("GET", "/props", "", bearer(key));
  const int left = std::stoi(later["x-ratelimit-remaining-tokens"]);
  EXPECT_GE(left, 40);  // the bucket fills again meanwhile
  EXPECT_LT(left, 60);
  EXPECT_EQ(later["x-ratelimit-remaining-requests"], "49");
  const auto large = ask(key, "\"" + std::string(71, 'x') + "\"");
  EXPECT_EQ(large.result_int(), 400u) << large.body();
  EXPECT_NE(large.body().find("70 tokens a minute"), std::string::npos) << large.body();
  EXPECT_EQ(ask(named, ten).result_int(), 403u);
}

TEST_F(Safety, AKeyLoadsNoModelThatItMayNotUse) {
  const std::string key = add("one", {.models = {"b-alias"}});
  std::atomic<int> loads{0};
  std::vector<PooledModel> models;
  for (const std::string name : {"a", "b"})
    models.push_back({.names = {name, name + "-alias"}, .load = [&loads](PassGate*) {
                        ++loads;
                        return Result<LoadedModel>(LoadedModel{});
                      }});
  const auto server = *Server::start(*ModelPool::create(std::move(models), {}), with_keys());
  const auto status = [&](const char* method, const char* path, const char* body = "") {
    return Client(server->port()).ask(method, path, body, bearer(key)).result_int();
  };
  const char* const a = R"({"model": "a", "prompt": "x"})";
  for (const char* path : {"/v1/completions", "/v1/messages", "/models/load", "/api/show"})
    EXPECT_EQ(status("POST", path, a), 403u) << path;
  EXPECT_EQ(status("POST", "/v1/completions", R"({"prompt": "x"})"), 403u);  // the first one
  EXPECT_EQ(status("GET", "/props?model=a-alias"), 403u);
  const auto body = [&](const char* path) {
    return json_of(Client(server->port()).ask("GET", path, "", bearer(key)));
  };
  // It sees its own model alone, by all of its names.
  EXPECT_EQ(at(body("/v1/models"), "data").size(), 2u);
  EXPECT_EQ(at(body("/v1/models"), "data.0.id").text(), "b");
  EXPECT_EQ(at(body("/api/tags"), "models").size(), 2u);
  EXPECT_EQ(status("GET", "/v1/models/a"), 404u);
  EXPECT_EQ(status("GET", "/v1/models/b"), 200u);
  const std::string metrics = Client(server->port()).ask("GET", "/metrics", "", bearer(key)).body();
  EXPECT_NE(metrics.find("weir_model_loaded{model=\"b\"} 0"), std::string::npos) << metrics;
  EXPECT_EQ(metrics.find("model=\"a\""), std::string::npos) << metrics;
  const Json unknown = body("/v1/models/c");
  EXPECT_EQ(at(unknown, "error.message").text(),
            "there is no model 'c'; this server has: b, b-alias");
  EXPECT_EQ(loads, 0);
  // Any name of its model: this one is loaded, and writes no text.
  EXPECT_EQ(status("POST", "/v1/completions", R"({"model": "b", "prompt": "x"})"), 400u);
  EXPECT_EQ(loads, 1);
}

// Cached prefixes belong to a key, in memory and on disk.
TEST_F(Safety, OneKeyCannotProbeWhatAnotherAsked) {
  const std::string body =
      R"({"prompt": ")" + std::string(400, 'x') + R"(", "max_tokens": 4, "temperature": 0})";
  const auto hits = [&](const Server& server, const std::string& key) {
    const auto reply = Client(server.port()).ask("POST", "/v1/completions", body, bearer(key));
    return number(json_of(reply), "usage.prompt_cache_hit_tokens");
  };
  {
    const auto server = start(with_keys(), 8, {.store = file("cache")});
    EXPECT_EQ(hits(*server, first), 0);
    EXPECT_EQ(hits(*server, second), 0);
    EXPECT_GT(hits(*server, first), 300);
  }
  const std::string third = add("third");
  const auto server = start(with_keys(), 8, {.store = file("cache")});
  EXPECT_EQ(hits(*server, third), 0);
  EXPECT_GT(hits(*server, first), 200);
}

TEST_F(Safety, ARevokedKeyIsRefusedWhileTheServerRuns) {
  const auto server = start(with_keys());
  Client client(server->port());  // one connection, kept
  EXPECT_EQ(client.ask("GET", "/props", "", bearer(first)).result_int(), 200u);
  keys.erase(keys.begin());
  ASSERT_TRUE(write_keys(file("keys.json"), keys));
  EXPECT_EQ(client.ask("GET", "/props", "", bearer(first)).result_int(), 401u);
  EXPECT_EQ(client.ask("GET", "/props", "", bearer(second)).result_int(), 200u);
}

TEST_F(Safety, TheLogHasNoSecretsAndPromptsOnlyWhenAsked) {
  for (const bool asked : {false, true}) {
    ServerOptions options = with_keys();
    options.logs_prompts = asked;
    const auto server = start(std::move(options));
    Client client(server->port());
    client.ask("POST", "/v1/completions", R"({"prompt": "my\nsecret", "max_tokens": 2})",
               bearer(first));
    client.ask("GET", "/props", "", {{"x-api-key", second + "x"}});
    const std::string metrics = client.ask("GET", "/metrics", "", bearer(first)).body();
    std::lock_guard lock(mutex);
    EXPECT_NE(log.find(keys[0].id), std::string::npos) << log;  // whose request it was
    EXPECT_EQ(log.find(split_key(first)->secret), std::string::npos);
    EXPECT_EQ(log.find(split_key(second)->secret), std::string::npos);
    EXPECT_EQ(metrics.find(keys[0].id), std::string::npos);
    EXPECT_EQ(log.find(R"(my\nsecret)") != std::string::npos, asked) << log;
  }
}

TEST_F(Safety, TlsCarriesTheSameRequests) {
  const std::string chain = file("chain.pem"), key = file("key.pem");
  write_certificate(chain, key, 1);
  ServerOptions options = with_keys();
  auto certificate = TlsCertificate::open(chain, key, options.http.log);
  ASSERT_TRUE(certificate) << certificate.error().message;
  options.http.loop.certificate = *certificate;
  options.http.header_seconds = 0.5;
  const auto server = start(std::move(options));
  {
    Client client(server->port());
    TestTls tls(client);
    ASSERT_TRUE(tls.is_open());
    EXPECT_EQ(tls.version(), "TLSv1.3");
    EXPECT_EQ(tls.serial(), 1);
    for (int i = 0; i < 2; ++i)
      EXPECT_EQ(
          client.ask("POST", "/v1/chat/completions", hello(R"(, "stream": true)"), bearer(first))
              .result_int(),
          200u);
    const auto page = client.ask("GET", "/", "", {{"Origin", "https://localhost"}});
    EXPECT_EQ(page.result_int(), 200u);
  }
  {
    Client client(server->port());
    EXPECT_TRUE(TestTls(client, TLS1_2_VERSION).is_open());
    Client old(server->port());
    EXPECT_FALSE(TestTls(old, TLS1_1_VERSION).is_open());
    Client plain(server->port());
    plain.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    while (plain.read_some() > 0) {
    }  // an alert of TLS, or nothing
    Client silent(server->port());
    EXPECT_EQ(silent.read_some(), 0u);
  }
  // A client that says goodbye has left.
  {
    Client client(server->port());
    TestTls tls(client);
    client.send("POST", "/v1/completions", endless(R"(, "stream": true)"), bearer(first));
    ASSERT_GT(client.read_some(), 0u);
    EXPECT_EQ(server->requests(), 1);
    tls.say_goodbye();
    EXPECT_TRUE(soon([&] { return server->requests() == 0; }));
  }
  // A renewed certificate; one that cannot be used leaves the one before.
  const auto serial = [&] {
    Client client(server->port());
    TestTls tls(client);
    return tls.serial();
  };
  write_certificate(chain, file("other.pem"), 2);
  EXPECT_EQ(serial(), 1);
  write_certificate(chain, key, 3);
  EXPECT_EQ(serial(), 3);
  std::lock_guard lock(mutex);
  EXPECT_NE(log.find("stays in use"), std::string::npos) << log;
}

TEST_F(Safety, WrongCertificatesAreNamed) {
  const std::string chain = file("chain.pem"), key = file("key.pem"), other = file("other.pem");
  write_certificate(chain, other, 1);
  write_certificate(chain, key, 2);
  const auto message = [&](const std::string& c, const std::string& k) {
    const auto opened = TlsCertificate::open(c, k);
    return opened ? std::string("none") : opened.error().message;
  };
  EXPECT_EQ(message(chain, key), "none");
  EXPECT_NE(message(file("no.pem"), key).find("no.pem: No such file"), std::string::npos);
  EXPECT_NE(message(chain, file("no.pem")).find("no.pem: No such file"), std::string::npos);
  EXPECT_NE(message(chain, other).find("is not the private key of"), std::string::npos);
  EXPECT_NE(message(file("keys.json"), key).find("is no chain of certificates"), std::string::npos);
  EXPECT_NE(message(chain, file("keys.json")).find("is no private key"), std::string::npos);
  ASSERT_EQ(chmod(key.c_str(), 0644), 0);
  EXPECT_NE(message(chain, key).find("chmod 600"), std::string::npos) << message(chain, key);
}

TEST_F(Safety, LimitsOfOneRequestHold) {
  ServerOptions options;
  options.http.header_seconds = 0.3;
  const auto server = start(std::move(options));
  const auto status = [&](const std::string& bytes) {
    Client client(server->port());
    client.send(bytes);
    return client.read().result_int();
  };
  const std::string get = "GET /health HTTP/1.1\r\nHost: localhost\r\n";
  std::string fields;
  for (int i = 0; i < 99; ++i) fields += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(status(get + fields + "\r\n"), 200u);
  EXPECT_EQ(status(get + fields + "X-A: 1\r\n\r\n"), 431u);
  EXPECT_EQ(status("GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            414u);
  EXPECT_EQ(status(get + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), 400u);
  EXPECT_EQ(status(get + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), 400u);
  const std::string post = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n";
  EXPECT_EQ(status(post + "Content-Length: 50\r\n\r\n{\"prompt\""), 408u);  // and nothing more
  EXPECT_EQ(status(post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), 400u);
  EXPECT_EQ(status(post + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"), 400u);
}

// What a client sends ahead of its turn is kept for later, and its end is still seen.
TEST_F(Safety, AClientThatPipelinesIsWatched) {
  const auto server = start();
  {
    Client client(server->port());
    const std::string get = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    client.send(get + get + get);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.read().result_int(), 200u);
    client.send("POST", "/v1/completions", endless(R"(, "stream": true)"));
    client.send(get);
    ASSERT_GT(client.read_some(), 0u);
    EXPECT_EQ(server->requests(), 1);
  }
  EXPECT_TRUE(soon([&] { return server->requests() == 0; }));
}

TEST_F(Safety, ConnectionsBeyondTheLimitWaitForRoom) {
  ServerOptions options;
  options.http.loop.connections_max = 4;
  const auto server = start(std::move(options));
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(std::make_unique<Client>(server->port()));
  for (const auto& client : clients) client->send("GET", "/health", "");
  // Where most are taken none is kept, so that all get their turn.
  int closed = 0;
  for (const auto& client : clients) {
    const auto reply = client->read();
    EXPECT_EQ(reply.result_int(), 200u);
    closed += reply["connection"] == "close";
  }
  EXPECT_GE(closed, 2);
}

}  // namespace
}  // namespace weir
