// Requests to another server over HTTP/1.1, one at a time, on the caller's thread. http_client.cpp
// alone includes Boost.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "client/http_url.h"
#include "client/tcp_socket.h"

namespace weir {

struct HttpClientOptions {
  std::string key = {};  // sent as "Authorization: Bearer KEY"; "": none
  double connect_seconds = 10;
  double silence_seconds = 600;              // without a byte: a prompt may take minutes to be read
  size_t body_bytes_max = size_t(64) << 20;  // of an answer that is kept whole, and of an error's
  size_t stream_bytes_max = size_t(1) << 30;
  // Ends a request within 50 ms. May be empty.
  std::function<bool()> is_cancelled = {};
};

struct HttpAnswer {
  int status = 0;
  std::string body = {};      // of a stream: empty, unless it is no success
  std::string location = {};  // of a redirection, which is not followed
  double retry_seconds = 0;   // what Retry-After says; 0: nothing
  bool is_cancelled = false;  // what came until then
  bool is_success() const { return status >= 200 && status < 300; }
};

// What a server says about a request that failed, in one sentence with the status: the message of
// its JSON (the forms of OpenAI, Anthropic, Ollama and FastAPI), or the beginning of its text.
// Status 0: the body alone, of an error inside a stream.
std::string failure_of(const HttpAnswer& answer);

// Takes bytes of a body; false ends the request.
using HttpReceiver = std::function<bool(std::string_view bytes)>;

// Errors are sentences that begin with the URL. A connection stays open for the next request.
class HttpClient {
 public:
  // Paths of requests follow the path of `server`.
  HttpClient(HttpUrl server, HttpClientOptions options);
  const HttpUrl& server() const { return server_; }

  // Every status is an answer, not an error.
  Result<HttpAnswer> get(const std::string& path);
  Result<HttpAnswer> post(const std::string& path, const std::string& json);
  // The body of a success goes to `receiver` as it comes.
  Result<HttpAnswer> stream(const std::string& path, const std::string& json,
                            const HttpReceiver& receiver);

  // A status that is no success, a cancelled request and a body that is no JSON are errors.
  Result<Json> get_json(const std::string& path);
  Result<Json> post_json(const std::string& path, const Json& body);

 private:
  struct Job {
    const char* method;
    std::string_view path, body;
    const HttpReceiver* receiver;
  };
  Result<HttpAnswer> perform(const Job& job);
  Result<HttpAnswer> exchange(const Job& job, bool& is_stale);
  Result<HttpAnswer> read_answer(const Job& job, bool& has_begun);
  Result<HttpAnswer> ended(Waited waited, const std::string& reason, double seconds);
  std::string request_of(const Job& job) const;

  HttpUrl server_;
  HttpClientOptions options_;
  TcpSocket socket_;
};

}  // namespace weir
