// A ByteStream over a stream of Boost.Asio. Included by event_loop.cpp and tls_stream.cpp alone,
// which compile it for TCP and for TLS.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "serve/byte_stream.h"
#include "serve/tls_certificate.h"

namespace weir {

using AsioSocket = boost::asio::ip::tcp::socket;
using AsioCode = boost::system::error_code;

// `ended` is called when the stream is destroyed.
std::unique_ptr<ByteStream> make_tls_stream(AsioSocket socket, TlsCertificate& certificate,
                                            std::function<void()> ended);

// `Stream` has async_read_some and async_write_some.
template <class Stream>
class SocketStream : public ByteStream {
 public:
  template <class... Arguments>
  explicit SocketStream(std::function<void()> ended, Arguments&&... arguments)
      : ended_(std::move(ended)),
        stream_(std::forward<Arguments>(arguments)...),
        deadline_(stream_.get_executor()),
        silence_(stream_.get_executor()) {
    AsioCode ignored;
    socket().set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  }
  ~SocketStream() override {
    AsioCode ignored;
    socket().close(ignored);
    ended_();
  }

  void post(std::function<void()> work) override {
    boost::asio::post(stream_.get_executor(), std::move(work));
  }
  void dispatch(std::function<void()> work) override {
    boost::asio::dispatch(stream_.get_executor(), std::move(work));
  }

  void read(char* to, size_t bytes_max, Done done) override {
    stream_.async_read_some(
        boost::asio::mutable_buffer(to, bytes_max),
        Handler([done = std::move(done)](AsioCode code, size_t bytes) { done(!code, bytes); }));
  }

  void write(std::string_view bytes, Done done) override {
    stream_.async_write_some(
        boost::asio::const_buffer(bytes.data(), bytes.size()),
        Handler([this, bytes, done = std::move(done)](AsioCode code, size_t count) {
          const std::string_view rest = bytes.substr(count);
          if (code || rest.empty()) return done(!code, bytes.size());
          write(rest, done);  // `done` keeps what owns this stream
        }));
  }

  void close() override {
    AsioCode ignored;
    deadline_.cancel(ignored);
    silence_.cancel(ignored);
    socket().close(ignored);
  }

  void set_alarm(Alarm alarm, double seconds, std::function<void()> ring) override {
    boost::asio::steady_timer& timer = alarm == Alarm::deadline ? deadline_ : silence_;
    if (seconds < 0) {
      AsioCode ignored;
      timer.cancel(ignored);
      return;
    }
    timer.expires_after(std::chrono::microseconds(int64_t(seconds * 1e6)));
    timer.async_wait(std::function<void(AsioCode)>([ring = std::move(ring)](AsioCode code) {
      if (!code) ring();
    }));
  }

  std::string local_address() override {
    AsioCode ignored;
    return socket().local_endpoint(ignored).address().to_string();
  }

 protected:
  using Handler = std::function<void(AsioCode, size_t)>;
  AsioSocket& socket() {
    if constexpr (std::is_same_v<Stream, AsioSocket>)
      return stream_;
    else
      return stream_.next_layer();
  }
  Stream& stream() { return stream_; }

 private:
  std::function<void()> ended_;
  Stream stream_;
  boost::asio::steady_timer deadline_, silence_;
};

}  // namespace weir
