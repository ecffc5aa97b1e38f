// `weir key`: makes, lists, limits and revokes the keys of `weir serve`. A running server sees a
// change with its next request.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/safety_flags.h"
#include "knowledge/knowledge_base.h"
#include "serve/key_file.h"
#include "serve/key_secret.h"

namespace weir {
namespace {

struct KeyOptions {
  std::string file;  // "": default_key_file()
  std::string name;  // or an id
  int requests = 0, tokens = 0;
  std::vector<std::string> models, labels;
};

struct KeyStore {
  std::string path;
  std::vector<KeyRecord> keys;
};

Result<KeyStore> open_store(const KeyOptions& options) {
  KeyStore store;
  store.path = options.file.empty() ? TRY(default_key_file()) : options.file;
  if (file_exists(store.path)) store.keys = TRY(read_keys(store.path));
  return store;
}

Result<FileLock> lock_store(const KeyOptions& options) {
  const std::string path = options.file.empty() ? TRY(default_key_file()) : options.file;
  return FileLock::acquire(path + ".lock");
}

Result<KeyRecord*> find_key(KeyStore& store, const std::string& name) {
  std::vector<std::string> names;
  for (KeyRecord& key : store.keys) {
    if (key.name == name || key.id == name) return &key;
    names.push_back(key.name);
  }
  const std::string near = nearest_word(name, names);
  return Error{fmt::format("{}: there is no key '{}'{}; see weir key list", store.path,
                           printable(name),
                           near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near))};
}

KeyLimits limits_of(const KeyOptions& options) {
  return {options.requests, options.tokens, options.models, options.labels};
}

std::string limits_text(const KeyLimits& limits) {
  std::vector<std::string> parts;
  if (limits.requests_per_minute)
    parts.push_back(fmt::format("{} requests/min", limits.requests_per_minute));
  if (limits.tokens_per_minute)
    parts.push_back(fmt::format("{} tokens/min", limits.tokens_per_minute));
  for (const auto& [what, names] :
       {std::pair{"models", &limits.models}, {"labels", &limits.labels}}) {
    std::string list;
    for (const std::string& name : *names) list += (list.empty() ? "" : ", ") + printable(name);
    if (!list.empty()) parts.push_back(fmt::format("{}: {}", what, list));
  }
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, "; "));
}

std::string day_text(int64_t seconds) {
  const std::time_t time = std::time_t(seconds);
  std::tm utc{};
  char text[16] = "";
  if (gmtime_r(&time, &utc)) std::strftime(text, sizeof text, "%Y-%m-%d", &utc);
  return text;
}

Result<void> key_new(const KeyOptions& options) {
  TRY(check_key_name(options.name));
  TRY_IN("--label", labels_text(options.labels));
  const FileLock lock = TRY(lock_store(options));
  KeyStore store = TRY(open_store(options));
  for (const KeyRecord& key : store.keys)
    if (key.name == options.name)
      return Error{fmt::format("{}: there is a key '{}' already; take another name, or revoke it",
                               store.path, options.name)};
  KeyRecord key{.name = options.name, .limits = limits_of(options)};
  const auto is_taken = [&](const std::string& id) {
    return std::ranges::any_of(store.keys, [&](const KeyRecord& other) { return other.id == id; });
  };
  do {
    key.id = TRY(random_key_id());
  } while (is_taken(key.id));
  const std::string secret = TRY(random_key_secret());
  key.hash = TRY(hash_key_secret(secret));
  key.created = int64_t(std::time(nullptr));
  const bool is_first = store.keys.empty();
  store.keys.push_back(std::move(key));
  TRY(write_keys(store.path, store.keys));
  fmt::print(stderr, "The key '{}' is kept in {} as a hash, so it is shown this once:\n",
             options.name, store.path);
  fflush(stderr);
  fmt::print("{}\n", join_key(store.keys.back().id, secret));
  if (is_first)
    fmt::print(stderr,
               "A server that was started without keys needs none until it is restarted.\n");
  return {};
}

Result<void> key_list(const KeyOptions& options) {
  const KeyStore store = TRY(open_store(options));
  if (store.keys.empty()) {
    fmt::print(stderr, "{} has no keys; make one with: weir key new NAME\n", store.path);
    return {};
  }
  size_t width = 4;
  for (const KeyRecord& key : store.keys) width = std::max(width, key.name.size());
  fmt::print("{:8}  {:{}}  {:10}  {}\n", "id", "name", width, "made on", "limits");
  for (const KeyRecord& key : store.keys)
    fmt::print("{:8}  {:{}}  {:10}  {}\n", key.id, key.name, width, day_text(key.created),
               limits_text(key.limits));
  return {};
}

Result<void> key_limit(const KeyOptions& options) {
  TRY_IN("--label", labels_text(options.labels));
  const FileLock lock = TRY(lock_store(options));
  KeyStore store = TRY(open_store(options));
  KeyRecord* key = TRY(find_key(store, options.name));
  key->limits = limits_of(options);
  TRY(write_keys(store.path, store.keys));
  fmt::print("limits of the key '{}': {}\n", key->name, limits_text(key->limits));
  return {};
}

Result<void> key_revoke(const KeyOptions& options) {
  const FileLock lock = TRY(lock_store(options));
  KeyStore store = TRY(open_store(options));
  const KeyRecord* key = TRY(find_key(store, options.name));
  const std::string name = key->name;
  store.keys.erase(store.keys.begin() + (key - store.keys.data()));
  TRY(write_keys(store.path, store.keys));
  fmt::print("the key '{}' is revoked; {} keys are left\n", name, store.keys.size());
  return {};
}

void add_file(CommandBuilder& c, KeyOptions& o) {
  c.option("--keys", o.file, "FILE", "file of keys [keys.json in weir's state folder]");
}

void add_limits(CommandBuilder& c, KeyOptions& o) {
  c.count("--requests-per-minute", o.requests, 0, 1'000'000, "requests in a minute; 0: any number");
  c.count("--tokens-per-minute", o.tokens, 0, 2'000'000'000,
          "tokens of prompts and replies in a minute; 0: any number");
  c.option("--model", o.models, "NAME", "model that the key may use (repeatable) [all]")
      .repeatable();
  c.option("--label", o.labels, "LABEL",
           "documents of knowledge bases that the key may read beside those without labels "
           "(repeatable) [none]")
      .repeatable();
}

}  // namespace

void add_key(CommandGroup& commands) {
  CommandGroup group = commands.group("key", "make, list and revoke the keys of weir serve");
  auto [make, made] = group.add("new", "make a key and print it, this once", key_new);
  make.argument("NAME", made.name, "what the key is for, such as a person or a program").required();
  add_limits(make, made);
  add_file(make, made);

  auto [list, listed] = group.add("list", "names, ids and limits of all keys", key_list);
  add_file(list, listed);

  auto [limit, limited] =
      group.add("limit", "replace the limits of a key by those given", key_limit, Writes::files);
  limit.argument("NAME", limited.name, "the key's name or id").required();
  add_limits(limit, limited);
  add_file(limit, limited);

  auto [revoke, revoked] = group.add("revoke", "end a key: the next request with it is refused",
                                     key_revoke, Writes::files);
  revoke.argument("NAME", revoked.name, "the key's name or id").required();
  add_file(revoke, revoked);
}

}  // namespace weir
