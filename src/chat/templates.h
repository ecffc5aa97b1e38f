// Chat templates of models whose files have none.
#pragma once
#include <string_view>

namespace weir {

extern const std::string_view kDeepSeekV32Template;  // templates/deepseek_v32.jinja
extern const std::string_view kDeepSeekV4Template;   // templates/deepseek_v4.jinja
extern const std::string_view kDeepSeekV41Template;  // templates/deepseek_v41.jinja

// For a model type of config.json; "": there is none.
inline std::string_view built_in_template(std::string_view model_type) {
  if (model_type == "deepseek_v32") return kDeepSeekV32Template;
  if (model_type == "deepseek_v4") return kDeepSeekV4Template;
  if (model_type.starts_with("deepseek_v41")) return kDeepSeekV41Template;
  return {};
}

}  // namespace weir
