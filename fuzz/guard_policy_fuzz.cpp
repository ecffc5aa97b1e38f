// Any bytes as a policy: an error of valid UTF-8, or one whose rules compile and judge a text.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "guard/guard.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.find("_file") != bytes.npos) return 0;  // reads no files
  auto policy = Policy::parse(bytes, "fuzz.yaml");
  if (!policy) {
    if (first_invalid_utf8(policy.error().message) != std::string::npos) std::abort();
    return 0;
  }
  const auto guard = Guard::create(*std::move(policy));
  if (!guard) std::abort();  // parse() compiles the rules
  (void)(*guard)->check("ann@example.org, a b c, 4111 1111 1111 1111", Direction::answer, {});
  return 0;
}
