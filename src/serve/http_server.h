// HTTP/1.1 over TCP or TLS: connections, limits, time. What is answered is the handler's business.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "serve/access.h"
#include "serve/event_loop.h"
#include "serve/http_exchange.h"

namespace weir {

struct HttpServerOptions {
  EventLoopOptions loop = {};  // addresses, threads, connections, TLS
  size_t header_bytes_max = 16 << 10;
  size_t headers_max = 100, target_bytes_max = 8 << 10;
  size_t body_bytes_max = size_t(16) << 20;
  // Without progress a connection is closed: from the first byte of a header to its end, between
  // two parts of a body, while it is idle, and of a client that does not read.
  double header_seconds = 10, idle_seconds = 60, write_seconds = 30;
  double body_bytes_per_second = 64 << 10;  // at least, after header_seconds
  // Bytes of a stream that wait for a slow client; beyond them it is cut off.
  size_t backlog_max = size_t(8) << 20;
  double keep_alive_seconds = 15;  // of silence, before a stream says that it lives
  AccessRules access = {};
  // The form of errors before the handler is called.
  std::function<HttpReply(const HttpRequest&, const ApiError&)> write_error = {};
  // Called on a thread that may take its time, after the header and before the body; may be empty.
  std::function<Admission(const HttpRequest&)> admit = {};
  std::function<void(const std::string&)> log = {};       // a line for each request; may be empty
  std::function<void(const std::string&)> on_error = {};  // those of 400 and above; may be empty
};

class HttpServer {
 public:
  // Listens and begins to serve; `handler` is called on threads of the server, several at a time.
  static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, HttpHandler handler);
  virtual ~HttpServer() = default;  // closes everything
  virtual int port() const = 0;
  // Takes no new connections; those that are open end after their reply.
  virtual void drain() = 0;
  // Replies that have not ended.
  virtual int requests() const = 0;
};

}  // namespace weir
