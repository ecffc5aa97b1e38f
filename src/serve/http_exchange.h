// One HTTP request and the way back, without the library that carries them.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // without the query, as sent
  std::string body;
  std::string query;                                      // what follows the path's ?, as sent
  std::string host, origin, fetch_site, accept_encoding;  // headers; "": absent
  uint64_t id = 0;                                        // of the log
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

// Answers a request, now or later; keeps the exchange until then.
using HttpHandler = std::function<void(HttpRequest, std::shared_ptr<HttpExchange>)>;

}  // namespace weir
