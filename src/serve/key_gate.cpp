#include "serve/key_gate.h"

#include <algorithm>
#include <string_view>

#include "base/clock.h"
#include "serve/route.h"
#include "serve/server.h"

namespace weir {
namespace {

bool needs_no_key(const Route& route) {
  constexpr std::string_view kOpen[] = {"/health", "/", "/page/*"};
  return std::string_view(route.method) == "GET" &&
         std::ranges::count(kOpen, std::string_view(route.path)) > 0;
}

}  // namespace

Admission admit_by_key(KeyRing& keys, const HttpRequest& request) {
  bool is_known = false;
  const Route* route = find_route(request.method, request.path, is_known);
  Admission admission;
  if (route && needs_no_key(*route)) return admission;
  const auto refuse = [&](const ApiError& error) {
    admission.refusal = error_writer_of(request)(error);
    if (error.status == 401) admission.headers.push_back({"WWW-Authenticate", "Bearer"});
  };
  const int64_t now = monotonic_ns();
  auto found = keys.find(request.presented_key, now);
  if (!found) {
    refuse(found.error());
    return admission;
  }
  admission.key = *found;
  admission.log_name = " key=" + admission.key->id();
  if (request.method == "POST")
    if (const auto error = admission.key->meter().take_request(now)) refuse(*error);
  for (auto& header : admission.key->meter().headers(now))
    admission.headers.push_back(std::move(header));
  return admission;
}

bool may_use(const HttpRequest& request, const PooledModel& model) {
  return !request.key || !request.key->check_model(model.names);
}

}  // namespace weir
