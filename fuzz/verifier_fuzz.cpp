// Any bytes as gold text and, after a zero byte, as answer, before every verifier of text: a
// verdict, and a gold text that is accepted is right as its own answer where the two are of one
// kind.
#include <cstdint>
#include <cstdlib>

#include "verify/verifier.h"

namespace {

struct Kind {
  const char* name;
  bool answers_itself;
};
constexpr Kind kKinds[] = {{"exact", true},   {"numeric", true}, {"numeric:0.01", true},
                           {"choice", true},  {"regex", false},  {"countdown", false},
                           {"refusal", false}};

std::unique_ptr<weir::Verifier> make(const char* name) {
  auto verifier = weir::make_verifier(name);
  if (!verifier) std::abort();
  return std::move(*verifier);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\0');
  const std::string_view gold = input.substr(0, end);
  const std::string_view answer = end == input.npos ? input : input.substr(end + 1);
  for (const Kind& kind : kKinds) {
    const auto verifier = make(kind.name);
    const bool accepted = verifier->check_gold(gold).has_value();
    const weir::Verdict verdict = verifier->check(answer, gold);
    if (verdict == weir::Verdict::right && !accepted) std::abort();
    if (verifier->check(answer, gold) != verdict) std::abort();
    if (accepted && kind.answers_itself && verifier->check(gold, gold) != weir::Verdict::right)
      std::abort();
  }
  return 0;
}
