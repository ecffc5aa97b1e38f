// HTTP/1.1 over TCP: connections, limits, time. What is answered is the handler's business.
// http_server.cpp alone includes Boost.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "serve/access.h"
#include "serve/http_exchange.h"

namespace weir {

struct HttpServerOptions {
  std::string address =
      "localhost";            // an address, or localhost: 127.0.0.1, and ::1 if there is one
  int port = 0;               // 0: any that is free
  int threads = 2;            // that move bytes; two more prepare replies
  int connections_max = 256;  // others wait in the kernel's queue
  size_t header_bytes_max = 16 << 10;
  size_t body_bytes_max = size_t(16) << 20;
  // Without progress a connection is closed: from the first byte of a header to its end, while it
  // is idle, and of a client that does not read.
  double header_seconds = 10, idle_seconds = 60, write_seconds = 30;
  // Bytes of a stream that wait for a slow client; beyond them it is cut off.
  size_t backlog_max = size_t(8) << 20;
  double keep_alive_seconds = 15;  // of silence, before a stream says that it lives
  AccessRules access = {};
  // The form of errors before the handler is called.
  HttpReply (*write_error)(const ApiError&) = nullptr;
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
