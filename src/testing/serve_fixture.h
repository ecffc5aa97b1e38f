// A server of a tiny random model on a free port and one request to it: for what the dialects say.
// Connections, limits and clients that leave are server_test.cpp's business.
#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/text.h"
#include "serve/server.h"
#include "testing/generation_fixture.h"
#include "testing/http_test_client.h"

namespace weir {

// <user>hello<assistant> and so on, calls as Qwen's; every token is a byte, or <bos> or <eos>.
constexpr const char* kTinyTemplate =
    "{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}<{{ m.role }}>"
    "{{ m.content }}{% for c in m.tool_calls or [] %}<tool_call>\n{\"name\": \""
    "{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}}\n</tool_call>"
    "{% endfor %}{% endfor %}<assistant>";

// With thoughts: those of <think> and </think>, and a template that opens one.
constexpr const char* kThinkingTemplate =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant><think>";

// `seed`: of the weights.
inline OpenModel open_tiny_model(bool thinks = false, uint64_t seed = 5) {
  OpenModel open;
  ModelConfig config = tiny(Kind::grouped);
  config.max_position_embeddings = 4096;
  open.model = Model::create(config, false);
  open.model->initialize(seed);
  open.pool = std::make_unique<ThreadPool>(1);
  open.model->pack(*open.pool);
  std::vector<NewToken> added = {{"<bos>", true}, {"<eos>", true}};
  if (thinks) added.insert(added.end(), {{"<think>", false}, {"</think>", false}});
  open.tokenizer = std::make_unique<Tokenizer>(make_byte_tokenizer(added, "<bos>", "<eos>"));
  open.chat_template = thinks ? kThinkingTemplate : kTinyTemplate;
  open.stops = {open.tokenizer->eos()};
  auto generator = Generator::create(*open.model, *open.tokenizer, *open.pool,
                                     {.sequences_max = 8, .keeps_prefixes = true});
  open.generator = *std::move(generator);
  return open;
}

inline std::unique_ptr<ServedModel> tiny_served(bool thinks = false) {
  auto model = ServedModel::create(open_tiny_model(thinks), "models/tiny.gguf", {});
  EXPECT_TRUE(model);
  return *std::move(model);
}

inline std::unique_ptr<Server> tiny_server(bool thinks = false) {
  auto server = Server::start(tiny_served(thinks), {});
  if (!server) ADD_FAILURE() << server.error().message;
  return *std::move(server);
}

// What the model says after a text, greedily.
inline Completion tiny_completion(const std::string& text, int tokens) {
  OpenModel open = open_tiny_model();
  Request request;
  request.prompt = *open.tokenizer->encode(text);
  request.tokens_max = tokens;
  request.sampling = {.temperature = 0};
  request.stop_ids = end_ids(open);
  return (*open.generator->generate({&request, 1}))[0];
}

struct ServedReply {
  int status = 0;
  std::string body;
  Json json() const {
    auto parsed = parse_json(body);
    if (!parsed) ADD_FAILURE() << body;
    return parsed ? *parsed : Json::object();
  }
};

// One request on a connection of its own.
inline ServedReply ask(int port, const std::string& method, const std::string& path,
                       const std::string& body = "") {
  const TestReply reply = Client(port).ask(method.c_str(), path.c_str(), body);
  return {.status = int(reply.status), .body = reply.text};
}

// Waits until something holds, for five seconds at most.
inline bool soon(const std::function<bool()>& holds) {
  for (int i = 0; i < 500 && !holds(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return holds();
}

// "a.0.b"; null where there is nothing.
inline const Json& at(const Json& json, std::string_view path) {
  static const Json none = Json();
  const Json* here = &json;
  for (const std::string& key : split(path, '.')) {
    if (!here->is_array()) {
      here = here->find(key);
    } else {
      const size_t index = size_t(std::stoi(key));
      here = index < here->size() ? &here->items()[index] : nullptr;
    }
    if (!here) return none;
  }
  return *here;
}
inline int64_t number(const Json& json, std::string_view path) {
  const auto value = at(json, path).as_int();
  return value ? *value : -1;
}

// The JSON of each event of a stream; what is none stays text. Where events have names, they are
// the types.
inline std::vector<Json> stream_events(const std::string& body) {
  std::vector<Json> events;
  for (size_t begin = 0; begin < body.size();) {
    const size_t end = body.find("\n\n", begin);
    std::string block = body.substr(begin, end - begin), name;
    if (block.rfind("event: ", 0) == 0) {
      name = block.substr(7, block.find('\n') - 7);
      block.erase(0, block.find('\n') + 1);
    }
    EXPECT_EQ(block.rfind("data: ", 0), 0u) << block;
    auto json = parse_json(block.substr(6));
    events.push_back(json ? *json : Json(block.substr(6)));
    EXPECT_EQ(name.empty() ? "" : at(events.back(), "type").text(), name);
    if (end == body.npos) break;
    begin = end + 2;
  }
  return events;
}

}  // namespace weir
