// Any bytes as the file of a server: an error of one line that names the file, or a server whose
// values are within their limits.
#include <cstdlib>

#include "base/text.h"
#include "serve/server_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = weir::Recipe::parse(text, "s.yaml");
  if (!file) return 0;
  const auto config = weir::read_server_config(*file, {}, {.at_start = true});
  if (!config) {
    const std::string& message = config.error().message;
    if (!message.starts_with("s.yaml") || message.find('\n') != std::string::npos) std::abort();
    if (weir::first_invalid_utf8(message) != std::string::npos) std::abort();
    return 0;
  }
  if (config->models.empty() || config->port < 0 || config->port > 65535) std::abort();
  if (config->parallel < 1 || config->queue < 0) std::abort();
  for (const weir::ModelEntry& model : config->models)
    if (model.path.empty() || model.options.threads < 0 || model.options.draft_max < 1)
      std::abort();
  return 0;
}
