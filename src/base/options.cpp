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
constexpr size_t kKeyPartsMax = 16;
constexpr int kFromCommandLine = 0;  // in Recipe::lines
const Json kEmptySection = Json::object();

// How a value is shown in a message.
std::string shown(const Json& value) {
  if (value.is_string()) return "'" + printable(value.text(), 40) + "'";
  if (value.is_object()) return "a section";
  if (value.is_array()) return "a list";
  return value.is_null() ? "nothing" : value.dump();
}

// "must be between 1 and 10, not 11"; ends nobody would type are left out.
template <class Number>
std::string out_of_range(Number low, Number high, Number unlimited, const Json& found) {
  if (high >= unlimited) return fmt::format("must be at least {}, not {}", low, shown(found));
  return fmt::format("must be between {} and {}, not {}", low, high, shown(found));
}

}  // namespace

Result<Recipe> Recipe::read(const std::string& path) {
  return parse(TRY(read_file(path, kRecipeBytesMax)), path);
}

Result<void> Recipe::set(const std::string& assignment) {
  const std::string where = "--set " + printable(assignment);
  size_t equals = assignment.find('=');
  std::string key(trim(std::string_view(assignment).substr(0, equals)));
  if (equals == std::string::npos || key.empty())
    return Error{where + ": write key=value, for example --set optimizer.lr=1e-3"};
  std::vector<std::string> parts = split(key, '.');
  if (parts.size() > kKeyPartsMax)
    return Error{fmt::format("{}: the key has more than {} parts", where, kKeyPartsMax)};
  auto parsed = parse("value: " + assignment.substr(equals + 1), "value");
  if (!parsed || parsed->root.size() != 1)
    return Error{where + ": the value is no YAML; put it in quotes"};
  if (!root.is_object()) root = Json::object();
  Json* section = &root;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string& part = parts[i];
    if (part.empty()) return Error{where + ": the key has an empty part"};
    if (i + 1 == parts.size()) {
      section->set(part, *parsed->root.find("value"));
      break;
    }
    const Json* found = section->find(part);
    if (found && !found->is_object() && !found->is_null())
      return Error{fmt::format("{}: '{}' is no section", where, printable(part))};
    Json inner = found && found->is_object() ? *found : Json::object();
    section = &section->set(part, std::move(inner));
  }
  std::erase_if(lines, [&](const auto& entry) { return entry.first.starts_with(key + "."); });
  lines[key] = kFromCommandLine;
  return {};
}

OptionReader OptionReader::section(const std::string& key) {
  const Json* found = take(key);
  if (found && !found->is_object() && !found->is_null())
    fail(key, "must be a section with keys of its own, not " + shown(*found));
  bool is_there = found && found->is_object();
  return OptionReader(recipe_, is_there ? found : &kEmptySection, prefix_ + key + ".");
}

const Json* OptionReader::take(const std::string& key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  return section_->find(key);
}

bool OptionReader::has(const std::string& key) const { return section_->find(key) != nullptr; }

std::vector<std::string> OptionReader::keys() const {
  std::vector<std::string> names;
  for (const Json::Member& member : section_->members()) names.push_back(member.first);
  return names;
}

Error OptionReader::error(const std::string& key, const std::string& what) const {
  const std::string full = prefix_ + key;
  std::string place = recipe_.path;
  // A key that is missing has the line of the section it is missing from.
  auto line = recipe_.lines.find(full);
  if (line == recipe_.lines.end() && !prefix_.empty())
    line = recipe_.lines.find(prefix_.substr(0, prefix_.size() - 1));
  if (line != recipe_.lines.end())
    place = line->second == kFromCommandLine ? "--set" : fmt::format("{}:{}", place, line->second);
  return {fmt::format("{}: '{}' {}", place, printable(full), what)};
}

void OptionReader::fail(const std::string& key, const std::string& what) {
  if (first_error_.empty()) first_error_ = error(key, what).message;
}

void OptionReader::field(const std::string& key, int64_t& value, int64_t low, int64_t high) {
  const Json* found = take(key);
  if (!found) return;
  auto number = found->as_double();
  if (!number || std::trunc(*number) != *number)
    return fail(key, "must be a whole number, not " + shown(*found));
  auto whole = found->as_int();
  if (!whole || *whole < low || *whole > high)
    return fail(key, out_of_range<int64_t>(low, high, INT32_MAX, *found));
  value = *whole;
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
  if (!number) return fail(key, "must be a number, not " + shown(*found));
  if (!(*number >= low && *number <= high))
    return fail(key, out_of_range<double>(low, high, 1e30, *found));
  value = *number;
}

void OptionReader::field(const std::string& key, bool& value) {
  const Json* found = take(key);
  if (!found) return;
  auto read = found->as_bool();
  if (!read) return fail(key, "must be true or false, not " + shown(*found));
  value = *read;
}

void OptionReader::field(const std::string& key, std::string& value) {
  const Json* found = take(key);
  if (!found) return;
  if (!found->is_string())
    return fail(key, fmt::format("must be text, not {}; put it in quotes", shown(*found)));
  value = found->text();
}

void OptionReader::choice(const std::string& key, std::string& value,
                          const std::vector<std::string>& words) {
  const Json* found = take(key);
  if (!found) return;
  if (found->is_string() && std::find(words.begin(), words.end(), found->text()) != words.end()) {
    value = found->text();
    return;
  }
  fail(key, fmt::format("must be one of {}, not {}", fmt::join(words, ", "), shown(*found)));
}

void OptionReader::field(const std::string& key, std::vector<std::string>& value) {
  const Json* found = take(key);
  if (!found) return;
  const char* wanted = "must be text or a list of texts, not ";
  std::vector<std::string> list;
  if (found->is_string()) {
    list.push_back(found->text());
  } else if (found->is_array()) {
    for (const Json& item : found->items()) {
      if (!item.is_string()) return fail(key, wanted + ("a list with " + shown(item)));
      list.push_back(item.text());
    }
  } else {
    return fail(key, wanted + shown(*found));
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
    if (!nearest.empty())
      return error(member.first, "is no known key; did you mean '" + nearest + "'?");
    return error(member.first,
                 fmt::format("is no known key; known here are {}", fmt::join(known_, ", ")));
  }
  return {};
}

}  // namespace weir
