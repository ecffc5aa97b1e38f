// Any bytes as JSON: an error with its place, or a value that is the same again after it was
// written, compactly or indented.
#include <cstdlib>

#include "base/json.h"
#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto json = weir::parse_json(text);
  if (!json) {
    if (!json.error().message.starts_with("line ")) std::abort();
    if (weir::first_invalid_utf8(json.error().message) != std::string::npos) std::abort();
    return 0;
  }
  if (weir::first_invalid_utf8(text) != std::string::npos) std::abort();
  const std::string written = json->dump();
  for (int indent : {-1, 2}) {
    auto again = weir::parse_json(json->dump(indent));
    if (!again || again->dump() != written) std::abort();
  }
  // Typed reads of any kind answer, and a key of the object is found.
  (void)json->as_int(), (void)json->as_uint(), (void)json->as_double(), (void)json->as_string();
  for (const weir::Json::Member& member : json->members())
    if (json->find(member.first) != &member.second) std::abort();
  return 0;
}
