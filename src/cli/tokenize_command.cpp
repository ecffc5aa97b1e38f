#include "cli/tokenize_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "chat/open_model.h"
#include "cli/standard_input.h"
#include "text/unicode.h"

namespace weir {

Result<void> tokenize(const TokenizeOptions& options) {
  const std::unique_ptr<Tokenizer> tokenizer = TRY(open_tokenizer(options.model));
  const std::string text = TRY(read_standard_input());
  const EncodeOptions how{.allow_special = !options.no_special, .framed = !options.no_special};
  const std::vector<int> ids = TRY_IN("standard input", tokenizer->encode(text, how));
  if (options.ids) {
    fmt::print("{}\n", fmt::join(ids, " "));
    return {};
  }
  for (int id : ids) {
    const std::string bytes(tokenizer->token_bytes(id));
    fmt::print("{:>7} {}\n", id, Json(replace_invalid_utf8(bytes)).dump());
  }
  return {};
}

}  // namespace weir
