// Finds personal data and secrets by form: groups of digits with their check digits, addresses of
// mail, keys by their beginning or their entropy. Full-width digits and letters count as ASCII.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

enum class Detector : uint8_t {
  email,
  phone_cn,
  phone,
  identity_card_cn,
  credit_code_cn,
  bank_card,
  iban,
  secret
};
constexpr int kDetectors = 8;
const std::vector<std::string>& detector_names();  // in that order
std::optional<Detector> find_detector(std::string_view name);

struct DetectorMatch {
  Detector kind;
  size_t begin = 0, end = 0;  // bytes of the text
};

// A candidate is at most so long: what a stream holds back.
constexpr size_t kDetectedBytesMax = 512;

// Adds what begins in text[from, ...), where `from` is 0 or an earlier call's return. What precedes
// `from` is context. Unless the text `is_last`, candidates that more text could lengthen are left:
// the return is where the first of them begins, else the text's end.
size_t detect(std::string_view text, size_t from, bool is_last,
              std::vector<DetectorMatch>& matches);

}  // namespace weir
