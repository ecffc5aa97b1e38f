// The client against servers that answer with prepared bytes. That it talks to a whole server,
// tests of the program show.
#include "client/http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <thread>

#include "client/chat_api.h"
#include "client/event_stream.h"

namespace weir {
namespace {

// Answers each connection with the next of `answers`, after a whole request came, byte by byte if
// asked for; then closes it, or leaves it open when the answer is "".
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> answers, bool splits = false)
      : answers_(std::move(answers)), splits_(splits) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~ScriptedServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  HttpClient client(HttpClientOptions options = {}) const {
    return HttpClient({"127.0.0.1", port_, "/v1"}, std::move(options));
  }
  int port() const { return port_; }
  std::vector<std::string> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    for (const std::string& answer : answers_) {
      const int peer = accept(listener_, nullptr, nullptr);
      if (peer < 0) return;
      std::string request;
      char block[4096];
      while (!is_whole(request)) {
        const ssize_t n = read(peer, block, sizeof block);
        if (n <= 0) break;
        request.append(block, size_t(n));
      }
      {
        std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      for (size_t i = 0; i < answer.size();) {
        const size_t bytes = splits_ ? 1 : answer.size();
        if (send(peer, answer.data() + i, bytes, MSG_NOSIGNAL) <= 0) break;
        i += bytes;
      }
      // The end of the client ends an answer without an end.
      if (answer.empty()) (void)!read(peer, block, 1);
      close(peer);
    }
  }
  static bool is_whole(const std::string& request) {
    const size_t end = request.find("\r\n\r\n"), length = request.find("Content-Length: ");
    if (end == request.npos) return false;
    const size_t body = length == request.npos ? 0 : std::stoul(request.substr(length + 16));
    return request.size() >= end + 4 + body;
  }

  const std::vector<std::string> answers_;
  const bool splits_;
  int listener_ = -1, port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
std::string whole(const std::string& head, const std::string& body) {
  return head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
const std::string kChunks =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    "f\r\ndata: one\n\n: al\r\n"
    "f\r\nive\n\ndata: two\r\r\n"
    "b\r\n\n\r\ndata: [D\r\n"
    "6\r\nONE]\n\n\r\n"
    "0\r\n\r\n";

std::string refusal(const Result<Json>& json) { return json ? "" : json.error().message; }
bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

TEST(HttpClient, SendsARequestAndReadsTheAnswerHoweverItIsCut) {
  for (const bool splits : {false, true}) {
    ScriptedServer server({"HTTP/1.1 100 Continue\r\n\r\n" + whole(kOk, R"({"a": [1, 2]})")},
                          splits);
    HttpClient client = server.client({.key = "secret"});
    Json body = Json::object();
    body.set("x", "é");
    const auto json = client.post_json("/chat", body);
    ASSERT_TRUE(json) << json.error().message;
    EXPECT_EQ(json->find("a")->size(), 2u);
    const std::string request = server.requests()[0];
    EXPECT_TRUE(request.starts_with("POST /v1/chat HTTP/1.1\r\n")) << request;
    EXPECT_TRUE(has(request, "Host: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"));
    EXPECT_TRUE(has(request, "Authorization: Bearer secret\r\n"));
    EXPECT_TRUE(request.ends_with("\r\n\r\n{\"x\":\"é\"}")) << request;
  }
}

TEST(HttpClient, HandsAStreamOverAsItComes) {
  for (const bool splits : {false, true}) {
    ScriptedServer server({kChunks}, splits);
    HttpClient client = server.client();
    EventStream events;
    std::vector<std::string> data;
    const auto take = [&](const std::string& text) {
      data.push_back(text);
      return true;
    };
    const auto answer = client.stream(
        "/x", "{}", [&](std::string_view bytes) { return events.push(bytes, take).has_value(); });
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_FALSE(answer->is_cancelled);
    EXPECT_EQ(data, (std::vector<std::string>{"one", "two", "[DONE]"}));
    EXPECT_EQ(answer->body, "");
  }
}

TEST(HttpClient, AReceiverAndAWishEndAStream) {
  ScriptedServer server({kChunks, ""});
  HttpClient client = server.client();
  auto answer = client.stream("/x", "{}", [](std::string_view) { return false; });
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->is_cancelled);
  int asked = 0;
  HttpClient other = server.client({.is_cancelled = [&] { return ++asked > 4; }});
  answer = other.stream("/x", "{}", [](std::string_view) { return true; });
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->is_cancelled);
}

TEST(HttpClient, SaysWhatTheServerSaid) {
  const auto said = [](const std::string& line, const std::string& body) {
    ScriptedServer server({whole("HTTP/1.1 " + line + "\r\n", body)});
    HttpClient client = server.client();
    return refusal(client.get_json("/models"));
  };
  EXPECT_TRUE(said("404 Not Found", R"({"error":{"message":"no model 'x'","code":null}})")
                  .ends_with("/v1/models: no model 'x' (status 404)"));
  EXPECT_TRUE(has(said("400 Bad", R"({"error":"model is required"})"), ": model is required ("));
  EXPECT_TRUE(has(said("422 Bad", R"({"detail":[{"loc":["a"],"msg":"Field required"}]})"),
                  ": Field required (status 422)"));
  EXPECT_TRUE(has(said("502 Bad Gateway", "<html>"), ": Bad Gateway (status 502)"));
  EXPECT_TRUE(has(said("500 Bad", "bro\x1b[2Jken"), ": bro?[2Jken (status 500)"));
  EXPECT_TRUE(has(said("301 Moved\r\nLocation: https://a/", ""), "has moved to https://a/"));
  EXPECT_TRUE(has(said("200 OK", "<html>"), "the answer is no JSON"));
}

TEST(HttpClient, SaysWhatIsWrongWithTheConnection) {
  const auto wrong = [](const std::string& answer, HttpClientOptions options = {}) {
    ScriptedServer server({answer});
    HttpClient client = server.client(std::move(options));
    return refusal(client.get_json("/models"));
  };
  EXPECT_TRUE(has(wrong(kOk + "Content-Length: 9\r\n\r\n{}"), "in the middle of the answer"));
  EXPECT_TRUE(has(wrong("SSH-2.0-OpenSSH_9.2\r\n"), "the answer is not HTTP"));
  EXPECT_TRUE(has(wrong(whole(kOk, std::string(5000, ' ')), {.body_bytes_max = 4096}),
                  "the answer is too large"));
  EXPECT_TRUE(has(wrong(kOk + "\r\n" + std::string(5000, ' '), {.body_bytes_max = 4096}),
                  "the answer is too large"));
  EXPECT_TRUE(has(wrong(kOk + "X: " + std::string(100'000, 'x')), "the answer is not HTTP"));
  EXPECT_TRUE(has(wrong("", {.silence_seconds = 0.05}), "no answer within"));
  int port;
  {
    ScriptedServer server({});
    port = server.port();
  }
  HttpClient nobody({"127.0.0.1", port, ""}, {});
  EXPECT_TRUE(has(refusal(nobody.get_json("/")), "the connection was refused"));
  HttpClient unknown({"no..name", 80, ""}, {});
  EXPECT_TRUE(has(refusal(unknown.get_json("/")), "the name of the server cannot be found"));
}

TEST(HttpClient, AConnectionThatEndedMeanwhileIsMadeAnew) {
  ScriptedServer server({whole(kOk, "[1]"), whole(kOk, "[2]")});  // closes without saying so
  HttpClient client = server.client();
  ASSERT_TRUE(client.get_json("/a"));
  const auto second = client.get_json("/b");
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->dump(), "[2]");
}

ChatApi api_of(const ScriptedServer& server) {
  return ChatApi({"127.0.0.1", server.port(), ""}, {});
}

// The events that `transformers serve` (transformers 5.23.0) sends: no [DONE], and 500 for /models
// where the network cannot be reached.
TEST(ChatApi, AReplyEndsWithItsReasonWhereNoMarkComes) {
  ScriptedServer server(
      {whole("HTTP/1.1 500 Internal Server Error\r\n", "Internal Server Error"),
       kOk + "\r\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\"},\"index\":0}]}\n\n"
             "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"index\":0}]}\n\n"
             "data: {\"choices\":[{\"delta\":{},\"index\":0,\"finish_reason\":\"length\"}]}\n\n"});
  ChatApi api = api_of(server);
  const auto models = api.models();
  ASSERT_TRUE(models) << models.error().message;
  EXPECT_EQ(models->failure, "Internal Server Error (status 500)");
  const auto reply = api.ask(Json::object(), [](bool, const std::string&) { return true; });
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->answer, "Hi");
  EXPECT_EQ(reply->finish_reason, "length");
}

TEST(ChatApi, ThinkingAndCallsComeInPieces) {
  const std::string delta = "data: {\"choices\":[{\"delta\":";
  ScriptedServer server(
      {kOk + "\r\n" + delta + R"({"content":null,"reasoning_content":"Hm"}}]})" + "\n\n" + delta +
           R"({"reasoning":"!"}}]})" + "\n\n" + delta +
           R"({"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":"{\"x\""}}]}}]})" +
           "\n\n" + delta + R"({"tool_calls":[{"index":1,"function":{"arguments":":2}"}}]}}]})" +
           "\n\ndata: [DONE]\n\n",
       whole(kOk, R"({"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]})"),
       kOk + "\r\n" + delta + R"({"content":"a"}}]})" + "\n\n",
       kOk + "\r\n" + "data: {\"error\":{\"message\":\"out of memory\"}}\n\n",
       whole("HTTP/1.1 400 Bad\r\n", R"({"error":{"code":"context_length_exceeded"}})")});
  ChatApi api = api_of(server);
  std::string shown;
  const auto show = [&](bool is_thinking, const std::string& text) {
    shown += (is_thinking ? "<" : ">") + text;
    return true;
  };
  const auto calls = api.ask(Json::object(), show);
  ASSERT_TRUE(calls) << calls.error().message;
  EXPECT_EQ(shown, "<Hm<!");
  EXPECT_EQ(calls->thinking, "Hm!");
  ASSERT_EQ(calls->calls.size(), 2u);
  EXPECT_EQ(calls->calls.items()[1].dump(),
            R"({"id":"b","type":"function","function":{"name":"g","arguments":{"x":2}}})");
  EXPECT_EQ(api.ask(Json::object(), show)->answer, "whole");  // a server that does not stream
  const auto error = [&] {
    const auto reply = api.ask(Json::object(), show);
    return reply ? "" : reply.error().message;
  };
  EXPECT_TRUE(has(error(), "in the middle of the reply"));
  EXPECT_TRUE(has(error(), "out of memory"));
  EXPECT_FALSE(api.was_too_long());
  error();
  EXPECT_TRUE(api.was_too_long());
}

TEST(HttpUrl, HasAHostAPortAndAPath) {
  const auto url = [](const std::string& text) {
    const auto parsed = parse_http_url(text);
    return parsed ? parsed->text() : "error: " + parsed.error().message;
  };
  EXPECT_EQ(url("localhost:8080"), "http://localhost:8080");
  EXPECT_EQ(url("http://[::1]:8080/v1//"), "http://[::1]:8080/v1");
  EXPECT_EQ(url("http://a.example/"), "http://a.example");
  for (const char* wrong :
       {"https://a", "ftp://a", "http://", "a:b", "a:0", "a:65536", "http://u:p@a", "a/x?y", "[::1",
        "::1", "a b", "a\r\nX: y", "[::1]8080"})
    EXPECT_TRUE(url(wrong).starts_with("error: the URL '")) << wrong;
}

}  // namespace
}  // namespace weir
