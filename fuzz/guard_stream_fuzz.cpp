// Any bytes as a text through rules of every kind, whole and cut: the same text leaves, and nothing
// that the rules would refuse.
#include <cstdint>
#include <cstdlib>

#include "guard/streaming_gate.h"

namespace {

constexpr const char* kPolicy = R"(
guard: 1
name: fuzz
version: "1"
actions: {S1: {answer: refuse}, S2: {answer: rewrite}, personal: {answer: redact}, secret: {answer: redact}}
rules:
  words: {category: S1, readings: true, words: [abc def, xyz, 蓝色鹦鹉, a1]}
  parts: {category: S2, whole_words: false, words: [bb, 鱼鱼], replacement: "-"}
  patterns: {category: S1, patterns: ['q{2,5}[0-9]{1,3}\b', 'k(?:l|mm){1,3}n']}
  mail: {category: personal, detector: email}
  phone: {category: personal, detector: phone_cn}
  card: {category: personal, detector: bank_card}
  secrets: {category: secret, detector: secret}
)";

const weir::Guard& guard() {
  static const auto made = *weir::Guard::create(*weir::Policy::parse(kPolicy, "fuzz.yaml"));
  return *made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  if (size < 1) return 0;
  const size_t step = data[0] % 16 + 1;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  StreamingGate whole(guard(), Direction::answer, {}), cut(guard(), Direction::answer, {});
  const std::string expected = whole.push(text, true);
  std::string released;
  for (size_t at = 0; at < text.size(); at += step)
    released += cut.push(text.substr(at, step), false);
  released += cut.push("", true);
  if (released != expected || whole.verdict().action != cut.verdict().action) std::abort();
  return 0;
}
