// stand-in until the template interpreter is merged
#pragma once
#include <string>

#include "base/result.h"

namespace weir {
Result<std::string> read_chat_template(const std::string& folder);
}  // namespace weir
