// The server as a client sees it. What it must answer comes from a generator of the same model.
#include "serve/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "testing/client_fixture.h"

namespace weir {
namespace {

Completion expected(const std::string& rendered, int tokens) {
  OpenModel open = open_tiny(1);
  Request request;
  request.prompt = *open.tokenizer->encode(rendered);
  request.tokens_max = tokens;
  request.sampling = {.temperature = 0};
  request.stop_ids = end_ids(open);
  return (*open.generator->generate({&request, 1}))[0];
}

TEST(Server, AChatIsWhatTheGeneratorSays) {
  const auto server = start();
  const Completion wanted = expected("<user>hello<assistant>", 40);
  const Json reply = json_of(Client(server->port()).ask("POST", "/v1/chat/completions", hello()));
  EXPECT_EQ(at(reply, "choices.0.message.role").text(), "assistant");
  EXPECT_EQ(at(reply, "object").text(), "chat.completion");
  EXPECT_EQ(at(reply, "model").text(), "tiny");
  EXPECT_EQ(number(reply, "usage.prompt_tokens"), 22);
  EXPECT_EQ(number(reply, "usage.completion_tokens"), int64_t(wanted.tokens.size()));
  EXPECT_EQ(number(reply, "usage.prompt_cache_hit_tokens"), 0);
  const std::string text = at(reply, "choices.0.message.content").text();
  EXPECT_FALSE(text.empty());
  EXPECT_NE(wanted.text.find(text), std::string::npos) << text << "\n"
                                                       << wanted.text;  // blanks aside
}

TEST(Server, AStreamIsTheWholeReplyInParts) {
  const auto server = start();
  Client client(server->port());  // both on one connection
  const Json whole = json_of(client.ask("POST", "/chat/completions", hello()));
  client.send("POST", "/chat/completions",
              hello(R"(, "stream": true, "stream_options": {"include_usage": true})"));
  const auto response = client.read();
  EXPECT_EQ(response[http::field::content_type], "text/event-stream; charset=utf-8");
  std::string text, reason;
  const std::vector<Json> events = stream_events(response.body());
  ASSERT_GT(events.size(), 3u);
  EXPECT_EQ(at(events[0], "choices.0.delta.role").text(), "assistant");
  for (const Json& event : events) {
    text += at(event, "choices.0.delta.content").text();
    reason += at(event, "choices.0.finish_reason").text();
    EXPECT_EQ(event.is_object() ? at(event, "id").text() : at(events[0], "id").text(),
              at(events[0], "id").text());
  }
  EXPECT_EQ(text, at(whole, "choices.0.message.content").text());
  EXPECT_EQ(reason, at(whole, "choices.0.finish_reason").text());
  EXPECT_EQ(events.back().text(), "[DONE]");
  const Json& usage = events[events.size() - 2];
  EXPECT_EQ(at(usage, "choices").size(), 0u);
  EXPECT_EQ(number(usage, "usage.total_tokens"), number(whole, "usage.total_tokens"));
  EXPECT_GT(number(usage, "usage.prompt_cache_hit_tokens"), 0);  // the first request read it
}

TEST(Server, ChoicesAreStreamsOfOneSeed) {
  const auto server = start();
  const Json reply = json_of(Client(server->port())
                                 .ask("POST", "/v1/completions",
                                      R"({"prompt": [5, 6, 7], "n": 2, "seed": 11, "max_tokens": 9,
                                          "temperature": 0.9, "logprobs": 2, "ignore_eos": true})"));
  ASSERT_EQ(at(reply, "choices").size(), 2u);
  OpenModel open = open_tiny(1);
  for (uint64_t i = 0; i < 2; ++i) {
    Request request;
    request.prompt = {5, 6, 7};
    request.tokens_max = 9;
    request.sampling = {.temperature = 0.9, .top_log_probabilities = 2, .seed = 11};
    request.stream = i;
    const Completion wanted = (*open.generator->generate({&request, 1}))[0];
    const Json& choice = at(reply, "choices").items()[i];
    EXPECT_EQ(at(choice, "text").text(), wanted.text);
    ASSERT_EQ(at(choice, "logprobs.token_logprobs").size(), 9u);
    for (size_t t = 0; t < 9; ++t)
      EXPECT_EQ(*at(choice, "logprobs.token_logprobs").items()[t].as_double(),
                double(wanted.model_log_probabilities[t]));
  }
  EXPECT_EQ(number(reply, "usage.prompt_tokens"), 3);
  EXPECT_EQ(number(reply, "usage.completion_tokens"), 18);
}

TEST(Server, AStopStringEndsTheAnswerBeforeIt) {
  const auto server = start();
  const std::string body = R"({"prompt": "abc", "max_tokens": 30, "temperature": 0)";
  Client client(server->port());
  const Json whole = json_of(client.ask("POST", "/v1/completions", body + "}"));
  const std::string text = at(whole, "choices.0.text").text();
  size_t place = 0;  // an ASCII character in the middle
  for (size_t i = text.size() / 2; i < text.size() && place == 0; ++i)
    if (text[i] > ' ' && text[i] < 127 && text[i] != '"' && text[i] != '\\') place = i;
  ASSERT_GT(place, 0u) << text;
  const std::string stop(1, text[place]);
  const Json cut =
      json_of(client.ask("POST", "/v1/completions", body + R"(, "stop": [")" + stop + R"("]})"));
  EXPECT_EQ(at(cut, "choices.0.text").text(), text.substr(0, text.find(stop)));
  EXPECT_EQ(at(cut, "choices.0.finish_reason").text(), "stop");
}

TEST(Server, OtherDialectsGiveTheSameText) {
  const auto server = start();
  Client client(server->port());
  const std::string text =
      at(json_of(client.ask("POST", "/v1/chat/completions", hello())), "choices.0.message.content")
          .text();
  const Json anthropic = json_of(client.ask("POST", "/v1/messages", hello()));
  EXPECT_EQ(at(anthropic, "content.0.text").text(), text);
  EXPECT_EQ(at(anthropic, "type").text(), "message");
  const std::string ollama =
      R"({"messages": [{"role": "user", "content": "hello"}],
          "options": {"temperature": 0, "num_predict": 40})";
  const Json whole = json_of(client.ask("POST", "/api/chat", ollama + R"(, "stream": false})"));
  EXPECT_EQ(at(whole, "message.content").text(), text);
  const std::string lines = client.ask("POST", "/api/chat", ollama + "}").body();
  std::string joined;
  for (size_t begin = 0; begin < lines.size();) {
    const size_t end = lines.find('\n', begin);
    ASSERT_NE(end, lines.npos);
    const auto line = parse_json(std::string_view(lines).substr(begin, end - begin));
    ASSERT_TRUE(line.has_value());  // no empty line, which Ollama's client does not read
    joined += at(*line, "message.content").text();
    begin = end + 1;
  }
  EXPECT_EQ(joined, text);
  const std::string stream =
      client.ask("POST", "/v1/messages", hello(R"(, "stream": true)")).body();
  EXPECT_EQ(stream.rfind("event: message_start\n", 0), 0u);
  EXPECT_NE(stream.find("event: message_stop\n"), stream.npos);
}

TEST(Server, WrongRequestsAreNamed) {
  const auto server = start();
  struct Case {
    const char *method, *path, *body;
    unsigned status;
    const char* words;
  };
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  const Case cases[] = {
      {"POST", "/v1/chat/completions", "{", 400, "JSON"},
      {"POST", "/v1/chat/completions", deep.c_str(), 400, "JSON"},
      {"POST", "/v1/chat/completions", "[]", 400, "object"},
      {"POST", "/v1/chat/completions", "{\"a\": \"\xff\"}", 400, "JSON"},
      {"POST", "/v1/chat/completions", "{}", 400, "'messages'"},
      {"POST", "/v1/chat/completions", R"({"messages": [{"role": "pope", "content": "x"}]})", 400,
       "'messages[0].role'"},
      {"POST", "/v1/chat/completions", R"({"messages": [{"role": "user"}]})", 400,
       "'messages[0].content'"},
      {"POST", "/v1/chat/completions",
       R"({"messages": [{"role": "user", "content": "x"}], "temperature": "hot"})", 400,
       "'temperature'"},
      {"POST", "/v1/chat/completions",
       R"({"messages": [{"role": "user", "content": "x"}], "model": "gpt"})", 404, "tiny, other"},
      {"POST", "/v1/chat/completions",
       R"({"messages": [{"role": "user", "content": "x"}], "response_format": {"type": "xml"}})",
       400, "json_object"},
      {"POST", "/v1/completions", R"({"prompt": [99999]})", 400, "99999"},
      {"POST", "/v1/completions", R"({"prompt": "x", "n": 0})", 400, "'n'"},
      {"POST", "/v1/completions", R"({"prompt": "x", "stop": [""]})", 400, "stop"},
      {"POST", "/v1/messages", R"({"messages": [{"role": "user", "content": "x"}]})", 400,
       "max_tokens"},
      {"POST", "/api/chat", R"({"model": "no", "messages": [{"role": "user", "content": "x"}]})",
       404, "\"error\":\"there is no model"},
      {"GET", "/v1/chat/completions", "", 405, "GET"},
      {"GET", "/v1/models/none", "", 404, "none"},
      {"GET", "/nothing", "", 404, "/nothing"},
  };
  for (const Case& c : cases) {
    const auto response = Client(server->port()).ask(c.method, c.path, c.body);
    EXPECT_EQ(response.result_int(), c.status) << c.path << c.body;
    EXPECT_NE(response.body().find(c.words), std::string::npos) << response.body();
  }
  const std::string long_prompt = R"({"prompt": ")" + std::string(9000, 'x') + R"("})";
  const Json error = json_of(Client(server->port()).ask("POST", "/v1/completions", long_prompt));
  EXPECT_EQ(at(error, "error.code").text(), "context_length_exceeded");
  EXPECT_NE(at(error, "error.message").text().find("the prompt has 900"), std::string::npos);
  EXPECT_NE(at(error, "error.message").text().find("8192"), std::string::npos);
}

TEST(Server, ForeignHostsAndPagesAreRefused) {
  const auto server = start();
  const auto status = [&](std::vector<std::pair<std::string, std::string>> headers) {
    Client client(server->port());
    client.send("POST", "/v1/chat/completions", hello(), headers);
    return client.read().result_int();
  };
  EXPECT_EQ(status({}), 200u);
  EXPECT_EQ(status({{"Host", "127.0.0.1:8080"}}), 200u);
  EXPECT_EQ(status({{"Host", "LOCALHOST"}, {"Origin", "http://LOCALHOST"}}), 200u);
  EXPECT_EQ(status({{"Host", "rebound.example"}}), 421u);
  EXPECT_EQ(status({{"Host", "localhost.example"}}), 421u);
  EXPECT_EQ(status({{"Origin", "https://page.example"}}), 403u);
  EXPECT_EQ(status({{"Origin", "null"}}), 403u);
  EXPECT_EQ(status({{"Sec-Fetch-Site", "cross-site"}}), 403u);
  Client client(server->port());
  client.send("GET /health HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.read().result_int(), 400u);
}

TEST(Server, LimitsHoldOfHeadersBodiesAndTime) {
  ServerOptions options;
  options.http.header_seconds = 0.3;
  options.http.body_bytes_max = 1000;
  const auto server = start(std::move(options));
  EXPECT_EQ(Client(server->port())
                .ask("POST", "/v1/completions", R"({"prompt": ")" + std::string(2000, 'x') + "\"}")
                .result_int(),
            413u);
  Client large(server->port());
  large.send("GET", "/health", "", {{"X-Large", std::string(20000, 'x')}});
  EXPECT_EQ(large.read().result_int(), 431u);
  Client slow(server->port());  // a byte at a time, for longer than headers may take
  slow.send("GET /heal");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  slow.send("t");
  EXPECT_EQ(slow.read_some(), 0u);
  EXPECT_EQ(Client(server->port()).ask("GET", "/health", "").result_int(), 200u);
}

TEST(Server, AFullQueueAnswers429) {
  const auto server = start({.sequences_max = 1}, 1);
  Client first(server->port());
  first.send("POST", "/v1/completions", endless(R"(, "stream": true)"));
  ASSERT_GT(first.read_some(), 0u);
  const auto refused = Client(server->port()).ask("POST", "/v1/chat/completions", hello());
  EXPECT_EQ(refused.result_int(), 429u);
  EXPECT_EQ(refused[http::field::retry_after], "1");
  EXPECT_EQ(at(json_of(refused), "error.type").text(), "rate_limit_error");
}

TEST(Server, AClientThatLeavesEndsItsSequences) {
  const auto server = start();
  for (const char* more : {R"(, "stream": true)", R"(, "n": 3)"}) {
    {
      Client client(server->port());
      client.send("POST", "/v1/completions", endless(more));
      EXPECT_TRUE(soon([&] { return sequences(server->port()) > 0; }));
    }
    EXPECT_TRUE(soon([&] { return sequences(server->port()) == 0; })) << more;
  }
}

TEST(Server, DrainingLetsRunningRepliesEnd) {
  const auto server = start();
  Client client(server->port());
  client.send("POST", "/v1/completions",
              R"({"prompt": "abc", "max_tokens": 300, "ignore_eos": true, "stream": true})");
  ASSERT_GT(client.read_some(17), 0u);
  server->drain();
  EXPECT_TRUE(soon([&] { return server->requests() == 0; }));
  EXPECT_FALSE(Client(server->port()).is_connected()) << "a draining server takes no connections";
}

// Clients that stay get the same text while others leave at random bytes.
TEST(Server, NoStreamIsLostOrMixedWhileOthersLeave) {
  const auto server = start({}, 4);
  const std::string wanted =
      at(json_of(Client(server->port()).ask("POST", "/v1/chat/completions", hello())),
         "choices.0.message.content")
          .text();
  std::atomic<int> wrong{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 8; ++c)
    clients.emplace_back([&, c] {
      Random random(uint64_t(c), 1);
      for (int i = 0; i < 6; ++i) {
        if (c % 2) {
          Client client(server->port());
          client.send("POST", "/v1/chat/completions", hello(R"(, "stream": true)"));
          for (uint64_t left = random.below(3000); left > 0;) {
            const size_t bytes = client.read_some(std::min<size_t>(left, 512));
            if (bytes == 0) break;
            left -= std::min<uint64_t>(left, bytes);
          }
          continue;
        }
        const auto response = Client(server->port()).ask("POST", "/v1/chat/completions", hello());
        wrong += at(json_of(response), "choices.0.message.content").text() != wanted;
      }
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(soon([&] { return sequences(server->port()) == 0; }));
}

// The tiny model's random replies become what the schema asks for, whoever asks.
TEST(Server, RepliesAreHeldToASchema) {
  const auto server = start();
  const std::string schema =
      R"({"type": "object", "properties": {"age": {"type": "integer", "minimum": 3, "maximum": 9}},
          "required": ["age"], "additionalProperties": false})";
  const std::string openai =
      R"(, "n": 2, "seed": 4, "response_format": {"type": "json_schema",
          "json_schema": {"name": "p", "schema": )" +
      schema + "}}";
  const Json reply =
      json_of(Client(server->port()).ask("POST", "/v1/chat/completions", hello(openai)));
  for (const char* choice : {"choices.0.", "choices.1."}) {
    EXPECT_EQ(at(reply, choice + std::string("finish_reason")).text(), "stop");
    const auto json = parse_json(at(reply, choice + std::string("message.content")).text());
    ASSERT_TRUE(json) << reply.dump();
    EXPECT_GE(number(*json, "age"), 3);
    EXPECT_LE(number(*json, "age"), 9);
  }
  const Json other = json_of(
      Client(server->port())
          .ask(
              "POST", "/api/chat",
              R"({"model": "tiny", "stream": false, "options": {"temperature": 0, "num_predict": 60},
          "messages": [{"role": "user", "content": "hello"}], "format": )" +
                  schema + "}"));
  EXPECT_TRUE(parse_json(at(other, "message.content").text())) << other.dump();
  const Json digits = json_of(
      Client(server->port())
          .ask("POST", "/v1/completions",
               R"({"prompt": "abc", "max_tokens": 20, "grammar": "root ::= [0-9] [0-9] \"!\""})"));
  const std::string text = at(digits, "choices.0.text").text();
  EXPECT_EQ(text.size(), 3u) << digits.dump();
  EXPECT_EQ(text.find_first_not_of("0123456789"), 2u) << text;
  for (const char* wrong : {R"({"not": {}})", R"({"enum": []})"}) {
    const auto refused = Client(server->port())
                             .ask("POST", "/v1/chat/completions",
                                  hello(R"(, "response_format": {"type": "json_schema",
                                  "json_schema": {"schema": )" +
                                        std::string(wrong) + "}}"));
    EXPECT_EQ(refused.result_int(), 400) << refused.body();
    EXPECT_EQ(at(json_of(refused), "error.param").text(), "response_format");
  }
}

// The reply begins with the "f" that is in the prompt already; nobody sees it twice.
TEST(Server, AHoleIsFilledInEveryDialect) {
  const auto server = start({}, 8, {.has_marks = true});
  Client client(server->port());
  OpenModel open = open_tiny(1, {.has_marks = true});
  const auto hole = make_infill_prompt(*open.tokenizer, open.infill,
                                       {.prefix = "de f", .suffix = "\nx", .is_edited = true}, {});
  HealingFilter filter(*open.tokenizer, hole->tokens.size(), hole->begun);
  Request request;
  request.prompt = hole->tokens;
  request.tokens_max = 20;
  request.sampling.temperature = 0;
  request.stop_ids = open.infill.ends;
  request.stop_ids.push_back(open.tokenizer->eos());
  request.token_filter = &filter;
  const std::string all = (*open.generator->generate({&request, 1}))[0].text;
  ASSERT_TRUE(all.starts_with(hole->begun) && all.size() > hole->begun.size()) << all;
  const std::string wanted = all.substr(hole->begun.size());
  const std::string body = R"({"temperature": 0, "max_tokens": 20, "n_predict": 20,
      "options": {"temperature": 0, "num_predict": 20}, "stream": false, )";
  const std::string suffix = R"("prompt": "de f", "suffix": "\nx"})";
  const auto ask = [&](const char* path, const std::string& rest, const char* place) {
    return at(json_of(client.ask("POST", path, body + rest)), place).text();
  };
  EXPECT_EQ(ask("/v1/completions", suffix, "choices.0.text"), wanted);
  EXPECT_EQ(ask("/beta/completions", R"("echo": true, )" + suffix, "choices.0.text"),
            "de f" + wanted);
  EXPECT_EQ(ask("/api/generate", suffix, "response"), wanted);
  EXPECT_EQ(
      ask("/infill", R"("input_prefix": "de ", "input_suffix": "\nx", "prompt": "f"})", "content"),
      wanted);
}

TEST(Server, TokensGoThereAndBack) {
  const auto server = start();
  Client client(server->port());
  const Json tokens = json_of(client.ask("POST", "/tokenize", R"({"content": "h\u00e9llo"})"));
  EXPECT_EQ(at(tokens, "tokens").size(), 6u);
  const Json text = json_of(client.ask("POST", "/detokenize", tokens.dump()));
  EXPECT_EQ(at(text, "content").text(), "h\u00e9llo");
  EXPECT_EQ(number(json_of(client.ask("GET", "/props", "")), "default_generation_settings.n_ctx"),
            8192);
  EXPECT_EQ(at(json_of(client.ask("GET", "/v1/models", "")), "data.1.id").text(), "other");
}

TEST(Server, APortThatIsTakenIsSaid) {
  const auto server = start();
  ServerOptions options;
  options.http.loop.port = server->port();
  auto model = ServedModel::create(open_tiny(1), "tiny", {});
  auto second = Server::start(*std::move(model), std::move(options));
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("is taken"), std::string::npos) << second.error().message;
}

TEST(Server, ThePageIsCompressedForClientsThatTakeIt) {
  const auto server = start();
  Client client(server->port());
  const auto plain = client.ask("GET", "/page/main.js", "");
  client.send("GET", "/page/main.js", "", {{"Accept-Encoding", "br, gzip"}});
  const auto packed = client.read();
  EXPECT_EQ(plain[http::field::content_encoding], "");
  EXPECT_EQ(packed[http::field::content_encoding], "gzip");
  EXPECT_LT(packed.body().size(), plain.body().size());
  EXPECT_NE(plain.body().find("import"), std::string::npos);
  const std::string policy(packed["content-security-policy"]);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_NE(policy.find("require-trusted-types-for 'script'"), std::string::npos);
  EXPECT_EQ(client.ask("GET", "/page/none.js", "").result_int(), 404u);
}

TEST(Server, StateNamesErrorsOfLateAndRunsAreReadAlone) {
  const auto server = start();
  Client client(server->port());
  EXPECT_EQ(client.ask("POST", "/v1/completions", "{").result_int(), 400u);
  EXPECT_TRUE(soon([&] {
    const Json state = json_of(Client(server->port()).ask("GET", "/server/state", ""));
    return at(state, "errors.0.line").text().find("POST /v1/completions 400") != std::string::npos;
  }));
  EXPECT_EQ(at(json_of(client.ask("GET", "/server/runs", "")), "runs").size(), 0u);
  for (const char* path : {"/server/runs/0", "/server/reports/0", "/server/samples/..%2f..%2fetc"})
    EXPECT_EQ(client.ask("GET", path, "").result_int(), 404u) << path;
  EXPECT_EQ(client.ask("POST", "/server/runs", "").result_int(), 405u);
}

}  // namespace
}  // namespace weir
