#include "client/chat_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "client/event_stream.h"

namespace weir {
namespace {

constexpr size_t kCallsMax = 128;

// DeepSeek, weir, llama.cpp and vLLM name it reasoning_content; Ollama and OpenRouter reasoning.
const std::string& thinking_of(const Json& message) {
  static const std::string none;
  for (const char* key : {"reasoning_content", "reasoning"})
    if (const Json* text = message.find(key); text && !text->text().empty()) return text->text();
  return none;
}

// A reply that comes in pieces, or whole from a server that does not stream.
class ReplyReader {
 public:
  explicit ReplyReader(const ChatApi::OnText& on_text) : on_text_(on_text) {}

  // False: somebody ended it, or it cannot be read: error().
  bool take(const std::string& data) {
    if (trim(data) == "[DONE]") {
      is_done_ = true;
      return true;
    }
    Result<Json> json = parse_json(data);
    if (!json) return fail("the answer is no JSON: " + json.error().message);
    return take(*json);
  }

  bool take(const Json& json) {
    if (const Json* error = json.find("error"); error && !error->is_null())
      return fail(failure_of({.body = json.dump()}));
    const Json* choices = json.find("choices");
    if (!choices || choices->size() == 0) return true;  // usage alone
    const Json& choice = choices->items()[0];
    const Json* message = choice.find("delta");
    if (!message) message = choice.find("message");
    if (const Json* reason = choice.find("finish_reason"); reason && reason->is_string())
      reply_.finish_reason = reason->text();
    if (!message) return true;
    if (const Json* calls = message->find("tool_calls")) add_calls(*calls);
    return add(true, thinking_of(*message)) && add(false, message->text_at("content"));
  }

  Result<ChatApiReply> finish(bool is_cancelled) {
    if (error_) return *error_;
    for (Json& call : reply_.calls.items()) {
      Json* function = &call.set("function", *call.find("function"));
      Result<Json> arguments = parse_json(function->text_at("arguments"));
      if (arguments && arguments->is_object()) function->set("arguments", *std::move(arguments));
    }
    reply_.is_cancelled = is_cancelled;
    if (!is_cancelled && !is_done_ && reply_.finish_reason.empty())
      return Error{"the connection ended in the middle of the reply"};
    return std::move(reply_);
  }

 private:
  bool fail(std::string why) {
    error_ = Error{std::move(why)};
    return false;
  }

  bool add(bool is_thinking, const std::string& text) {
    if (text.empty()) return true;
    (is_thinking ? reply_.thinking : reply_.answer) += text;
    return on_text_(is_thinking, text);
  }

  // The pieces of a call have its index; the first has id and name, all have arguments.
  void add_calls(const Json& pieces) {
    std::vector<Json>& calls = reply_.calls.items();
    for (size_t i = 0; i < pieces.size(); ++i) {
      const Json& piece = pieces.items()[i];
      const Json* index = piece.find("index");
      const auto number =
          index && index->is_number() ? index->as_int() : Result<int64_t>(int64_t(i));
      if (!number || *number < 0 || size_t(*number) >= kCallsMax) continue;
      while (calls.size() <= size_t(*number)) {
        Json function = Json::object(), call = Json::object();
        function.set("name", "");
        function.set("arguments", "");
        call.set("id", fmt::format("call_{}", calls.size()));
        call.set("type", "function");
        call.set("function", std::move(function));
        calls.push_back(std::move(call));
      }
      Json& call = calls[size_t(*number)];
      if (!piece.text_at("id").empty()) call.set("id", piece.text_at("id"));
      const Json* part = piece.find("function");
      if (!part) continue;
      Json function = *call.find("function");
      if (!part->text_at("name").empty()) function.set("name", part->text_at("name"));
      function.set("arguments", function.text_at("arguments") + part->text_at("arguments"));
      call.set("function", std::move(function));
    }
  }

  const ChatApi::OnText& on_text_;
  ChatApiReply reply_;
  std::optional<Error> error_;
  bool is_done_ = false;
};

HttpUrl with_version(HttpUrl url) {
  if (url.path.empty()) url.path = "/v1";
  return url;
}

// As weir and OpenAI, as llama.cpp, and as vLLM say it.
bool says_too_long(const std::string& body) {
  return body.find("context_length_exceeded") != body.npos ||
         body.find("exceed_context_size_error") != body.npos ||
         body.find("maximum context length") != body.npos;
}

}  // namespace

ChatApi::ChatApi(HttpUrl url, HttpClientOptions options)
    : client_(with_version(std::move(url)), std::move(options)) {}

Result<ModelList> ChatApi::models() {
  ModelList list;
  const HttpAnswer answer = TRY(client_.get("/models"));
  const std::string address = server().text() + "/models";
  if (answer.is_cancelled) return Error{address + ": stopped"};
  if (answer.status == 401 || answer.status == 403)
    return Error{address + ": " + failure_of(answer)};
  if (!answer.is_success()) {
    list.failure = failure_of(answer);
    return list;
  }
  const Json json = TRY_IN(address, parse_json(answer.body));
  const Json* models = json.is_array() ? &json : json.find("data");
  if (!models || !models->is_array())
    return Error{address + ": holds no list of models; is this an OpenAI-compatible server?"};
  for (const Json& model : models->items())
    if (!model.text_at("id").empty()) list.names.push_back(model.text_at("id"));
  return list;
}

Result<ChatApiReply> ChatApi::ask(Json request, const OnText& on_text) {
  request.set("stream", true);
  was_too_long_ = false;
  ReplyReader reader(on_text);
  EventStream events;
  std::string whole, broken;  // a body that is no stream of events begins with an object
  bool is_first = true, is_whole = false;
  const HttpAnswer answer =
      TRY(client_.stream("/chat/completions", request.dump(), [&](std::string_view bytes) {
        if (std::exchange(is_first, false)) is_whole = trim(bytes).starts_with('{');
        if (is_whole) {
          whole += bytes;
          return whole.size() <= (size_t(64) << 20);
        }
        const auto goes_on =
            events.push(bytes, [&](const std::string& data) { return reader.take(data); });
        if (!goes_on) broken = goes_on.error().message;
        return goes_on && *goes_on;
      }));
  const std::string address = server().text();
  if (!broken.empty()) return Error{address + ": " + broken};
  if (answer.status != 0 && !answer.is_success()) {
    was_too_long_ = says_too_long(answer.body);
    return Error{address + ": " + failure_of(answer)};
  }
  if (is_whole && !answer.is_cancelled) reader.take(whole);
  return TRY_IN(address, reader.finish(answer.is_cancelled));
}

namespace {

Result<std::string> check_key(std::string key) {
  const auto is_odd = [](unsigned char c) { return c <= ' ' || c >= 127; };
  if (key.empty()) return Error{"the key is empty"};
  if (std::any_of(key.begin(), key.end(), is_odd))
    return Error{"the key has a blank or another character that no key has"};
  return key;
}

Result<std::string> read_key_file(const std::string& path) {
  const std::string text = TRY(read_file(path, 1 << 16));
  return TRY_IN(path, check_key(std::string(trim(text))));
}

}  // namespace

Result<std::string> find_key(const std::string& key_file) {
  if (!key_file.empty()) return TRY_IN("--key-file", read_key_file(key_file));
  const char* key = std::getenv("WEIR_API_KEY");
  if (!key || !*key) return std::string();
  return TRY_IN("WEIR_API_KEY", check_key(key));
}

}  // namespace weir
