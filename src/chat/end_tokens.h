// Which tokens end a reply. Files name some of them (eos_token_id, one or a list), others are known
// by their text or from what the chat template writes behind a reply; a reply ends at each.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tokenizer/end_names.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// The control token that a chat template writes right after a reply. Nothing if it writes none or
// can not be rendered.
std::optional<int> end_of_template(const std::string& source, const Tokenizer& tokenizer);

// All ends of a reply from a model's folder: generation_config.json, config.json, token names, the
// template. Fails when one of these files exists and can not be read.
Result<std::vector<int>> ends_of_folder(const std::string& folder, const Tokenizer& tokenizer,
                                        const std::string& chat_template);

}  // namespace weir
