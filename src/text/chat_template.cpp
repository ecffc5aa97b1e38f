#include "text/chat_template.h"

#include "base/file.h"
#include "base/json.h"

namespace weir {
Result<std::string> read_chat_template(const std::string& folder) {
  auto config = read_json_file(join_path(folder, "tokenizer_config.json"));
  if (!config) return std::string();
  const Json* entry = config->find("chat_template");
  return entry && entry->is_string() ? entry->text() : std::string();
}
}  // namespace weir
