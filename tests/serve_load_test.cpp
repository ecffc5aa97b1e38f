// `weir serve` under load: streams of several dialects, clients that leave or read slowly, more
// requests than it may queue, and broken ones, all at once. Every text must be the one that was
// there before the load. scripts/serve-load runs the long form; what it sets:
//   WEIR_LOAD_MODEL    a model [a tiny one with random weights]
//   WEIR_LOAD_SECONDS  how long [until the counts below are reached]
//   WEIR_LOAD_CLIENTS  clients that stream, half as many choose a prompt at random
//   WEIR_LOAD_REPLIES  that each of them reads; WEIR_LOAD_LEAVERS  clients that leave
//   WEIR_LOAD_GROWTH   MiB that the server may grow after a fifth of the work
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "tests/serve_program.h"
#include "tests/tiny_model.h"

namespace weir {
namespace {

constexpr int kPrompts = 6, kTokens = 24;

int setting(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text && *text ? std::atoi(text) : otherwise;
}

// The same conversation in three dialects. Prompt 0 is the one that is asked a
// thousand times; others draw with a seed.
struct Question {
  std::string path, body;
};
Question question(int prompt, int dialect, bool streams, const std::string& more = "") {
  const std::string text = fmt::format("question {} of the load", prompt);
  const double temperature = prompt % 2 == 0 ? 0 : 1.2;
  const std::string end = fmt::format(R"(, "stream": {}{}}})", streams, more);
  const std::string messages =
      fmt::format(R"("messages": [{{"role": "user", "content": "{}"}}])", text);
  const std::string how = fmt::format(R"("temperature": {}, "seed": {}, "max_tokens": {})",
                                      temperature, prompt, kTokens);
  if (dialect == 1) return {"/v1/messages", "{" + messages + ", " + how + end};
  if (dialect == 2)
    return {"/api/chat",
            fmt::format(R"({{{}, "options": {{"temperature": {}, "seed": {}, "num_predict": {}}})",
                        messages, temperature, prompt, kTokens) +
                end};
  return {"/v1/chat/completions", "{" + messages + ", " + how + end};
}

const Json& at(const Json& json, std::initializer_list<std::string_view> path) {
  static const Json none = Json();
  const Json* here = &json;
  for (const std::string_view key : path) {
    if (key == "0" && here->size() > 0)
      here = &here->items()[0];
    else
      here = here->find(key);
    if (!here) return none;
  }
  return *here;
}

// A streamed reply: its text, and whether its events belong together and end as they should.
class Stream {
 public:
  explicit Stream(int dialect) : dialect_(dialect) {}
  std::string text, id, wrong;
  bool has_ended = false;

  bool push(std::string_view bytes) {
    rest_ += bytes;
    for (size_t end; wrong.empty() && (end = rest_.find('\n')) != rest_.npos;) {
      const std::string line = rest_.substr(0, end);
      rest_.erase(0, end + 1);
      if (dialect_ == 2)  // a line of JSON each
        take(line);
      else if (line.starts_with("data: "))
        take(line.substr(6));
    }
    return wrong.empty();
  }

 private:
  void take(const std::string& data) {
    if (has_ended) wrong = "more after the end: " + data;
    if (data == "[DONE]") {
      has_ended = true;
      return;
    }
    const auto json = parse_json(data);
    if (!json || json->find("error")) {
      wrong = data;
    } else if (dialect_ == 0) {
      const std::string& other = at(*json, {"id"}).text();
      if (id.empty()) id = other;
      if (other != id || id.empty()) wrong = "an event of another stream: " + data;
      text += at(*json, {"choices", "0", "delta", "content"}).text();
    } else if (dialect_ == 1) {
      if (const Json& begun = at(*json, {"message", "id"}); begun.is_string()) id = begun.text();
      text += at(*json, {"delta", "text"}).text();
      has_ended = at(*json, {"type"}).text() == "message_stop";
    } else {
      text += at(*json, {"message", "content"}).text();
      const Json* done = json->find("done");
      has_ended = done && *done->as_bool();
    }
  }
  int dialect_;
  std::string rest_;
};

// What all clients count and complain about.
class Load {
 public:
  Load(const ServeProgram& server, int seconds)
      : server_(server), seconds_(seconds), begin_ns_(monotonic_ns()) {}
  std::atomic<int> replies{0}, first_prompt{0}, refused{0}, left{0}, broken{0};
  std::vector<std::string> wanted;

  // Until the time is over; without one, `count` times.
  bool goes_on(int done, int count) const {
    if (seconds_ <= 0) return done < count;
    return monotonic_ns() - begin_ns_ < int64_t(seconds_) * 1'000'000'000;
  }
  void complain(const std::string& what) {
    std::lock_guard lock(mutex_);
    if (complaints_.size() < 20) complaints_.push_back(what);
  }
  std::string complaints() {
    std::lock_guard lock(mutex_);
    return fmt::format("{}", fmt::join(complaints_, "\n"));
  }

  // One reply, asked for as often as it is refused. A slow reader waits after each piece.
  void stream(HttpClient& client, int prompt, int dialect, int pause_us = 0) {
    const Question asked = question(prompt, dialect, true);
    for (;;) {
      Stream reply(dialect);
      const auto answer = client.stream(asked.path, asked.body, [&](std::string_view bytes) {
        if (pause_us > 0) usleep(useconds_t(pause_us));
        return reply.push(bytes);
      });
      if (!answer) return complain(answer.error().message);
      if (is_refused(*answer)) continue;
      if (!answer->is_success()) return complain(failure_of(*answer));
      if (!reply.wrong.empty()) return complain(asked.path + ": " + reply.wrong);
      if (!reply.has_ended) return complain(asked.path + ": the stream has no end");
      if (!reply.id.empty() && !is_new(reply.id)) return complain("two streams are " + reply.id);
      return check(prompt, reply.text, asked.path);
    }
  }

  // Eight choices at once and no stream; one that is refused is not asked again.
  void burst(int prompt) {
    HttpClient client = server_.client();
    const Question asked = question(prompt, 0, false, R"(, "n": 8)");
    const auto answer = client.post(asked.path, asked.body);
    if (!answer) return complain(answer.error().message);
    if (is_refused(*answer)) return;
    const auto json = parse_json(answer->body);
    if (!json || at(*json, {"choices"}).size() != 8) return complain(failure_of(*answer));
    for (const Json& choice : at(*json, {"choices"}).items())
      check(prompt, at(choice, {"message", "content"}).text(), "n = 8");
  }

  // Sends a request, reads some bytes of its reply, and is gone; at times with a reset.
  void leave(Random& random) {
    const Question asked = question(int(random.below(kPrompts)), int(random.below(3)), true);
    TcpSocket socket;
    std::string request = fmt::format(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Connection: close\r\nContent-Length: {}\r\n\r\n{}",
        asked.path, asked.body.size(), asked.body);
    size_t bytes = random.below(6000);
    if (random.below(4) == 0) {
      request.resize(random.below(request.size()));
      bytes = 0;
    }
    talk(socket, request, bytes);
    ++left;
  }

  // Sends bytes that are no good request; the status of the answer, 0: the server closed.
  int send_broken(const std::string& bytes) {
    TcpSocket socket;
    const std::string head = talk(socket, bytes, 12);
    ++broken;
    return head.size() == 12 ? std::atoi(head.c_str() + 9) : 0;
  }

 private:
  bool is_refused(const HttpAnswer& answer) {
    if (answer.status != 429) return false;
    ++refused;
    if (answer.retry_seconds <= 0) complain("429 without Retry-After");
    usleep(20'000);
    return true;
  }
  bool is_new(const std::string& id) {
    std::lock_guard lock(mutex_);
    return ids_.insert(id).second;
  }
  void check(int prompt, const std::string& text, const std::string& where) {
    if (text != wanted[size_t(prompt)])
      complain(fmt::format("{}: '{}', not '{}'", where, text, wanted[size_t(prompt)]));
    ++replies;
    first_prompt += prompt == 0;
  }
  // The first bytes of the answer, `bytes` at most.
  std::string talk(TcpSocket& socket, const std::string& request, size_t bytes) {
    const std::function<bool()> never;
    const TcpWait wait{kPatience, never};
    std::string reason, answer(bytes, 0);
    if (socket.connect("127.0.0.1", server_.port(), wait, reason) != Waited::ready)
      complain("a connection: " + reason);
    socket.write(request, wait, reason);
    size_t size = 0, count = 1;
    while (size < bytes && count > 0 &&
           socket.read(answer.data() + size, bytes - size, count, wait, reason) == Waited::ready)
      size += count;
    answer.resize(size);
    return answer;
  }

  const ServeProgram& server_;
  const int seconds_;
  const int64_t begin_ns_;
  std::mutex mutex_;
  std::set<std::string> ids_;            // of all streams; guarded
  std::vector<std::string> complaints_;  // guarded
};

// Requests that must be refused, and how.
struct Broken {
  std::string bytes;
  std::set<int> statuses;
};
std::vector<Broken> broken_requests() {
  const auto post = [](const std::string& body, const char* path = "/v1/chat/completions") {
    return fmt::format(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: {}\r\n\r\n{}",
        path, body.size(), body);
  };
  const std::string head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n";
  return {
      {post("{"), {400}},
      {post(std::string(2000, '[')), {400}},
      {post("{\"messages\": \"\xff\"}"), {400}},
      {post(R"({"messages": 1e999})"), {400}},
      {post(R"({"prompt": "a", "prompt": "b"})", "/v1/completions"), {400}},
      {post(R"({"prompt": "a", "max_tokens": 1e300})", "/v1/completions"), {400}},
      {post(R"({"prompt": [1, 2, 99999]})", "/v1/completions"), {400}},
      {post(R"({"model": "another", "messages": []})", "/api/chat"), {400, 404}},
      {post("{}", "/no/such/path"), {404}},
      {"DELETE /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n", {405}},
      {"GET /health HTTP/1.1\r\nHost: elsewhere\r\n\r\n", {421}},
      {"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n",
       {431}},
      {head + "Content-Length: 99999999\r\n\r\n{", {413}},
      {head + "Content-Length: -1\r\n\r\n{", {400}},
      {head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", {400}},
      {std::string(3000, '\0'), {400}},
      {"\x16\x03\x01\x02\x00 a TLS handshake\r\n\r\n", {400}},
  };
}

// The model of the environment, or a tiny one in `folder`.
std::string model_of(const std::string& folder) {
  const char* given = std::getenv("WEIR_LOAD_MODEL");
  if (given && *given) return given;
  write_tiny_model(folder, 1024);
  return folder;
}

TEST(ServeLoad, NoStreamIsLostOrMixedAndMemoryStaysFlat) {
  std::string folder = testing::TempDir() + "weir_load_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  ServeProgram server(model_of(folder), {"--parallel", "8", "--queue", "24", "--cache-limit", "0.1",
                                         "--threads", "2"});
  ASSERT_GT(server.port(), 0);
  const int seconds = setting("WEIR_LOAD_SECONDS", 0);
  const int clients = setting("WEIR_LOAD_CLIENTS", 12), count = setting("WEIR_LOAD_REPLIES", 8);
  const int leavers = setting("WEIR_LOAD_LEAVERS", 40);
  Load load(server, seconds);

  HttpClient alone = server.client();  // what the server says while nobody else asks
  for (int prompt = 0; prompt < kPrompts; ++prompt) {
    const Question asked = question(prompt, 0, false);
    const auto reply = alone.post_json(asked.path, *parse_json(asked.body));
    ASSERT_TRUE(reply) << reply.error().message;
    load.wanted.push_back(at(*reply, {"choices", "0", "message", "content"}).text());
    EXPECT_FALSE(load.wanted.back().empty());
  }
  // So few tokens of a random model may be the same for two prompts, not for most.
  EXPECT_GE(std::set<std::string>(load.wanted.begin(), load.wanted.end()).size(), size_t(4));

  std::vector<std::thread> threads;
  for (int c = 0; c < clients; ++c)
    threads.emplace_back([&, c] {
      HttpClient client = server.client();
      Random random(uint64_t(c), 1);
      for (int i = 0; load.goes_on(i, count); ++i) {
        const int prompt = c % 2 ? int(random.below(kPrompts)) : 0;
        const bool is_slow = c % 8 == 3;
        load.stream(client, prompt, int(random.below(3)), is_slow ? 2000 : 0);
      }
    });
  for (int c = 0; c < 4; ++c)
    threads.emplace_back([&, c] {
      Random random(uint64_t(c), 2);
      for (int i = 0; load.goes_on(i, leavers / 4); ++i) {
        load.leave(random);
        if (seconds > 0) usleep(useconds_t(1'000'000.0 * seconds * 4 / (leavers * 1.5)));
      }
    });
  threads.emplace_back([&] {
    for (int i = 0; load.goes_on(i, 1); ++i) {
      for (const Broken& request : broken_requests()) {
        const int status = load.send_broken(request.bytes);
        if (!request.statuses.count(status))
          load.complain(fmt::format("status {} for {}", status, printable(request.bytes)));
      }
      if (seconds > 0) sleep(1);
    }
  });
  threads.emplace_back([&] {
    for (int i = 0; load.goes_on(i, 1); ++i) {
      std::vector<std::thread>
          crowd;  // 320 replies, ten times what runs or waits, at temperature 0
      for (int c = 0; c < 40; ++c) crowd.emplace_back([&, c] { load.burst(c % 3 * 2); });
      for (std::thread& client : crowd) client.join();
      if (seconds > 0) sleep(5);
    }
  });
  double begin_mebibytes = 0;
  if (seconds > 0) {  // a line a minute, at least five
    const int step = std::max(1, std::min(60, seconds / 5));
    for (int s = step; s <= seconds; s += step) {
      sleep(unsigned(step));
      if (begin_mebibytes == 0) begin_mebibytes = server.mebibytes();
      fmt::print("{} s: {} replies, {} refused, {} left, {} broken, {:.1f} MiB\n", s,
                 load.replies.load(), load.refused.load(), load.left.load(), load.broken.load(),
                 server.mebibytes());
      fflush(stdout);
    }
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(load.complaints(), "");
  EXPECT_GE(load.left, leavers / 4 * 4);
  EXPECT_GT(load.refused, 0);
  EXPECT_GE(load.first_prompt, seconds > 0 ? 1000 : clients / 2 * count);
  for (int i = 0; i < 3000 && server.sequences() != 0; ++i) usleep(10'000);
  EXPECT_EQ(server.sequences(), 0);
  if (seconds > 0) {
    EXPECT_LE(server.mebibytes() - begin_mebibytes, setting("WEIR_LOAD_GROWTH", 8));
  }
  EXPECT_EQ(server.end(), 0);
  EXPECT_TRUE(remove_all(folder));
}

}  // namespace
}  // namespace weir
