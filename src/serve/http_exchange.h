// One HTTP request and the way back, without the library that carries them.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

class ServedKey;

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // without the query, as sent
  std::string query;   // what follows the path's ?, as sent
  std::string body;
  std::string host, origin, fetch_site, accept_encoding;  // headers; "": absent
  std::string presented_key;  // of Authorization: Bearer or x-api-key; until it was admitted
  std::shared_ptr<ServedKey> key = nullptr;  // whose request it is; null: the server has no keys
  uint64_t id = 0;                           // of the log
};

struct HttpReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// The way back. Call everything on its executor, that is inside of post() or of the handler.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  // Runs `work` there, soon. Any thread may call this.
  virtual void post(std::function<void()> work) = 0;
  // Runs `work` on a thread for what takes a while, as handlers do. Any thread may call this.
  virtual void work(std::function<void()> work) = 0;
  // A whole reply, or a stream; one of them, once.
  virtual void reply(HttpReply reply) = 0;
  virtual void begin_stream(std::string content_type, std::string keep_alive) = 0;
  // False: the client left or reads too slowly, and nothing more is sent.
  virtual bool write(std::string part) = 0;
  virtual void end_stream() = 0;
  // Called once when the client leaves before the end of the reply.
  virtual void on_left(std::function<void()> left) = 0;
};

// Whether a request may come in, before its body is read.
struct Admission {
  std::optional<HttpReply> refusal = {};
  std::shared_ptr<ServedKey> key = nullptr;
  std::vector<std::pair<std::string, std::string>> headers = {};  // of the reply, also of a refusal
  std::string log_name = {};                                      // what the log says of the key
};

// Answers a request, now or later; keeps the exchange until then.
using HttpHandler = std::function<void(HttpRequest, std::shared_ptr<HttpExchange>)>;

}  // namespace weir
