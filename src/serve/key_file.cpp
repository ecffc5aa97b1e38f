#include "serve/key_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "knowledge/knowledge_base.h"
#include "serve/key_secret.h"

namespace weir {
namespace {

constexpr size_t kBytesMax = size_t(4) << 20, kKeysMax = 10000, kNamesMax = 256, kNameMax = 64;

Result<int64_t> read_limit(const Json& value) {
  const auto limit = value.as_int();
  if (!limit || *limit < 1) return Error{"must be a whole number from 1 on"};
  return *limit;
}

Result<std::vector<std::string>> read_names(const Json& value) {
  std::vector<std::string> names;
  for (const Json& item : value.items()) {
    if (item.text().empty()) return Error{"must be a list of names"};
    names.push_back(item.text());
  }
  if (!value.is_array() || names.empty() || names.size() > kNamesMax)
    return Error{fmt::format("must be a list of 1 to {} names", kNamesMax)};
  return names;
}

Json names_json(const std::vector<std::string>& names) {
  Json list = Json::array();
  for (const std::string& name : names) list.push(name);
  return list;
}

Result<void> take_member(KeyRecord& key, const std::string& name, const Json& value) {
  if (name == "id") {
    key.id = value.text();
    if (!is_key_id(key.id)) return Error{"must be 8 letters a-z or digits 2-7"};
  } else if (name == "name") {
    key.name = value.text();
    TRY(check_key_name(key.name));
  } else if (name == "hash") {
    key.hash = value.text();
    if (!is_key_hash(key.hash)) return Error{"must be the argon2id hash of a key"};
  } else if (name == "created") {
    key.created = TRY(value.as_int());
  } else if (name == "requests_per_minute") {
    key.limits.requests_per_minute = TRY(read_limit(value));
  } else if (name == "tokens_per_minute") {
    key.limits.tokens_per_minute = TRY(read_limit(value));
  } else if (name == "models") {
    key.limits.models = TRY(read_names(value));
  } else if (name == "labels") {
    key.limits.labels = TRY(read_names(value));
    TRY(labels_text(key.limits.labels));
  } else {
    return Error{"is not known to this version of weir"};
  }
  return {};
}

Result<KeyRecord> read_key(const Json& json) {
  if (!json.is_object()) return Error{"must be an object"};
  KeyRecord key;
  for (const auto& [name, value] : json.members())
    if (auto taken = take_member(key, name, value); !taken)
      return std::move(taken.error()).within("'" + printable(name) + "'");
  for (const char* name : {"id", "name", "hash"})
    if (!json.find(name)) return Error{fmt::format("has no '{}'", name)};
  return key;
}

}  // namespace

Result<void> check_key_name(const std::string& name) {
  if (name.empty() || name.size() > kNameMax || printable(name, kNameMax) != name)
    return Error{
        fmt::format("a key's name has 1 to {} bytes of text without control characters", kNameMax)};
  if (is_key_id(name)) return Error{"'" + name + "' has the form of a key's id; take another name"};
  return {};
}

Result<std::vector<KeyRecord>> parse_keys(std::string_view text) {
  const Json json = TRY(parse_json(text, {.depth = 8, .bytes = kBytesMax}));
  if (!json.is_object()) return Error{"is no file of keys"};
  for (const auto& [name, value] : json.members())
    if (name != "version" && name != "keys")
      return Error{"'" + printable(name) + "' is not known to this version of weir"};
  const int64_t version = TRY(json.int_at("version"));
  if (version != 1)
    return Error{fmt::format("has version {}; this version of weir reads 1", version)};
  const Json& list = *TRY(json.at("keys"));
  if (!list.is_array() || list.size() > kKeysMax)
    return Error{fmt::format("'keys' must be a list of at most {} keys", kKeysMax)};
  std::vector<KeyRecord> keys;
  std::vector<std::string> words;
  for (const Json& item : list.items()) {
    auto key = read_key(item);
    if (!key) return std::move(key.error()).within(fmt::format("keys[{}]", keys.size()));
    words.push_back(key->id);
    words.push_back(key->name);
    keys.push_back(*std::move(key));
  }
  std::ranges::sort(words);
  if (const auto twice = std::ranges::adjacent_find(words); twice != words.end())
    return Error{"two keys have the name or id '" + *twice + "'"};
  return keys;
}

std::string keys_text(const std::vector<KeyRecord>& keys) {
  Json list = Json::array();
  for (const KeyRecord& key : keys) {
    Json j = Json::object();
    j.set("id", key.id);
    j.set("name", key.name);
    j.set("hash", key.hash);
    j.set("created", key.created);
    if (key.limits.requests_per_minute)
      j.set("requests_per_minute", key.limits.requests_per_minute);
    if (key.limits.tokens_per_minute) j.set("tokens_per_minute", key.limits.tokens_per_minute);
    if (!key.limits.models.empty()) j.set("models", names_json(key.limits.models));
    if (!key.limits.labels.empty()) j.set("labels", names_json(key.limits.labels));
    list.push(std::move(j));
  }
  Json json = Json::object();
  json.set("version", 1);
  json.set("keys", std::move(list));
  return json.dump(2) + "\n";
}

Result<std::vector<KeyRecord>> read_keys(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return Error{path + ": " + std::strerror(errno)};
  if (S_ISREG(status.st_mode) && (status.st_mode & 077))
    return Error{
        fmt::format("{}: others may read this file of keys; run: chmod 600 {}", path, path)};
  const std::string text = TRY(read_file(path, kBytesMax));
  auto keys = parse_keys(text);
  if (!keys) return std::move(keys.error()).within(path);
  return keys;
}

Result<void> write_keys(const std::string& path, const std::vector<KeyRecord>& keys) {
  umask(077);
  return write_file_atomic(path, keys_text(keys));
}

}  // namespace weir
