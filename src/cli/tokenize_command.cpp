// `weir tokenize`: text on standard input, tokens on standard output.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "chat/open_model.h"
#include "cli/commands.h"
#include "cli/shared_options.h"
#include "cli/standard_input.h"
#include "text/unicode.h"

namespace weir {
namespace {

struct TokenizeOptions {
  std::string model;        // a folder, a .gguf file or a tokenizer.json
  bool no_special = false;  // neither the tokens around a text nor control tokens inside it
  bool ids = false;         // only ids, in one line; else a line for each token
};

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

}  // namespace

void add_tokenize(CommandGroup& commands) {
  auto [c, o] = commands.add("tokenize", "show the tokens of the text on standard input", tokenize);
  c.argument("MODEL", o.model, "a folder, a .gguf file or a tokenizer.json").required();
  c.flag("--ids", o.ids, "print ids only, on one line");
  c.flag("--no-special", o.no_special,
         "no beginning or end tokens; do not parse control tokens in the text");
}

}  // namespace weir
