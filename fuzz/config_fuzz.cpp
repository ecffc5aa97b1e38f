// Any bytes as config.json: an error, or a configuration that is valid, can be counted, and reads
// back as it was written.
#include <cstdlib>

#include "cli/size_report.h"
#include "config/config.h"
#include "config/size.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto json = weir::parse_json(text);
  if (!json) return 0;
  auto config = weir::parse_config(*json, "config.json");
  if (!config) return 0;
  if (!weir::validate(*config)) std::abort();
  if (weir::model_size(*config).total <= 0) std::abort();
  if (weir::activations_per_token(*config, true) <= 0) std::abort();
  if (weir::size_report(*config, {"x", 1, 1, 1}).empty()) std::abort();
  weir::Json written = weir::config_json(*config);
  auto again = weir::parse_config(written, "written");
  if (!again || weir::config_json(*again).dump() != written.dump()) std::abort();
  return 0;
}
