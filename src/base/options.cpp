// Typed reading of recipe sections; yaml.cpp turns the text into Json.
#include "base/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kRecipeBytesMax = 1 << 20;
const Json kEmptySection = Json::object();

std::string at_line(const Recipe& recipe, const std::string& key) {
  auto line = recipe.lines.find(key);
  return line == recipe.lines.end() ? recipe.path : fmt::format("{}:{}", recipe.path, line->second);
}

}  // namespace

Result<Recipe> Recipe::read(const std::string& path) {
  return parse(TRY(read_file(path, kRecipeBytesMax)), path);
}

Result<void> Recipe::set(const std::string& assignment) {
  size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    return Error{fmt::format("--set {}: write key=value, for example --set optimizer.lr=1e-3", assignment)};
  std::string key(trim(std::string_view(assignment).substr(0, equals)));
  Recipe value = TRY_IN("--set " + assignment, parse("value: " + assignment.substr(equals + 1), "value"));
  Json* section = &root;
  std::vector<std::string> parts = split(key, '.');
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) return Error{fmt::format("--set {}: the key has an empty part", assignment)};
    const Json* found = section->find(parts[i]);
    if (i + 1 == parts.size()) {
      section->set(parts[i], *value.root.find("value"));
    } else {
      if (found && !found->is_object() && !found->is_null())
        return Error{fmt::format("--set {}: '{}' is no section", assignment, parts[i])};
      section = found && found->is_object() ? const_cast<Json*>(found) : &section->set(parts[i], Json::object());
    }
  }
  lines.erase(key);
  return {};
}

OptionReader OptionReader::section(const std::string& key) {
  const Json* found = take(key);
  std::string prefix = prefix_ + key + ".";
  if (!found || found->is_null()) return OptionReader(recipe_, &kEmptySection, prefix);
  if (!found->is_object()) {
    fail(key, "must be a section with keys of its own");
    return OptionReader(recipe_, &kEmptySection, prefix);
  }
  return OptionReader(recipe_, found, prefix);
}

const Json* OptionReader::take(const std::string& key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  return section_->find(key);
}

bool OptionReader::has(const std::string& key) const { return section_->find(key) != nullptr; }

Error OptionReader::error(const std::string& key, const std::string& what) const {
  return {fmt::format("{}: '{}' {}", at_line(recipe_, prefix_ + key), prefix_ + key, what)};
}

void OptionReader::fail(const std::string& key, const std::string& what) {
  if (first_error_.empty()) first_error_ = error(key, what).message;
}

void OptionReader::field(const std::string& key, int64_t& value, int64_t low, int64_t high) {
  const Json* found = take(key);
  if (!found) return;
  auto number = found->as_int();
  if (!number) return fail(key, number.error().message + (found->is_string() ? " ('" + found->text() + "')" : ""));
  if (*number < low || *number > high) return fail(key, fmt::format("must be between {} and {}, not {}", low, high, *number));
  value = *number;
}

void OptionReader::field(const std::string& key, int& value, int64_t low, int64_t high) {
  int64_t wide = value;
  field(key, wide, std::max<int64_t>(low, INT32_MIN), std::min<int64_t>(high, INT32_MAX));
  value = int(wide);
}

void OptionReader::field(const std::string& key, double& value, double low, double high) {
  const Json* found = take(key);
  if (!found) return;
  auto number = found->as_double();
  if (!number) return fail(key, number.error().message + (found->is_string() ? " ('" + found->text() + "')" : ""));
  if (!(*number >= low && *number <= high)) return fail(key, fmt::format("must be between {} and {}, not {}", low, high, *number));
  value = *number;
}

void OptionReader::field(const std::string& key, bool& value) {
  const Json* found = take(key);
  if (!found) return;
  auto read = found->as_bool();
  if (!read) return fail(key, read.error().message);
  value = *read;
}

void OptionReader::field(const std::string& key, std::string& value) {
  const Json* found = take(key);
  if (!found) return;
  auto read = found->as_string();
  if (!read) return fail(key, read.error().message);
  value = *read;
}

void OptionReader::choice(const std::string& key, std::string& value, const std::vector<std::string>& words) {
  std::string chosen = value;
  field(key, chosen);
  if (!has(key) || std::find(words.begin(), words.end(), chosen) != words.end()) {
    value = chosen;
    return;
  }
  std::string list;
  for (const std::string& w : words) list += (list.empty() ? "" : ", ") + w;
  fail(key, fmt::format("must be one of {}, not '{}'", list, chosen));
}

void OptionReader::field(const std::string& key, std::vector<std::string>& value) {
  const Json* found = take(key);
  if (!found) return;
  std::vector<std::string> list;
  if (found->is_string()) list.push_back(found->text());
  else if (found->is_array()) {
    for (const Json& item : found->items()) {
      if (!item.is_string()) return fail(key, "must be a string or a list of strings");
      list.push_back(item.text());
    }
  } else {
    return fail(key, "must be a string or a list of strings");
  }
  value = std::move(list);
}

void OptionReader::field(const std::string& key, Json& value) {
  if (const Json* found = take(key)) value = *found;
}

Result<void> OptionReader::finish() {
  if (!first_error_.empty()) return Error{first_error_};
  for (const Json::Member& member : section_->members()) {
    if (std::find(known_.begin(), known_.end(), member.first) != known_.end()) continue;
    std::string nearest = nearest_word(member.first, known_);
    return error(member.first, nearest.empty() ? "is no known key" : "is no known key; did you mean '" + nearest + "'?");
  }
  return {};
}

}  // namespace weir
