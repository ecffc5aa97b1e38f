// Requests of tests to a server of this machine.
#pragma once
#include <gtest/gtest.h>

#include <string>

#include "client/http_client.h"

namespace weir {

inline HttpAnswer http_get(int port, const std::string& path) {
  auto answer = HttpClient({"127.0.0.1", port, ""}, {}).get(path);
  if (!answer) ADD_FAILURE() << answer.error().message;
  return answer ? *std::move(answer) : HttpAnswer();
}

inline HttpAnswer http_post(int port, const std::string& path, const std::string& json) {
  auto answer = HttpClient({"127.0.0.1", port, ""}, {}).post(path, json);
  if (!answer) ADD_FAILURE() << answer.error().message;
  return answer ? *std::move(answer) : HttpAnswer();
}

inline Json http_json(const HttpAnswer& answer) {
  auto json = parse_json(answer.body);
  if (!json) ADD_FAILURE() << answer.body;
  return json ? *std::move(json) : Json::object();
}

// "" where there is no such text.
inline std::string text_of(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  return value ? value->text() : "";
}

}  // namespace weir
