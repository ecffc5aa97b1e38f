// Whether a reply declines to do what it was asked, by the turns of phrase of refusals in English
// and Chinese. Rules can be fooled: a refusal in words that are not listed passes as help.
#pragma once
#include <string_view>

namespace weir {

// Reads the first kRefusalBytes of the reply, where refusals stand.
bool declines(std::string_view reply);
constexpr int kRefusalBytes = 600;

}  // namespace weir
