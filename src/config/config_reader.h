// Reads single keys of a JSON object. Private to the configuration's source files.
#pragma once
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "config/config_families.h"

namespace weir {

// Reads keys over values that hold the defaults; null counts as absent. The first error is kept.
class ConfigReader {
 public:
  ConfigReader(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

  const Json* find(const char* key) const {
    const Json* value = json_.find(key);
    return value && value->is_null() ? nullptr : value;
  }
  bool is_null(const char* key) const {
    const Json* value = json_.find(key);
    return value && value->is_null();
  }
  // Whether another key should be tried: this one is absent.
  bool lacks(const char* key) const { return !find(key); }

  void integer(const char* key, int& value, int low, int high) {
    const Json* found = find(key);
    if (!found) return;
    auto read = found->as_int();
    if (!read || *read < low || *read > high)
      fail(key,
           fmt::format("must be a whole number from {} to {}, not {}", low, high, brief(*found)));
    else
      value = int(*read);
  }
  void real(const char* key, double& value, double low, double high) {
    const Json* found = find(key);
    if (!found) return;
    auto read = found->as_double();
    if (!read || !(*read >= low && *read <= high))
      fail(key, fmt::format("must be a number from {} to {}, not {}", low, high, brief(*found)));
    else
      value = *read;
  }
  void boolean(const char* key, bool& value) {
    const Json* found = find(key);
    if (!found) return;
    auto read = found->as_bool();
    if (!read)
      fail(key, fmt::format("must be true or false, not {}", brief(*found)));
    else
      value = *read;
  }
  void word(const char* key, std::string& value) {
    const Json* found = find(key);
    if (!found) return;
    if (!found->is_string())
      fail(key, fmt::format("must be a string, not {}", brief(*found)));
    else
      value = found->text();
  }
  // A feature that this program does not have must be off.
  void must_be_off(const char* key) {
    bool value = false;
    boolean(key, value);
    if (value) fail(key, "is not supported: only false is");
  }
  // A list of whole numbers; null and absent leave it as it is.
  void integers(const char* key, std::vector<int>& values, int low, int high, size_t most) {
    const Json* found = find(key);
    if (!found) return;
    if (!found->is_array() || found->size() > most)
      return fail(key, fmt::format("must be a list of up to {} whole numbers", most));
    values.clear();
    for (const Json& item : found->items()) {
      auto read = item.as_int();
      if (!read || *read < low || *read > high)
        return fail(key, fmt::format("must hold whole numbers from {} to {}, not {}", low, high,
                                     brief(item)));
      values.push_back(int(*read));
    }
  }
  // A token id, or a list of them, of which the first is the main one.
  void token_id(const char* key, int& value) {
    const Json* found = find(key);
    if (found && found->is_array() && found->size() > 0) {
      auto first = found->items()[0].as_int();
      if (!first || *first < -1 || *first > kVocabularyMax)
        fail(key, fmt::format("must hold token ids, not {}", brief(found->items()[0])));
      else
        value = int(*first);
      return;
    }
    integer(key, value, -1, kVocabularyMax);
  }

  void fail(const std::string& key, const std::string& what) {
    if (error_.empty()) error_ = fmt::format("{}: '{}' {}", path_, key, what);
  }
  void adopt(const ConfigReader& inner) {
    if (error_.empty()) error_ = inner.error_;
  }
  Result<void> finish() const {
    if (error_.empty()) return {};
    return Error{error_};
  }
  const std::string& path() const { return path_; }

 private:
  static std::string brief(const Json& value) {
    std::string text = value.is_array() ? "a list" : value.is_object() ? "an object" : value.dump();
    return text.size() > 60 ? "a long value" : text;
  }
  const Json& json_;
  std::string path_, error_;
};

}  // namespace weir
