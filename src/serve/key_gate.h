// Lets requests in by their keys: before the body is read, before the path is looked at further.
#pragma once
#include "serve/http_exchange.h"
#include "serve/key_ring.h"
#include "serve/model_pool.h"

namespace weir {

// What needs no key: /health, and the page, which asks for one. Everything else does, unknown paths
// as well. Requests that post count against the limit of the key.
Admission admit_by_key(KeyRing& keys, const HttpRequest& request);

// Whether the request's key may use the model by one of its names: lists leave the others out.
bool may_use(const HttpRequest& request, const PooledModel& model);

}  // namespace weir
