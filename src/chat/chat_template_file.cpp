// Where a model's folder keeps its chat template.
#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "chat/chat_template.h"

namespace weir {
namespace {

constexpr size_t kTemplateBytesMax = size_t(1) << 20;
constexpr size_t kConfigBytesMax = size_t(64) << 20;

// [{"name": "default", "template": "..."}, {"name": "tool_use", ...}]
Result<std::string> named_template(const Json& list, std::string_view name) {
  const std::string* standard = nullptr;
  std::string names;
  for (const Json& entry : list.items()) {
    const Json *key = entry.find("name"), *source = entry.find("template");
    if (key == nullptr || source == nullptr || !key->is_string() || !source->is_string())
      return Error{"must be a text or a list of objects with 'name' and 'template'"};
    if (key->text() == name) return source->text();
    if (key->text() == "default") standard = &source->text();
    names += (names.empty() ? "'" : ", '") + printable(key->text()) + "'";
  }
  if (standard != nullptr) return *standard;
  return Error{fmt::format("holds no template '{}' and none named 'default'; there are {}",
                           printable(name), names.empty() ? "none" : names)};
}

}  // namespace

Result<std::string> read_chat_template(const std::string& folder, std::string_view name) {
  const std::string file = join_path(folder, "chat_template.jinja");
  if (file_exists(file)) return read_file(file, kTemplateBytesMax);
  const std::string config_path = join_path(folder, "tokenizer_config.json");
  if (!file_exists(config_path)) return std::string();
  const Json config = TRY(read_json_file(config_path, {.bytes = kConfigBytesMax}));
  const Json* entry = config.find("chat_template");
  if (entry == nullptr || entry->is_null()) return std::string();
  if (entry->is_string()) return entry->text();
  const std::string place = config_path + ": 'chat_template'";
  if (!entry->is_array()) return Error{place + " must be a text or a list of named ones"};
  return TRY_IN(place, named_template(*entry, name));
}

}  // namespace weir
