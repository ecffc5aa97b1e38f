#include "serve/event_loop.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <thread>
#include <vector>

#include "base/text.h"
#include "serve/socket_stream.h"

namespace weir {
namespace {

namespace net = boost::asio;
using tcp = net::ip::tcp;

class TcpStream : public SocketStream<AsioSocket> {
 public:
  using SocketStream::SocketStream;
  void open(Done done) override { done(true, 0); }
  void end_writing(Done done) override {
    AsioCode code;
    stream().shutdown(tcp::socket::shutdown_send, code);
    done(!code, 0);
  }
};

// What all listeners share.
struct Shared {
  EventLoopOptions options;
  std::function<void(std::unique_ptr<ByteStream>)> accept;
  std::function<void()> on_room;  // a connection has ended
  std::atomic<int> connections{0};
  net::io_context io;  // the last: what its destructor ends uses the rest
};

// Accepts until the limit of connections, and again when one has ended.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  explicit Listener(Shared& shared)
      : shared_(shared), strand_(net::make_strand(shared.io)), acceptor_(strand_) {}

  Result<int> open(const std::string& address, int port) {
    AsioCode code;
    const auto ip = net::ip::make_address(address, code);
    if (code) return Error{"'" + printable(address) + "' is no address of this machine"};
    const tcp::endpoint endpoint(ip, uint16_t(port));
    acceptor_.open(endpoint.protocol(), code);
    if (!code) acceptor_.set_option(net::socket_base::reuse_address(true), code);
    if (!code && ip.is_v6()) acceptor_.set_option(net::ip::v6_only(true), code);
    if (!code) acceptor_.bind(endpoint, code);
    if (!code) acceptor_.listen(net::socket_base::max_listen_connections, code);
    if (code == net::error::address_in_use)
      return Error{
          fmt::format("port {} of {} is taken; choose another with --port", port, address)};
    if (code)
      return Error{
          fmt::format("{} port {} cannot be listened on: {}", address, port, code.message())};
    return int(acceptor_.local_endpoint().port());
  }

  void start() {
    net::post(strand_, std::function<void()>([self = shared_from_this()] { self->accept(); }));
  }
  void stop() {
    net::post(strand_, std::function<void()>([self = shared_from_this()] {
                AsioCode ignored;
                self->acceptor_.close(ignored);
              }));
  }

 private:
  void accept() {
    if (is_accepting_ || !acceptor_.is_open()) return;
    if (shared_.connections >= shared_.options.connections_max) return;
    is_accepting_ = true;
    acceptor_.async_accept(net::any_io_executor(net::make_strand(shared_.io)),
                           [self = shared_from_this()](AsioCode code, AsioSocket socket) {
                             self->take(code, std::move(socket));
                           });
  }

  void take(AsioCode code, AsioSocket socket) {
    is_accepting_ = false;
    if (code == net::error::operation_aborted) return;
    if (!code) {
      hand_over(std::move(socket));
      return accept();
    }
    // Out of descriptors, for instance: not at once again.
    auto pause = std::make_shared<net::steady_timer>(strand_, std::chrono::milliseconds(100));
    pause->async_wait(std::function<void(AsioCode)>(
        [self = shared_from_this(), pause](AsioCode) { self->accept(); }));
  }

  void hand_over(AsioSocket socket) {
    ++shared_.connections;
    auto ended = [&shared = shared_] {
      --shared.connections;
      if (shared.on_room) shared.on_room();
    };
    if (shared_.options.certificate)
      shared_.accept(
          make_tls_stream(std::move(socket), *shared_.options.certificate, std::move(ended)));
    else
      shared_.accept(std::make_unique<TcpStream>(std::move(ended), std::move(socket)));
  }

  Shared& shared_;
  const net::strand<net::io_context::executor_type> strand_;
  net::basic_socket_acceptor<tcp, net::any_io_executor> acceptor_;
  bool is_accepting_ = false;
};

class AsioLoop : public EventLoop {
 public:
  ~AsioLoop() override { stop(); }

  Result<void> open(EventLoopOptions options) {
    shared_.options = std::move(options);
    const std::string& address = shared_.options.address;
    TRY(listen(address == "localhost" ? "127.0.0.1" : address));
    if (address == "localhost") (void)listen("::1");  // machines without IPv6
    return {};
  }

  void start(std::function<void(std::unique_ptr<ByteStream>)> accept) override {
    shared_.accept = std::move(accept);
    shared_.on_room = [this] {
      for (const auto& listener : listeners_) listener->start();
    };
    for (const auto& listener : listeners_) listener->start();
    for (int i = 0; i < shared_.options.threads; ++i)
      threads_.emplace_back([this] { shared_.io.run(); });
  }

  int port() const override { return port_; }
  int connections() const override { return shared_.connections; }
  void work(std::function<void()> work) override { net::post(workers_, std::move(work)); }
  void stop_listening() override {
    for (const auto& listener : listeners_) listener->stop();
  }
  void stop() override {
    workers_.join();
    shared_.io.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    shared_.on_room = nullptr;
  }

 private:
  Result<void> listen(const std::string& address) {
    auto listener = std::make_shared<Listener>(shared_);
    port_ = TRY(listener->open(address, port_ ? port_ : shared_.options.port));
    listeners_.push_back(std::move(listener));
    return {};
  }

  Shared shared_;
  net::thread_pool workers_{2};
  net::executor_work_guard<net::io_context::executor_type> guard_{shared_.io.get_executor()};
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::vector<std::thread> threads_;
  int port_ = 0;
};

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create(EventLoopOptions options) {
  auto loop = std::make_unique<AsioLoop>();
  TRY(loop->open(std::move(options)));
  return std::unique_ptr<EventLoop>(std::move(loop));
}

}  // namespace weir
