#include "tasks/row_reader.h"

#include <fmt/format.h>

#include "base/text.h"

namespace weir {

const Json* RowReader::find(std::string_view key) {
  for (size_t i = 0; i < row_.size(); ++i) {
    if (row_.members()[i].first != key) continue;
    is_read_[i] = true;
    const Json& value = row_.members()[i].second;
    return value.is_null() ? nullptr : &value;
  }
  return nullptr;
}

RowReader::Found RowReader::find_any(std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (const Json* value = find(key)) return {key, value};
  for (const char* key : keys)
    if (row_.find(key) != nullptr) return {key, nullptr};
  return {};
}

Result<std::string> RowReader::text_if_any(std::string_view key) {
  const Json* value = find(key);
  return value == nullptr ? std::string() : text_of(*value, key);
}

std::vector<std::string> RowReader::unread() const {
  std::vector<std::string> keys;
  for (size_t i = 0; i < row_.size(); ++i)
    if (!is_read_[i] && !row_.members()[i].second.is_null())
      keys.push_back(printable(row_.members()[i].first, 24));
  return keys;
}

Result<std::string> text_of(const Json& value, std::string_view key) {
  if (value.is_number()) return value.number_text();
  if (!value.is_string()) return Error{fmt::format("'{}' must be a string or a number", key)};
  if (value.text().find('\0') != std::string::npos)
    return Error{fmt::format("'{}' holds a NUL character; remove it", key)};
  return value.text();
}

}  // namespace weir
