// Any bytes as a request's body, searched for the model's name: never beyond the bytes, and of a
// body that is an object what the whole parser finds. As a query and as a duration: no crash.
#include <cstdlib>

#include "serve/request_fields.h"
#include "serve/request_head.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const weir::RequestHead head = weir::read_head(bytes);
  (void)weir::query_value(bytes, "model");
  auto keep = weir::read_keep_alive(weir::Json(std::string(bytes)));
  if (keep && !*keep) std::abort();
  const auto body = weir::parse_json(bytes, weir::kBodyLimits);
  if (!body || !body->is_object()) return 0;
  const auto text_at = [&](const char* key) {
    const weir::Json* value = body->find(key);
    return value ? value->text() : "";
  };
  if (head.model != text_at("model") || head.name != text_at("name")) std::abort();
  const weir::Json* keep_alive = body->find("keep_alive");
  if (head.keep_alive.dump() != (keep_alive ? *keep_alive : weir::Json()).dump()) std::abort();
  return 0;
}
