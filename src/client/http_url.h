// The address of a server: http://HOST:PORT/PATH.
#pragma once
#include <string>

#include "base/result.h"

namespace weir {

struct HttpUrl {
  std::string host;  // a name or an address, without brackets
  int port = 80;
  std::string path;  // "" or "/v1": begins with a slash and ends without

  std::string authority() const;  // of the Host header: "localhost:8080", "[::1]"
  std::string text() const { return "http://" + authority() + path; }
};

// Without a scheme http:// is meant. Errors say what is wrong: https (there is no TLS), a user's
// name, a query, a port out of range, characters that no URL has.
Result<HttpUrl> parse_http_url(const std::string& text);

}  // namespace weir
