// Chat templates from text to tree.
#pragma once
#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "jinja/syntax.h"

namespace weir::jinja {

constexpr size_t kSourceBytesMax = size_t(1) << 20;
constexpr int kNestingMax = 100;  // brackets, blocks, 'not's and signs inside each other

// Fails with one sentence that begins with "line N: ", also when the template is over a limit, is
// no UTF-8, or asks for another template (include, import, extends).
Result<Template> parse_template(std::string_view source);

}  // namespace weir::jinja
