#include "adapter/adapter_folder.h"

#include <fmt/format.h>

#include "adapter/peft.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace weir {

bool is_adapter_folder(const std::string& path) {
  return is_directory(path) && file_exists(join_path(path, kPeftConfig)) &&
         file_exists(join_path(path, kPeftWeights)) &&
         !file_exists(join_path(path, "model.safetensors")) &&
         !file_exists(join_path(path, "model.safetensors.index.json"));
}

Result<std::string> base_of_adapter(const std::string& folder) {
  const Json json = TRY(read_json_file(join_path(folder, kPeftConfig)));
  const std::string& base = json.text_at("base_model_name_or_path");
  const auto is_there = [](const std::string& path) {
    return !path.empty() && (is_directory(path) || file_exists(path));
  };
  if (is_there(base)) return base;
  if (!base.empty() && base[0] != '/' && is_there(join_path(folder, base)))
    return join_path(folder, base);
  return Error{
      fmt::format("{}: is an adapter, and its base '{}' is not here; name the base and "
                  "the adapter apart: MODEL --adapter {}",
                  folder, printable(base), folder)};
}

}  // namespace weir
