// Which model a request is for: the few top-level fields of its body that say so, found without
// reading the rest, since the model's dialect reads the whole body once more.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "serve/api_error.h"

namespace weir {

struct RequestHead {
  std::string model = {}, name = {};  // "": absent, or no text
  Json keep_alive = {};               // null: absent
  Json knowledge = {};                // the same
};

// Of an object that parse_body() takes: what it says at these keys. Of other bytes: anything.
RequestHead read_head(std::string_view body);

// The value of `key` in "a=1&b=2", with %XX and + resolved; "": absent.
std::string query_value(std::string_view query, std::string_view key);

// Ollama's keep_alive: how many seconds a model stays loaded after a request. A number of seconds,
// or a text such as "5m", "1h30m" or "300"; negative: for good. Null: nothing is said.
ApiResult<std::optional<double>> read_keep_alive(const Json& value);

}  // namespace weir
