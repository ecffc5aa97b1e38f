// Lets requests in by their keys: before the body is read, before the path is looked at further.
#pragma once
#include "serve/http_exchange.h"
#include "serve/key_ring.h"

namespace weir {

// What needs no key: /health, and the page, which asks for one. Everything else does, unknown paths
// as well. Requests that post count against the limit of the key.
Admission admit_by_key(KeyRing& keys, const HttpRequest& request);

}  // namespace weir
