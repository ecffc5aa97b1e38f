#include "client/http_url.h"

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

Result<int> parse_port(const std::string& text) {
  const auto port = parse_int(text);
  if (!port || *port < 1 || *port > 65535)
    return Error{"the port '" + printable(text) + "' is no number from 1 to 65535"};
  return int(*port);
}

// "localhost", "localhost:8080", "[::1]:8080".
Result<void> take_authority(const std::string& text, HttpUrl& url) {
  size_t end;
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == text.npos) return Error{"the ] of the address is missing"};
    url.host = text.substr(1, end - 1);
    ++end;
  } else {
    end = std::min(text.find(':'), text.size());
    if (text.find(':', end + 1) != text.npos)
      return Error{"an IPv6 address stands in brackets, as in http://[::1]:8080"};
    url.host = text.substr(0, end);
  }
  if (url.host.empty()) return Error{"the name of the server is missing"};
  if (end == text.size()) return {};
  if (text[end] != ':') return Error{"between ] and the port a colon is missing"};
  url.port = TRY(parse_port(text.substr(end + 1)));
  return {};
}

Result<HttpUrl> parse(std::string text) {
  const auto is_odd = [](unsigned char c) { return c <= ' ' || c >= 127 || c == '\\'; };
  if (std::any_of(text.begin(), text.end(), is_odd))
    return Error{"a blank or another character that no URL has"};
  const size_t scheme = text.find("://");
  if (text.starts_with("https://"))
    return Error{
        "https is not supported; a proxy on this machine can speak TLS for weir, which then talks "
        "to the proxy by http"};
  if (scheme != text.npos && !text.starts_with("http://")) return Error{"must begin with http://"};
  if (scheme != text.npos) text.erase(0, scheme + 3);
  if (text.find_first_of("?#") != text.npos)
    return Error{"must end before the ? or #; the rest belongs to a single request"};
  const size_t slash = std::min(text.find('/'), text.size());
  HttpUrl url;
  url.path = text.substr(slash);
  while (url.path.ends_with('/')) url.path.pop_back();
  text.resize(slash);
  if (text.find('@') != text.npos)
    return Error{"must not hold a user's name or password; a key comes from --key-file"};
  TRY(take_authority(text, url));
  return url;
}

}  // namespace

std::string HttpUrl::authority() const {
  std::string name = host.find(':') == host.npos ? host : "[" + host + "]";
  return port == 80 ? name : name + ":" + std::to_string(port);
}

Result<HttpUrl> parse_http_url(const std::string& text) {
  return TRY_IN("the URL '" + printable(text, 200) + "'", parse(text));
}

}  // namespace weir
