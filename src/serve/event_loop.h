// Listens on TCP ports and moves bytes on a few threads (Boost.Asio); a second pool of threads does
// what takes longer.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "serve/byte_stream.h"
#include "serve/tls_certificate.h"

namespace weir {

struct EventLoopOptions {
  std::string address =
      "localhost";            // or an address; localhost: 127.0.0.1, and ::1 if there is one
  int port = 0;               // 0: any that is free
  int threads = 2;            // that move bytes; two more work
  int connections_max = 256;  // others wait in the kernel's queue
  std::shared_ptr<TlsCertificate> certificate = {};  // null: no TLS
};

class EventLoop {
 public:
  // Listens.
  static Result<std::unique_ptr<EventLoop>> create(EventLoopOptions options);
  virtual ~EventLoop() = default;
  // Serves from now on: `accept` gets each new stream, before its open(). A connection counts as
  // open until its stream is destroyed.
  virtual void start(std::function<void(std::unique_ptr<ByteStream>)> accept) = 0;
  virtual int port() const = 0;
  virtual int connections() const = 0;
  // On a thread that may take its time. Any thread may call this.
  virtual void work(std::function<void()> work) = 0;
  virtual void stop_listening() = 0;
  // Ends all threads; what waits is never called.
  virtual void stop() = 0;
};

}  // namespace weir
