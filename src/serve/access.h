// Which requests may come in at all: checked before the body is read. Browsers must not reach the
// server from another page, nor under a name that an attacker's DNS points to this machine.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "serve/api_error.h"
#include "serve/http_exchange.h"

namespace weir {

struct AccessRules {
  // Beside localhost and the address that the request came to.
  std::vector<std::string> hosts = {};
};

// 400 without a Host, 421 for a foreign one, 403 for a page of another origin. `address`: the one
// the client connected to, as text.
std::optional<ApiError> check_access(const AccessRules& rules, const HttpRequest& request,
                                     const std::string& address);

// "[::1]:8080" -> "::1", "LocalHost:80" -> "localhost".
std::string host_without_port(std::string_view host);

// Only this machine reaches it: 127.0.0.0/8, ::1 or localhost.
bool is_loopback(const std::string& address);

}  // namespace weir
