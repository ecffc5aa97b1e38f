// The file that holds the keys of `weir serve`, written by `weir key` and read again by a running
// server when it changes. JSON, for its owner alone:
//   {"version": 1, "keys": [{"id": "k3j5x2ab", "name": "editor", "hash": "$argon2id$...",
//     "created": 1790000000, "requests_per_minute": 60, "tokens_per_minute": 20000,
//     "models": ["qwen"], "labels": ["staff"]}]}
// The last four are limits that a key may have. A file that is damaged, or that others may read,
// is an error and stays as it is.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

struct KeyLimits {
  int64_t requests_per_minute = 0;       // 0: any number
  int64_t tokens_per_minute = 0;         // of prompts and replies together; 0: any number
  std::vector<std::string> models = {};  // names in requests; empty: every model
  // Of documents in knowledge bases that the key reads beside those without labels.
  std::vector<std::string> labels = {};
  bool operator==(const KeyLimits&) const = default;
};

struct KeyRecord {
  std::string id = {}, name = {}, hash = {};  // key_secret.h
  int64_t created = 0;                        // seconds since 1970
  KeyLimits limits = {};
  bool operator==(const KeyRecord&) const = default;
};

// Unknown members are an error: they could be limits. Ids and names are unique.
Result<std::vector<KeyRecord>> parse_keys(std::string_view text);
std::string keys_text(const std::vector<KeyRecord>& keys);

// 1 to 64 characters, none of them a control character, and no id.
Result<void> check_key_name(const std::string& name);

// The file exists. An error that says `chmod 600` where group or others have any access.
Result<std::vector<KeyRecord>> read_keys(const std::string& path);
// Replaces the file at once, mode 0600. Sets the umask of the process.
Result<void> write_keys(const std::string& path, const std::vector<KeyRecord>& keys);

}  // namespace weir
