// Connections to an in-process server of a tiny model: for what is beside the dialects
// (serve_fixture.h), such as limits, keys and clients that leave.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "serve/server.h"
#include "testing/generation_fixture.h"
#include "testing/http_test_client.h"
#include "testing/serve_fixture.h"

namespace weir {

constexpr const char* kTemplate =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>";

struct TinyOptions {
  bool has_marks = false;  // tokens for holes in code
  std::string store = {};  // a folder that keeps its cached prefixes
};

inline OpenModel open_tiny(int sequences, const TinyOptions& options = {}) {
  OpenModel open;
  ModelConfig config = tiny(Kind::grouped);
  config.max_position_embeddings = 8192;
  open.model = Model::create(config, false);
  open.model->initialize(5);
  open.pool = std::make_unique<ThreadPool>(1);
  open.model->pack(*open.pool);
  std::vector<NewToken> added = {{"<bos>", true}, {"<eos>", true}};
  if (options.has_marks)
    for (const char* mark : {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"})
      added.push_back({mark, true});
  open.tokenizer =
      std::make_unique<Tokenizer>(make_byte_tokenizer(std::move(added), "<bos>", "<eos>"));
  open.infill = find_infill_tokens(*open.tokenizer);
  open.chat_template = kTemplate;
  open.stops = {open.tokenizer->eos()};
  auto generator = Generator::create(
      *open.model, *open.tokenizer, *open.pool,
      {.sequences_max = sequences, .keeps_prefixes = true, .store = {.folder = options.store}});
  open.generator = *std::move(generator);
  return open;
}

inline std::unique_ptr<Server> start(ServerOptions options = {}, int sequences = 8,
                                     const TinyOptions& tiny_options = {}) {
  auto model = ServedModel::create(open_tiny(sequences, tiny_options), "models/tiny.gguf",
                                   {.aliases = {"other"}});
  EXPECT_TRUE(model.has_value());
  auto server = Server::start(*std::move(model), std::move(options));
  if (!server) ADD_FAILURE() << server.error().message;
  return *std::move(server);
}

inline Json json_of(const TestReply& response) {
  auto json = parse_json(response.body());
  if (!json) ADD_FAILURE() << response.body();
  return json ? *json : Json::object();
}

constexpr const char* kHello =
    R"({"messages": [{"role": "user", "content": "hello"}], "temperature": 0, "max_tokens": 40)";
inline std::string hello(const std::string& more = "") { return kHello + more + "}"; }

// A reply that does not end by itself for some seconds.
inline std::string endless(const std::string& more = "") {
  return R"({"prompt": "abc", "max_tokens": 8000, "temperature": 0, "ignore_eos": true)" + more +
         "}";
}

inline int64_t sequences(int port) {
  const std::string text = Client(port).ask("GET", "/metrics", "").body();
  const size_t place = text.find("\nweir_sequences ");
  return place == text.npos ? -1 : std::stoi(text.substr(place + 16));
}

}  // namespace weir
