// One connection of the HTTP server: reads requests, calls the handler, writes replies and streams,
// and ends what takes too long. Of Boost it uses Beast's parser and messages, in its .cpp alone.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "serve/byte_stream.h"
#include "serve/http_server.h"

namespace weir {

class HttpConnection;

// What all connections of a server share.
struct HttpShared {
  HttpServerOptions options;
  HttpHandler handler;
  EventLoop* loop = nullptr;
  std::atomic<int> requests{0};
  std::atomic<uint64_t> next_request{1};
  std::atomic<bool> is_draining{false};
  std::mutex mutex;
  std::set<HttpConnection*> open = {};  // guarded by it
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(std::unique_ptr<ByteStream> stream, HttpShared& shared);
  ~HttpConnection();
  void start();
  // When no thread serves any more: forgets the reply, which holds this connection.
  void abandon();

  // For the exchange of the request `id`, on the stream's executor.
  ByteStream& stream() { return *stream_; }
  bool is_current(uint64_t id) const { return exchange_ && id == request_.id; }
  void reply(HttpReply reply);
  void begin_stream(std::string content_type, std::string keep_alive);
  void write(std::string part);
  void end_stream();
  void on_left(std::function<void()> left);

 private:
  enum class Phase { opening, idle, header, body, reply, closing };
  class Exchange;
  struct Parser;

  void wait_for_request(double seconds);
  void read_more();
  void take_bytes(bool is_open, size_t bytes);
  void parse_header();
  void begin_request();
  void take_header();
  void admit();
  void take_admission(Admission admission);
  void begin_body();
  void parse_body();
  void handle();

  void refuse(const ApiError& error);
  bool keeps_alive() const;
  std::string head(int status, const std::string& content_type, bool is_chunked, size_t length,
                   const std::vector<std::pair<std::string, std::string>>& headers);
  void send(std::string bytes);
  void write_pending();
  void wait_in_silence();
  void log_request();
  void end_request(bool closes);
  void leave();
  void close();
  // When time is up; < 0: never. The alarm itself is set again only where it would ring too late.
  void expire_after(double seconds);
  void set_deadline_alarm(double seconds);
  void look_at_deadline();
  void expire();

  HttpShared& shared_;
  const std::unique_ptr<ByteStream> stream_;
  Phase phase_ = Phase::opening;
  std::string address_;  // of this end
  std::string chunk_;    // what a read fills
  std::string in_;       // what was read and not parsed
  bool is_reading_ = false;
  std::unique_ptr<Parser> parser_;
  int64_t deadline_ns_ = 0, alarm_ns_ = 0;  // 0: none
  int64_t body_deadline_ns_ = 0;

  // Of the request that is answered.
  HttpRequest request_;
  std::shared_ptr<Exchange> exchange_;  // null: none
  std::function<void()> left_;
  std::vector<std::pair<std::string, std::string>> headers_;  // of its reply
  std::string log_, log_name_;  // method and path, and the key, as the log has them
  int64_t began_ns_ = 0;
  unsigned version_ = 11;
  int status_ = 200;
  bool wants_keep_alive_ = true, is_head_ = false, expects_continue_ = false;
  bool is_stream_ = false, is_ended_ = false, has_left_ = false;
  bool is_writing_ = false, is_silent_ = false, has_unread_ = false;
  std::string keep_alive_, pending_, sent_;
};

}  // namespace weir
