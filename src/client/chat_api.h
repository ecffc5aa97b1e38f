// OpenAI's chat over HTTP, as weir, llama.cpp, vLLM, Ollama, DeepSeek and others serve it.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "client/http_client.h"

namespace weir {

struct ChatApiReply {
  std::string thinking, answer;
  Json calls = Json::array();  // OpenAI's 'tool_calls'; arguments that are JSON are an object
  std::string finish_reason;   // "stop", "length", "tool_calls" ...
  bool is_cancelled = false;   // by its reader; what came until then
};

struct ModelList {
  std::vector<std::string> names = {};
  std::string failure = {};  // what the server said instead of a list; "": nothing
};

class ChatApi {
 public:
  // A URL without a path gets OpenAI's "/v1".
  ChatApi(HttpUrl url, HttpClientOptions options);
  const HttpUrl& server() const { return client_.server(); }

  // The names at /models. That a server has no list or fails to make it (transformers 5.23 without
  // a network) is no error; that it refuses the key is one.
  Result<ModelList> models();

  // Of a reply that is being made; false ends it.
  using OnText = std::function<bool(bool is_thinking, const std::string& text)>;
  // `request`: a body of /chat/completions ("stream" is added). A reply that ends early, or that
  // the server ends with an error, is an error.
  Result<ChatApiReply> ask(Json request, const OnText& on_text);
  // Whether the last error says that the conversation does not fit the model's context.
  bool was_too_long() const { return was_too_long_; }

 private:
  HttpClient client_;
  bool was_too_long_ = false;
};

// The key of a server: what --key-file holds, else WEIR_API_KEY, else "". Fails for characters that
// no header may hold.
Result<std::string> find_key(const std::string& key_file);

}  // namespace weir
