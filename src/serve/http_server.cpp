#include "serve/http_server.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "base/clock.h"
#include "base/text.h"

namespace weir {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = net::ip::tcp;
using Code = beast::error_code;

std::chrono::milliseconds time_of(double seconds) {
  return std::chrono::milliseconds(int64_t(seconds * 1000));
}

class Connection;

// What all connections share.
struct Shared {
  HttpServerOptions options;
  HttpHandler handler;
  std::atomic<int> connections{0}, requests{0};
  std::atomic<uint64_t> next_request{1};
  std::atomic<bool> is_draining{false};
  std::function<void()> on_room = {};  // a connection has ended; any thread
  std::mutex mutex;
  std::set<Connection*> open = {};  // guarded by it
  net::thread_pool workers{2};
  net::io_context io;  // the last: what its destructor ends uses the rest
};

// One request of a connection. Every call moves to the connection's strand, and is void after the
// connection has gone on.
class Exchange : public HttpExchange, public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(std::shared_ptr<Connection> connection, uint64_t id)
      : connection_(std::move(connection)), id_(id) {}
  void post(std::function<void()> work) override;
  void work(std::function<void()> work) override;
  void reply(HttpReply reply) override;
  void begin_stream(std::string content_type, std::string keep_alive) override;
  bool write(std::string part) override;
  void end_stream() override;
  void on_left(std::function<void()> left) override;
  void set_left() { has_left_ = true; }

 private:
  template <class Work>
  void on_strand(Work work);
  std::shared_ptr<Connection> connection_;
  const uint64_t id_;
  std::atomic<bool> has_left_{false};
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Shared& shared)
      : shared_(shared), stream_(std::move(socket)), timer_(stream_.get_executor()) {
    ++shared_.connections;
    std::lock_guard lock(shared_.mutex);
    shared_.open.insert(this);
  }
  ~Connection() {
    --shared_.connections;
    {
      std::lock_guard lock(shared_.mutex);
      shared_.open.erase(this);
    }
    if (shared_.on_room) shared_.on_room();
  }

  void start() {
    Code ignored;
    stream_.socket().set_option(tcp::no_delay(true), ignored);
    address_ = stream_.socket().local_endpoint(ignored).address().to_string();
    net::dispatch(stream_.get_executor(), [self = shared_from_this()] {
      self->wait_for_request(self->shared_.options.header_seconds);
    });
  }

  // When no thread serves any more: forgets the reply, which holds this connection.
  void abandon() {
    exchange_ = nullptr;
    left_ = nullptr;
  }

  auto executor() { return stream_.get_executor(); }
  void work(std::function<void()> work) { net::post(shared_.workers, std::move(work)); }
  bool is_current(uint64_t id) const { return exchange_ && id == request_id_; }

  void reply(HttpReply reply) {
    if (is_stream_) return;
    status_ = reply.status;
    auto message = std::make_shared<http::response<http::string_body>>(
        http::status(reply.status), version_, std::move(reply.body));
    message->set(http::field::server, "weir");
    message->set(http::field::content_type, reply.content_type);
    message->set("X-Request-Id", std::to_string(request_id_));
    message->set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : reply.headers) message->set(name, value);
    message->keep_alive(keeps_alive_ && !shared_.is_draining);
    const size_t size = message->body().size();
    if (is_head_) message->body().clear();
    message->content_length(size);
    const bool closes = message->need_eof() || !message->keep_alive();
    stream_.expires_after(time_of(shared_.options.write_seconds) +
                          std::chrono::milliseconds(size >> 14));
    http::async_write(stream_, *message,
                      [self = shared_from_this(), message, closes](Code code, size_t) {
                        if (code) return self->leave();
                        self->end_request(closes);
                      });
  }

  void begin_stream(std::string content_type, std::string keep_alive) {
    is_stream_ = true;
    keep_alive_ = std::move(keep_alive);
    const bool is_chunked = version_ >= 11;
    if (!is_chunked) keeps_alive_ = false;
    http::response<http::empty_body> head(http::status::ok, version_);
    head.set(http::field::server, "weir");
    head.set(http::field::content_type, content_type);
    head.set(http::field::cache_control, "no-cache");
    head.set("X-Request-Id", std::to_string(request_id_));
    head.set("X-Content-Type-Options", "nosniff");
    head.set("X-Accel-Buffering", "no");  // proxies would collect the stream
    head.keep_alive(keeps_alive_ && !shared_.is_draining);
    head.chunked(is_chunked);
    std::ostringstream text;
    text << head.base();
    send(text.str());
    wait_in_silence();
  }

  bool write(std::string part) {
    if (!is_stream_ || is_ended_ || part.empty()) return !has_left_;
    if (has_left_) return false;
    send(version_ >= 11 ? chunk_of(part) : std::move(part));
    if (pending_.size() > shared_.options.backlog_max) leave();
    return !has_left_;
  }

  void end_stream() {
    if (!is_stream_ || is_ended_) return;
    if (version_ >= 11) send(chunk_of(""));
    is_ended_ = true;
    if (!is_writing_) end_request(!keeps_alive_ || shared_.is_draining);
  }

  void on_left(std::function<void()> left) {
    if (has_left_) return left();
    left_ = std::move(left);
    watch();
  }

 private:
  // The bytes that begin a request may take as long as the connection is allowed to be idle.
  void wait_for_request(double seconds) {
    if (shared_.is_draining) return close();
    if (buffer_.size() > 0) return read_header();
    stream_.expires_after(time_of(seconds));
    stream_.async_read_some(buffer_.prepare(4096),
                            [self = shared_from_this()](Code code, size_t bytes) {
                              if (code) return self->close();
                              self->buffer_.commit(bytes);
                              self->read_header();
                            });
  }

  void read_header() {
    parser_.emplace();
    parser_->header_limit(uint32_t(shared_.options.header_bytes_max));
    parser_->body_limit(shared_.options.body_bytes_max);
    stream_.expires_after(time_of(shared_.options.header_seconds));
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](Code code, size_t) { self->take_header(code); });
  }

  void begin_request() {
    request_id_ = shared_.next_request++;
    began_ns_ = monotonic_ns();
    is_stream_ = is_ended_ = has_left_ = false;
    ++shared_.requests;
    const auto& message = parser_->get();
    version_ = message.version() == 10 ? 10 : 11;
    keeps_alive_ = message.keep_alive();
    is_head_ = message.method() == http::verb::head;
    const std::string target(message.target());
    request_ = {};
    request_.method = is_head_ ? "GET" : std::string(message.method_string());
    request_.path = target.substr(0, target.find('?'));
    if (request_.path.size() < target.size())
      request_.query = target.substr(request_.path.size() + 1);
    request_.host = std::string(message[http::field::host]);
    request_.origin = std::string(message[http::field::origin]);
    request_.fetch_site = std::string(message["Sec-Fetch-Site"]);
    request_.accept_encoding = std::string(message[http::field::accept_encoding]);
    request_.id = request_id_;
    log_ = printable(request_.method, 16) + " " + printable(request_.path);
    exchange_ = std::make_shared<Exchange>(shared_from_this(), request_id_);
  }

  // The rest of a refused request is not read, so its connection ends.
  void refuse(const ApiError& error) {
    keeps_alive_ = false;
    has_unread_ = true;
    reply(shared_.options.write_error(error));
  }

  void take_header(Code code) {
    if (code == beast::error::timeout && shared_.options.log)
      shared_.options.log("a client took too long to send its header; its connection is closed");
    if (code == http::error::end_of_stream || code == net::error::eof ||
        code == net::error::connection_reset || code == beast::error::timeout)
      return close();
    begin_request();
    if (code == http::error::header_limit)
      return refuse({.status = 431, .message = "the header is larger than 16 KiB"});
    if (code == http::error::body_limit) return refuse({.status = 413, .message = too_large()});
    if (code) return refuse({.message = "the request is not HTTP: " + code.message()});
    if (auto error = check_access(shared_.options.access, request_, address_))
      return refuse(*error);
    if (beast::iequals(parser_->get()[http::field::expect], "100-continue")) return say_continue();
    read_body();
  }

  std::string too_large() const {
    return "the body is larger than " + format_bytes(double(shared_.options.body_bytes_max));
  }

  void say_continue() {
    auto message = std::make_shared<http::response<http::empty_body>>(http::status::continue_, 11);
    http::async_write(stream_, *message, [self = shared_from_this(), message](Code code, size_t) {
      if (code) return self->leave();
      self->read_body();
    });
  }

  // At least 64 KiB a second.
  void read_body() {
    const uint64_t length = parser_->content_length().value_or(shared_.options.body_bytes_max);
    stream_.expires_after(time_of(shared_.options.header_seconds) +
                          std::chrono::milliseconds(length >> 6));
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](Code error, size_t) {
      if (error == http::error::body_limit)
        return self->refuse({.status = 413, .message = self->too_large()});
      if (error == beast::error::timeout) return self->leave();
      if (error) return self->refuse({.message = "the body is broken: " + error.message()});
      self->handle();
    });
  }

  void handle() {
    request_.body = std::move(parser_->get().body());
    parser_.reset();
    stream_.expires_never();
    net::post(shared_.workers,
              [&shared = shared_, request = std::move(request_), exchange = exchange_]() mutable {
                shared.handler(std::move(request), std::move(exchange));
              });
  }

  // Whether the client is still there while it waits for the reply: the end of what it sends means
  // that it left. A client that sends its next request early is not watched.
  void watch() {
    stream_.socket().async_wait(
        tcp::socket::wait_read, [self = shared_from_this(), id = request_id_](Code code) {
          if (code || !self->is_current(id)) return;
          char next;
          const auto bytes =
              recv(self->stream_.socket().native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
          if (bytes > 0) return;
          // Bytes of this request that were read before the wait began may end it.
          if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) return self->watch();
          self->leave();
        });
  }

  static std::string chunk_of(const std::string& part) {
    std::string text;
    const auto add = [&](const auto& buffers) {
      for (const net::const_buffer buffer : beast::buffers_range_ref(buffers))
        text.append(static_cast<const char*>(buffer.data()), buffer.size());
    };
    if (part.empty())
      add(http::make_chunk_last());
    else
      add(http::make_chunk(net::buffer(part)));
    return text;
  }

  // One write at a time; what comes meanwhile is written together.
  void send(std::string bytes) {
    is_silent_ = false;
    pending_ += bytes;
    if (!is_writing_) write_pending();
  }

  void write_pending() {
    is_writing_ = true;
    sent_.swap(pending_);
    pending_.clear();
    stream_.expires_after(time_of(shared_.options.write_seconds));
    net::async_write(stream_, net::buffer(sent_), [self = shared_from_this()](Code code, size_t) {
      self->is_writing_ = false;
      if (code) return self->leave();
      if (!self->pending_.empty()) return self->write_pending();
      self->stream_.expires_never();
      if (self->is_ended_) self->end_request(!self->keeps_alive_ || self->shared_.is_draining);
    });
  }

  void wait_in_silence() {
    if (keep_alive_.empty()) return;
    timer_.expires_after(time_of(shared_.options.keep_alive_seconds));
    timer_.async_wait([self = shared_from_this(), id = request_id_](Code code) {
      if (code || !self->is_current(id) || self->is_ended_) return;
      if (std::exchange(self->is_silent_, true)) self->write(self->keep_alive_);
      self->wait_in_silence();
    });
  }

  void log_request() {
    const auto &log = shared_.options.log, &on_error = shared_.options.on_error;
    if (!log && (!on_error || status_ < 400)) return;
    const std::string line = fmt::format("request {} {} {} {:.3f} s{}", request_id_, log_, status_,
                                         double(monotonic_ns() - began_ns_) * 1e-9,
                                         has_left_ ? " (the client left)" : "");
    if (log) log(line);
    if (on_error && status_ >= 400) on_error(line);
  }

  void end_request(bool closes) {
    if (!exchange_) return;
    log_request();
    exchange_ = nullptr;
    left_ = nullptr;
    status_ = 200;
    --shared_.requests;
    Code ignored;
    timer_.cancel(ignored);
    if (closes) return close();
    wait_for_request(shared_.options.idle_seconds);
  }

  // The client is gone, or must go.
  void leave() {
    if (std::exchange(has_left_, true)) return;
    if (exchange_) exchange_->set_left();
    if (auto left = std::exchange(left_, nullptr)) left();
    end_request(true);
  }

  void close() {
    Code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    if (std::exchange(has_unread_, false) && !has_left_) {
      stream_.expires_after(time_of(2));
      return discard();
    }
    stream_.close();
  }

  // A socket that is closed with unread bytes is reset, and its reply may be lost on the way: what
  // the client still sends is taken for a moment.
  void discard() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(65536), [self = shared_from_this()](Code code, size_t) {
      if (code) return self->stream_.close();
      self->discard();
    });
  }

  Shared& shared_;
  beast::tcp_stream stream_;
  net::steady_timer timer_;
  std::string address_;  // of this end
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;

  // Of the request that is answered.
  HttpRequest request_;
  std::shared_ptr<Exchange> exchange_;  // null: none
  std::function<void()> left_;
  std::string log_;  // method and path, as the log has them
  uint64_t request_id_ = 0;
  int64_t began_ns_ = 0;
  unsigned version_ = 11;
  int status_ = 200;
  bool keeps_alive_ = true, is_head_ = false;
  bool is_stream_ = false, is_ended_ = false, has_left_ = false;
  bool is_writing_ = false, is_silent_ = false, has_unread_ = false;
  std::string keep_alive_, pending_, sent_;
};

template <class Work>
void Exchange::on_strand(Work work) {
  net::dispatch(connection_->executor(),
                [self = shared_from_this(), work = std::move(work)]() mutable {
                  if (self->connection_->is_current(self->id_)) work(*self->connection_);
                });
}

void Exchange::post(std::function<void()> work) {
  net::post(connection_->executor(), std::move(work));
}

void Exchange::work(std::function<void()> work) { connection_->work(std::move(work)); }

void Exchange::reply(HttpReply reply) {
  on_strand([reply = std::move(reply)](Connection& c) mutable { c.reply(std::move(reply)); });
}

void Exchange::begin_stream(std::string content_type, std::string keep_alive) {
  on_strand(
      [content_type, keep_alive](Connection& c) { c.begin_stream(content_type, keep_alive); });
}

bool Exchange::write(std::string part) {
  on_strand([part = std::move(part)](Connection& c) mutable { c.write(std::move(part)); });
  return !has_left_;
}

void Exchange::end_stream() {
  on_strand([](Connection& c) { c.end_stream(); });
}

void Exchange::on_left(std::function<void()> left) {
  if (has_left_) return left();
  on_strand([left](Connection& c) { c.on_left(left); });
}

// Accepts until the limit of connections, and again when one has ended.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(Shared& shared) : shared_(shared), acceptor_(net::make_strand(shared.io)) {}

  Result<int> open(const std::string& address, int port) {
    Code code;
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
    net::post(acceptor_.get_executor(), [self = shared_from_this()] { self->accept(); });
  }
  void stop() {
    net::post(acceptor_.get_executor(), [self = shared_from_this()] {
      Code ignored;
      self->acceptor_.close(ignored);
    });
  }

 private:
  void accept() {
    if (is_accepting_ || !acceptor_.is_open()) return;
    if (shared_.connections >= shared_.options.connections_max) return;
    is_accepting_ = true;
    acceptor_.async_accept(
        net::make_strand(shared_.io), [self = shared_from_this()](Code code, tcp::socket socket) {
          self->is_accepting_ = false;
          if (!code) std::make_shared<Connection>(std::move(socket), self->shared_)->start();
          if (code == net::error::operation_aborted) return;
          if (!code) return self->accept();
          // Out of descriptors, for instance: not at once again.
          auto pause = std::make_shared<net::steady_timer>(self->acceptor_.get_executor(),
                                                           std::chrono::milliseconds(100));
          pause->async_wait([self, pause](Code) { self->accept(); });
        });
  }

  Shared& shared_;
  tcp::acceptor acceptor_;
  bool is_accepting_ = false;
};

class BeastServer : public HttpServer {
 public:
  ~BeastServer() override {
    shared_.workers.join();
    shared_.io.stop();
    for (std::thread& thread : threads_) thread.join();
    shared_.on_room = nullptr;
    std::vector<std::shared_ptr<Connection>> open;
    {
      std::lock_guard lock(shared_.mutex);
      for (Connection* connection : shared_.open)
        if (auto held = connection->weak_from_this().lock()) open.push_back(std::move(held));
    }
    for (const auto& connection : open) connection->abandon();
  }

  Result<void> open(HttpServerOptions options, HttpHandler handler) {
    shared_.options = std::move(options);
    shared_.handler = std::move(handler);
    const std::string& address = shared_.options.address;
    TRY(listen(address == "localhost" ? "127.0.0.1" : address));
    if (address == "localhost") (void)listen("::1");  // machines without IPv6
    shared_.on_room = [this] {
      for (const auto& listener : listeners_) listener->start();
    };
    for (const auto& listener : listeners_) listener->start();
    for (int i = 0; i < shared_.options.threads; ++i)
      threads_.emplace_back([this] { shared_.io.run(); });
    return {};
  }

  int port() const override { return port_; }
  int requests() const override { return shared_.requests; }
  void drain() override {
    shared_.is_draining = true;
    for (const auto& listener : listeners_) listener->stop();
  }

 private:
  Result<void> listen(const std::string& address) {
    auto listener = std::make_shared<Listener>(shared_);
    port_ = TRY(listener->open(address, port_ ? port_ : shared_.options.port));
    listeners_.push_back(std::move(listener));
    return {};
  }

  Shared shared_;
  net::executor_work_guard<net::io_context::executor_type> guard_{shared_.io.get_executor()};
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::vector<std::thread> threads_;
  int port_ = 0;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options,
                                                      HttpHandler handler) {
  auto server = std::make_unique<BeastServer>();
  TRY(server->open(std::move(options), std::move(handler)));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace weir
