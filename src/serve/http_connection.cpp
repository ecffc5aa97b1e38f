#include "serve/http_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <iterator>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace weir {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using Code = boost::beast::error_code;

// Bytes that one read takes; of what a client sends ahead of its turn, so much is kept.
constexpr size_t kChunk = 4096, kBodyChunk = 65536, kAheadMax = 65536;
constexpr double kCloseSeconds = 2;

int64_t nanoseconds(double seconds) { return int64_t(seconds * 1e9); }

template <class Buffers>
std::string text_of(const Buffers& buffers) {
  std::string text;
  for (auto at = net::buffer_sequence_begin(buffers); at != net::buffer_sequence_end(buffers);
       ++at) {
    const net::const_buffer buffer = *at;
    text.append(static_cast<const char*>(buffer.data()), buffer.size());
  }
  return text;
}

std::string chunk_of(const std::string& part) {
  if (part.empty()) return text_of(http::make_chunk_last());
  return text_of(http::make_chunk(net::buffer(part)));
}

std::string head_text(const http::response<http::empty_body>& message) {
  http::fields::writer writer(message, message.version(), message.result_int());
  return text_of(writer.get());
}

// The key of "Bearer KEY", whatever the case of the word; else x-api-key.
std::string presented_key(const http::fields& fields) {
  const auto authorization = fields[http::field::authorization];
  constexpr size_t kWord = 7;
  if (authorization.size() > kWord &&
      boost::beast::iequals(authorization.substr(0, kWord), "bearer "))
    return std::string(trim({authorization.data() + kWord, authorization.size() - kWord}));
  return std::string(fields["x-api-key"]);
}

}  // namespace

struct HttpConnection::Parser {
  http::request_parser<http::string_body> http;
};

// Every call moves to the connection's executor, and is void after the connection has gone on.
class HttpConnection::Exchange : public HttpExchange,
                                 public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(std::shared_ptr<HttpConnection> connection, uint64_t id)
      : connection_(std::move(connection)), id_(id) {}
  void post(std::function<void()> work) override { connection_->stream().post(std::move(work)); }
  void work(std::function<void()> work) override {
    connection_->shared_.loop->work(std::move(work));
  }
  void reply(HttpReply reply) override {
    dispatch([reply = std::move(reply)](HttpConnection& c) mutable { c.reply(std::move(reply)); });
  }
  void begin_stream(std::string content_type, std::string keep_alive) override {
    dispatch([content_type, keep_alive](HttpConnection& c) {
      c.begin_stream(content_type, keep_alive);
    });
  }
  bool write(std::string part) override {
    dispatch([part = std::move(part)](HttpConnection& c) mutable { c.write(std::move(part)); });
    return !has_left_;
  }
  void end_stream() override {
    dispatch([](HttpConnection& c) { c.end_stream(); });
  }
  void on_left(std::function<void()> left) override {
    if (has_left_) return left();
    dispatch([left](HttpConnection& c) { c.on_left(left); });
  }
  void set_left() { has_left_ = true; }

 private:
  template <class Work>
  void dispatch(Work work) {
    connection_->stream().dispatch([self = shared_from_this(), work = std::move(work)]() mutable {
      if (self->connection_->is_current(self->id_)) work(*self->connection_);
    });
  }
  std::shared_ptr<HttpConnection> connection_;
  const uint64_t id_;
  std::atomic<bool> has_left_{false};
};

HttpConnection::HttpConnection(std::unique_ptr<ByteStream> stream, HttpShared& shared)
    : shared_(shared), stream_(std::move(stream)) {
  std::lock_guard lock(shared_.mutex);
  shared_.open.insert(this);
}

HttpConnection::~HttpConnection() {
  std::lock_guard lock(shared_.mutex);
  shared_.open.erase(this);
}

void HttpConnection::start() {
  address_ = stream_->local_address();
  stream_->dispatch([self = shared_from_this()] {
    self->expire_after(self->shared_.options.header_seconds);
    self->stream_->open([self](bool is_open, size_t) {
      if (self->phase_ == Phase::closing) return;
      if (is_open) return self->wait_for_request(self->shared_.options.header_seconds);
      if (self->shared_.options.log)
        self->shared_.options.log("a client did not agree on TLS; its connection is closed");
      self->has_left_ = true;
      self->close();
    });
  });
}

void HttpConnection::abandon() {
  exchange_ = nullptr;
  left_ = nullptr;
}

// The bytes that begin a request may take as long as the connection is allowed to be idle.
void HttpConnection::wait_for_request(double seconds) {
  if (shared_.is_draining) return close();
  phase_ = Phase::idle;
  expire_after(seconds);
  if (!in_.empty()) return take_bytes(true, 0);
  read_more();
}

void HttpConnection::read_more() {
  if (std::exchange(is_reading_, true)) return;
  chunk_.resize(phase_ == Phase::body ? kBodyChunk : kChunk);
  stream_->read(chunk_.data(), chunk_.size(),
                [self = shared_from_this()](bool is_open, size_t bytes) {
                  self->is_reading_ = false;
                  self->take_bytes(is_open, bytes);
                });
}

void HttpConnection::take_bytes(bool is_open, size_t bytes) {
  if (is_open) in_.append(chunk_, 0, bytes);
  switch (phase_) {
    case Phase::opening:
      return;
    case Phase::idle:
      if (!is_open) return close();
      phase_ = Phase::header;
      parser_ = std::make_unique<Parser>();
      parser_->http.header_limit(uint32_t(shared_.options.header_bytes_max));
      parser_->http.body_limit(shared_.options.body_bytes_max);
      expire_after(shared_.options.header_seconds);
      return parse_header();
    case Phase::header:
      if (!is_open) return close();
      return parse_header();
    case Phase::body:
      if (!is_open) return refuse({.message = "the body is broken: it ends too early"});
      return parse_body();
    case Phase::reply:  // while on_left() wants to know: the end of what a client sends is its own
      if (!is_open) return leave();
      if (in_.size() < kAheadMax) read_more();
      return;
    case Phase::closing:
      if (!is_open) return stream_->close();
      in_.clear();
      return read_more();
  }
}

void HttpConnection::parse_header() {
  Code code;
  in_.erase(0, parser_->http.put(net::buffer(in_), code));
  if (code == http::error::need_more) return read_more();
  if (!code && !parser_->http.is_header_done()) return read_more();
  begin_request();
  if (code == http::error::header_limit)
    return refuse({.status = 431,
                   .message = "the header is larger than " +
                              format_bytes(double(shared_.options.header_bytes_max))});
  if (code == http::error::body_limit)
    return refuse({.status = 413,
                   .message = "the body is larger than " +
                              format_bytes(double(shared_.options.body_bytes_max))});
  if (code) return refuse({.message = "the request is not HTTP: " + code.message()});
  take_header();
}

void HttpConnection::begin_request() {
  phase_ = Phase::reply;
  request_ = {};
  request_.id = shared_.next_request++;
  began_ns_ = monotonic_ns();
  is_stream_ = is_ended_ = has_left_ = false;
  headers_.clear();
  ++shared_.requests;
  const auto& message = parser_->http.get();
  version_ = message.version() == 10 ? 10 : 11;
  wants_keep_alive_ = message.keep_alive();
  is_head_ = message.method() == http::verb::head;
  expects_continue_ = boost::beast::iequals(message[http::field::expect], "100-continue");
  const std::string target(message.target());
  request_.method = is_head_ ? "GET" : std::string(message.method_string());
  request_.path = target.substr(0, target.find('?'));
  if (request_.path.size() < target.size())
    request_.query = target.substr(request_.path.size() + 1);
  request_.host = std::string(message[http::field::host]);
  request_.origin = std::string(message[http::field::origin]);
  request_.fetch_site = std::string(message["Sec-Fetch-Site"]);
  request_.accept_encoding = std::string(message[http::field::accept_encoding]);
  request_.presented_key = presented_key(message);
  log_ = printable(request_.method, 16) + " " + printable(request_.path);
  log_name_.clear();
  exchange_ = std::make_shared<Exchange>(shared_from_this(), request_.id);
}

void HttpConnection::take_header() {
  const auto& message = parser_->http.get();
  const HttpServerOptions& options = shared_.options;
  const auto count = size_t(std::distance(message.begin(), message.end()));
  if (count > options.headers_max)
    return refuse({.status = 431,
                   .message = fmt::format("the request has {} header fields, and {} are allowed",
                                          count, options.headers_max)});
  if (message.target().size() > options.target_bytes_max)
    return refuse({.status = 414,
                   .message = "the path of the request is longer than " +
                              format_bytes(double(options.target_bytes_max))});
  if (auto error = check_access(options.access, request_, address_)) return refuse(*error);
  admit();
}

void HttpConnection::admit() {
  expire_after(-1);
  if (!shared_.options.admit) return begin_body();
  shared_.loop->work([&shared = shared_, request = std::move(request_), exchange = exchange_,
                      self = shared_from_this()]() mutable {
    Admission admission = shared.options.admit(request);
    self->stream_->dispatch(
        [self, exchange, request = std::move(request), admission = std::move(admission)]() mutable {
          if (self->exchange_ != exchange) return;
          self->request_ = std::move(request);
          self->take_admission(std::move(admission));
        });
  });
}

void HttpConnection::take_admission(Admission admission) {
  request_.presented_key.clear();
  request_.key = std::move(admission.key);
  headers_ = std::move(admission.headers);
  log_name_ = std::move(admission.log_name);
  if (!admission.refusal) return begin_body();
  if (!parser_->http.is_done()) {
    wants_keep_alive_ = false;
    has_unread_ = true;
  }
  reply(*std::move(admission.refusal));
}

void HttpConnection::begin_body() {
  phase_ = Phase::body;
  const HttpServerOptions& options = shared_.options;
  const uint64_t length = parser_->http.content_length().value_or(options.body_bytes_max);
  body_deadline_ns_ = monotonic_ns() + nanoseconds(options.header_seconds +
                                                   double(length) / options.body_bytes_per_second);
  parser_->http.eager(true);
  if (!expects_continue_ || parser_->http.is_done()) return parse_body();
  sent_ = head_text(http::response<http::empty_body>(http::status::continue_, 11));
  is_writing_ = true;
  expire_after(options.write_seconds);
  stream_->write(sent_, [self = shared_from_this()](bool is_open, size_t) {
    self->is_writing_ = false;
    if (!is_open) return self->leave();
    self->parse_body();
  });
}

void HttpConnection::parse_body() {
  auto& parser = parser_->http;
  while (!parser.is_done() && !in_.empty()) {
    Code code;
    const size_t bytes = parser.put(net::buffer(in_), code);
    in_.erase(0, bytes);
    if (code == http::error::need_more) break;
    if (code == http::error::body_limit)
      return refuse({.status = 413,
                     .message = "the body is larger than " +
                                format_bytes(double(shared_.options.body_bytes_max))});
    if (code) return refuse({.message = "the body is broken: " + code.message()});
  }
  if (parser.is_done()) return handle();
  const double left = double(body_deadline_ns_ - monotonic_ns()) * 1e-9;
  expire_after(std::clamp(left, 0.0, shared_.options.header_seconds));
  read_more();
}

void HttpConnection::handle() {
  phase_ = Phase::reply;
  expire_after(-1);
  const uint64_t id = request_.id;
  request_.body = std::move(parser_->http.get().body());
  parser_.reset();
  shared_.loop->work(
      [&shared = shared_, request = std::move(request_), exchange = exchange_]() mutable {
        shared.handler(std::move(request), std::move(exchange));
      });
  request_ = {};
  request_.id = id;
}

// The rest of a refused request is not read, so its connection ends.
void HttpConnection::refuse(const ApiError& error) {
  wants_keep_alive_ = false;
  has_unread_ = true;
  reply(shared_.options.write_error(request_, error));
}

// Where most connections are taken, none is kept for the next request.
bool HttpConnection::keeps_alive() const {
  return wants_keep_alive_ && !shared_.is_draining &&
         shared_.loop->connections() * 4 <= shared_.options.loop.connections_max * 3;
}

std::string HttpConnection::head(int status, const std::string& content_type, bool is_chunked,
                                 size_t length,
                                 const std::vector<std::pair<std::string, std::string>>& headers) {
  http::response<http::empty_body> message(http::status(status), version_);
  message.set(http::field::server, "weir");
  message.set(http::field::content_type, content_type);
  message.set("X-Request-Id", std::to_string(request_.id));
  message.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : headers_) message.set(name, value);
  for (const auto& [name, value] : headers) message.set(name, value);
  wants_keep_alive_ = keeps_alive();
  message.keep_alive(wants_keep_alive_);
  if (is_chunked)
    message.chunked(true);
  else if (!is_stream_)
    message.content_length(length);
  return head_text(message);
}

void HttpConnection::reply(HttpReply reply) {
  if (is_stream_ || is_ended_) return;
  phase_ = Phase::reply;
  status_ = reply.status;
  is_ended_ = true;
  std::string text =
      head(reply.status, reply.content_type, false, reply.body.size(), reply.headers);
  if (!is_head_) text += reply.body;
  send(std::move(text));
}

void HttpConnection::begin_stream(std::string content_type, std::string keep_alive) {
  if (is_stream_ || is_ended_) return;
  is_stream_ = true;
  keep_alive_ = std::move(keep_alive);
  if (version_ < 11) wants_keep_alive_ = false;
  send(head(200, content_type, version_ >= 11, 0,
            {{"Cache-Control", "no-cache"},
             {"X-Accel-Buffering", "no"}}));  // proxies would collect the stream
  wait_in_silence();
}

void HttpConnection::write(std::string part) {
  if (!is_stream_ || is_ended_ || part.empty() || has_left_) return;
  send(version_ >= 11 ? chunk_of(part) : std::move(part));
  if (pending_.size() > shared_.options.backlog_max) leave();
}

void HttpConnection::end_stream() {
  if (!is_stream_ || is_ended_) return;
  if (version_ >= 11) send(chunk_of(""));
  is_ended_ = true;
  if (!is_writing_) end_request(!wants_keep_alive_);
}

void HttpConnection::on_left(std::function<void()> left) {
  if (has_left_) return left();
  left_ = std::move(left);
  if (in_.size() < kAheadMax) read_more();
}

// One write at a time; what comes meanwhile is written together.
void HttpConnection::send(std::string bytes) {
  is_silent_ = false;
  if (pending_.empty())
    pending_ = std::move(bytes);
  else
    pending_ += bytes;
  if (!is_writing_) write_pending();
}

// Large replies get the time of 16 MB/s beyond write_seconds.
void HttpConnection::write_pending() {
  is_writing_ = true;
  sent_.swap(pending_);
  pending_.clear();
  expire_after(shared_.options.write_seconds + double(sent_.size()) * 6e-8);
  stream_->write(sent_, [self = shared_from_this()](bool is_open, size_t) {
    self->is_writing_ = false;
    if (!is_open) return self->leave();
    if (!self->pending_.empty()) return self->write_pending();
    self->expire_after(-1);
    if (self->is_ended_) self->end_request(!self->wants_keep_alive_);
  });
}

void HttpConnection::wait_in_silence() {
  if (keep_alive_.empty()) return;
  stream_->set_alarm(ByteStream::Alarm::silence, shared_.options.keep_alive_seconds,
                     [self = shared_from_this(), id = request_.id] {
                       if (!self->is_current(id) || self->is_ended_) return;
                       if (std::exchange(self->is_silent_, true)) self->write(self->keep_alive_);
                       self->wait_in_silence();
                     });
}

void HttpConnection::log_request() {
  const auto &log = shared_.options.log, &on_error = shared_.options.on_error;
  const bool is_error = status_ >= 400 && on_error;
  if (!log && !is_error) return;
  const std::string line =
      fmt::format("request {}{} {} {} {:.3f} s{}", request_.id, log_name_, log_, status_,
                  double(monotonic_ns() - began_ns_) * 1e-9, has_left_ ? " (the client left)" : "");
  if (log) log(line);
  if (is_error) on_error(line);
}

void HttpConnection::end_request(bool closes) {
  if (!exchange_) return;
  log_request();
  exchange_ = nullptr;
  left_ = nullptr;
  parser_.reset();
  status_ = 200;
  --shared_.requests;
  stream_->set_alarm(ByteStream::Alarm::silence, -1, nullptr);
  if (closes) return close();
  wait_for_request(shared_.options.idle_seconds);
}

// The client is gone, or must go.
void HttpConnection::leave() {
  if (std::exchange(has_left_, true)) return;
  if (exchange_) exchange_->set_left();
  if (auto left = std::exchange(left_, nullptr)) left();
  if (exchange_) return end_request(true);
  close();
}

// A socket that is closed with unread bytes is reset, and its reply may be lost on the way: what
// the client still sends is taken for a moment.
void HttpConnection::close() {
  if (std::exchange(phase_, Phase::closing) == Phase::closing) return;
  if (has_left_) return stream_->close();
  expire_after(kCloseSeconds);
  stream_->end_writing([self = shared_from_this()](bool, size_t) {
    if (!self->has_unread_) return self->stream_->close();
    self->in_.clear();
    self->read_more();
  });
}

void HttpConnection::expire_after(double seconds) {
  if (seconds < 0) {
    deadline_ns_ = 0;
    return;
  }
  deadline_ns_ = monotonic_ns() + nanoseconds(seconds);
  if (alarm_ns_ == 0 || deadline_ns_ < alarm_ns_) set_deadline_alarm(seconds);
}

void HttpConnection::set_deadline_alarm(double seconds) {
  alarm_ns_ = monotonic_ns() + nanoseconds(seconds);
  // Not kept alive by its alarm: one that is gone needs no end.
  stream_->set_alarm(ByteStream::Alarm::deadline, seconds, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->look_at_deadline();
  });
}

void HttpConnection::look_at_deadline() {
  alarm_ns_ = 0;
  if (deadline_ns_ == 0) return;
  const int64_t left = deadline_ns_ - monotonic_ns();
  if (left > 0) return set_deadline_alarm(double(left) * 1e-9);
  deadline_ns_ = 0;
  expire();
}

void HttpConnection::expire() {
  switch (phase_) {
    case Phase::opening:
      has_left_ = true;
      return close();
    case Phase::idle:
      return close();
    case Phase::header:
      if (shared_.options.log)
        shared_.options.log("a client took too long to send its header; its connection is closed");
      return close();
    case Phase::body:
      return refuse({.status = 408, .message = "the body came too slowly"});
    case Phase::reply:
      return leave();
    case Phase::closing:
      return stream_->close();
  }
}

}  // namespace weir
