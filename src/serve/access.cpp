#include "serve/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace weir {

std::string host_without_port(std::string_view host) {
  std::string name;
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    name = host.substr(1, end == host.npos ? host.npos : end - 1);
  } else {
    name = host.substr(0, host.find(':'));
  }
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return name;
}

bool is_loopback(const std::string& address) {
  if (address == "localhost" || address == "::1") return true;
  return address.starts_with("127.") &&
         address.find_first_not_of("0123456789.") == std::string::npos;
}

std::optional<ApiError> check_access(const AccessRules& rules, const HttpRequest& request,
                                     const std::string& address) {
  if (request.host.empty()) return ApiError{.message = "the request has no Host header"};
  const std::string host = host_without_port(request.host);
  const bool is_known = host == "localhost" || host == address ||
                        (is_loopback(address) && (host == "127.0.0.1" || host == "::1")) ||
                        std::ranges::count(rules.hosts, host) > 0;
  if (!is_known)
    return ApiError{.status = 421,
                    .message = fmt::format("this server is not '{}'; use localhost, or name it "
                                           "with --host-name when the server starts",
                                           printable(host))};
  // https also without TLS here: a proxy may have it.
  if (!request.origin.empty() && request.origin != "http://" + request.host &&
      request.origin != "https://" + request.host)
    return ApiError{
        .status = 403,
        .message = fmt::format("pages of '{}' may not use this server", printable(request.origin))};
  if (request.fetch_site == "cross-site")
    return ApiError{.status = 403, .message = "pages of other sites may not use this server"};
  return {};
}

}  // namespace weir
