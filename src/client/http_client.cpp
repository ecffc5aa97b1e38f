#include "client/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "base/text.h"

namespace weir {
namespace {

namespace http = boost::beast::http;
using Code = boost::system::error_code;
using Parser = http::response_parser<http::string_body>;

constexpr size_t kBlock = size_t(16) << 10;
constexpr uint32_t kHeaderBytesMax = 64 << 10;

// The text at error.message, error, message or detail; FastAPI's detail may be a list.
std::string message_of(const Json& body) {
  for (const char* key : {"error", "message", "detail"}) {
    const Json* found = body.find(key);
    if (found && found->is_array() && found->size() > 0) found = &found->items()[0];
    if (found && found->is_object())
      found = found->find("message") ? found->find("message") : found->find("msg");
    if (found && !found->text().empty()) return found->text();
  }
  return "";
}

HttpAnswer begin_of(const Parser& parser) {
  const auto& head = parser.get();
  HttpAnswer answer;
  answer.status = int(head.result_int());
  answer.location = std::string(head[http::field::location]);
  const auto seconds = parse_int(std::string(head[http::field::retry_after]));
  if (seconds && *seconds > 0) answer.retry_seconds = double(*seconds);
  return answer;
}

}  // namespace

std::string failure_of(const HttpAnswer& answer) {
  std::string said;
  if (!answer.location.empty())
    said = "has moved to " + printable(answer.location, 200) + "; use that address";
  const auto json = parse_json(answer.body);
  if (said.empty() && json) said = printable(message_of(*json), 1000);
  const std::string text(trim(answer.body));
  if (said.empty() && !text.empty() && text[0] != '<') said = printable(text, 200);
  if (said.empty() && answer.status == 404) said = "there is nothing at this address";
  if (said.empty())
    said = std::string(http::obsolete_reason(http::int_to_status(unsigned(answer.status))));
  return answer.status == 0 ? said : fmt::format("{} (status {})", said, answer.status);
}

HttpClient::HttpClient(HttpUrl server, HttpClientOptions options)
    : server_(std::move(server)), options_(std::move(options)) {}

std::string HttpClient::request_of(const Job& job) const {
  http::request<http::string_body> request(http::string_to_verb(job.method),
                                           server_.path + std::string(job.path), 11);
  request.set(http::field::host, server_.authority());
  request.set(http::field::user_agent, "weir");
  request.set(http::field::accept,
              job.receiver ? "text/event-stream, application/json" : "application/json");
  if (!options_.key.empty()) request.set(http::field::authorization, "Bearer " + options_.key);
  if (request.method() == http::verb::post) {
    request.set(http::field::content_type, "application/json");
    request.body() = job.body;
    request.prepare_payload();
  }
  std::string bytes;
  http::request_serializer<http::string_body> serializer(request);
  Code code;
  while (!code && !serializer.is_done()) {
    size_t size = 0;
    serializer.next(code, [&](Code&, const auto& buffers) {
      for (const auto buffer : boost::beast::buffers_range_ref(buffers)) {
        bytes.append(static_cast<const char*>(buffer.data()), buffer.size());
        size += buffer.size();
      }
    });
    serializer.consume(size);
  }
  return bytes;
}

// A wait that did not succeed. The connection cannot be used any more.
Result<HttpAnswer> HttpClient::ended(Waited waited, const std::string& reason, double seconds) {
  socket_.close();
  if (waited == Waited::cancelled) return HttpAnswer{.is_cancelled = true};
  const std::string why = waited == Waited::too_long
                              ? fmt::format("no answer within {}", format_seconds(seconds))
                              : reason;
  return Error{server_.text() + ": " + why};
}

Result<HttpAnswer> HttpClient::read_answer(const Job& job, bool& has_begun) {
  std::optional<Parser> parser(std::in_place);
  const auto prepare = [&] {
    parser->eager(true);
    parser->header_limit(kHeaderBytesMax);
    parser->body_limit(job.receiver ? options_.stream_bytes_max : options_.body_bytes_max);
  };
  prepare();
  std::string block(kBlock, 0), held, reason;
  HttpAnswer answer;
  while (!parser->is_done()) {
    size_t count = 0;
    const Waited waited = socket_.read(block.data(), block.size(), count,
                                       {options_.silence_seconds, options_.is_cancelled}, reason);
    if (waited == Waited::cancelled) {
      socket_.close();
      answer.is_cancelled = true;
      return answer;
    }
    if (waited != Waited::ready) return ended(waited, reason, options_.silence_seconds);
    Code code;
    if (count == 0) {
      parser->put_eof(code);
    } else {
      has_begun = true;
      held.append(block, 0, count);
      for (bool again = true; again && !code && !held.empty() && !parser->is_done();) {
        const size_t used = parser->put(boost::asio::const_buffer(held.data(), held.size()), code);
        held.erase(0, used);
        again = used > 0;
        if (parser->is_done() && parser->get().result_int() < 200) {  // 100 Continue
          parser.emplace();
          prepare();
          again = true;
        }
      }
      if (code == http::error::need_more) code = {};
    }
    if (parser->is_header_done() && answer.status == 0) answer = begin_of(*parser);
    std::string& body = parser->get().body();
    if (job.receiver && answer.is_success() && !body.empty()) {
      const bool goes_on = (*job.receiver)(body);
      body.clear();
      if (!goes_on) {
        socket_.close();
        answer.is_cancelled = true;
        return answer;
      }
    }
    if (!code && !(job.receiver && answer.is_success()) && body.size() > options_.body_bytes_max)
      code = http::error::body_limit;
    if (code) {
      socket_.close();
      if (code == http::error::body_limit)
        return Error{server_.text() + ": the answer is too large"};
      if (code == http::error::partial_message || code == http::error::end_of_stream)
        return Error{server_.text() +
                     (has_begun ? ": the connection ended in the middle of the answer"
                                : ": the server closed the connection without an answer")};
      return Error{server_.text() + ": the answer is not HTTP: " + code.message()};
    }
  }
  answer.body = std::move(parser->get().body());
  if (!parser->keep_alive() || !held.empty()) socket_.close();
  return answer;
}

Result<HttpAnswer> HttpClient::exchange(const Job& job, bool& is_stale) {
  std::string reason;
  is_stale = socket_.is_idle();
  if (!is_stale) {
    const Waited waited = socket_.connect(
        server_.host, server_.port, {options_.connect_seconds, options_.is_cancelled}, reason);
    if (waited != Waited::ready) return ended(waited, reason, options_.connect_seconds);
  }
  const Waited waited =
      socket_.write(request_of(job), {options_.silence_seconds, options_.is_cancelled}, reason);
  // A server that refuses a request answers before it has read all of it.
  if (waited != Waited::ready && waited != Waited::failed) {
    is_stale = false;
    return ended(waited, reason, options_.silence_seconds);
  }
  bool has_begun = false;
  Result<HttpAnswer> answer = read_answer(job, has_begun);
  is_stale = is_stale && !answer && !has_begun;
  return answer;
}

// A connection that stayed open may end before the server sees the next request, which then goes
// over a new one.
Result<HttpAnswer> HttpClient::perform(const Job& job) {
  bool is_stale = false;
  Result<HttpAnswer> answer = exchange(job, is_stale);
  if (is_stale) return exchange(job, is_stale);
  return answer;
}

Result<HttpAnswer> HttpClient::get(const std::string& path) {
  return perform({"GET", path, "", nullptr});
}
Result<HttpAnswer> HttpClient::post(const std::string& path, const std::string& json) {
  return perform({"POST", path, json, nullptr});
}
Result<HttpAnswer> HttpClient::stream(const std::string& path, const std::string& json,
                                      const HttpReceiver& receiver) {
  return perform({"POST", path, json, &receiver});
}

namespace {

Result<Json> json_of(const HttpAnswer& answer) {
  if (answer.is_cancelled) return Error{"the request was stopped"};
  if (!answer.is_success()) return Error{failure_of(answer)};
  Result<Json> json = parse_json(answer.body);
  if (!json)
    return Error{"the answer is no JSON; is this the server's API? " + json.error().message};
  return json;
}

}  // namespace

Result<Json> HttpClient::get_json(const std::string& path) {
  const HttpAnswer answer = TRY(get(path));
  return TRY_IN(server_.text() + path, json_of(answer));
}
Result<Json> HttpClient::post_json(const std::string& path, const Json& body) {
  const HttpAnswer answer = TRY(post(path, body.dump()));
  return TRY_IN(server_.text() + path, json_of(answer));
}

}  // namespace weir
