// Chat templates of models whose files have none.
#pragma once
#include <string_view>

namespace weir {

extern const std::string_view kDeepSeekV32Template;  // templates/deepseek_v32.jinja

// For a model type of config.json; "": there is none.
inline std::string_view built_in_template(std::string_view model_type) {
  return model_type == "deepseek_v32" ? kDeepSeekV32Template : std::string_view();
}

}  // namespace weir
