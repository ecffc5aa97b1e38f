#include "guard/secrets.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>

#include "base/ascii.h"

namespace weir {
namespace {

struct Form {
  std::string_view begin;
  size_t shortest, longest;  // with the beginning
};
// As the issuers document them.
constexpr Form kForms[] = {
    {"sk-", 23, 256},   {"sk_live_", 24, 256},    {"sk_test_", 24, 256}, {"rk_live_", 24, 256},
    {"ghp_", 40, 40},   {"gho_", 40, 40},         {"ghu_", 40, 40},      {"ghs_", 40, 40},
    {"ghr_", 40, 80},   {"github_pat_", 40, 256}, {"glpat-", 26, 64},    {"xoxb-", 24, 256},
    {"xoxp-", 24, 256}, {"xoxa-", 24, 256},       {"AKIA", 20, 20},      {"ASIA", 20, 20},
    {"AIza", 39, 39},   {"ya29.", 30, 256},       {"hf_", 37, 40},       {"npm_", 40, 40},
    {"pypi-", 60, 256}, {"dop_v1_", 71, 71},      {"SG.", 60, 80},       {"LTAI", 16, 30},
    {"AKID", 36, 40},   {"weir-", 40, 80},        {"gsk_", 40, 64},      {"r8_", 40, 40},
};

constexpr std::string_view kAnnouncing[] = {"key",
                                            "token",
                                            "secret",
                                            "passw",
                                            "pwd",
                                            "credential",
                                            "bearer",
                                            "authorization",
                                            "\xE5\xAF\x86\xE9\x92\xA5",   // key, in Chinese
                                            "\xE4\xBB\xA4\xE7\x89\x8C",   // token
                                            "\xE5\xAF\x86\xE7\xA0\x81",   // password
                                            "\xE5\x8F\xA3\xE4\xBB\xA4"};  // the same, another word

constexpr size_t kAnnounced = 48, kShortest = 20;
constexpr double kBits = 3.5;

bool is_issued(std::string_view token) {
  return std::ranges::any_of(kForms, [&](const Form& form) {
    if (!token.starts_with(form.begin) || token.size() < form.shortest ||
        token.size() > form.longest)
      return false;
    const std::string_view rest = token.substr(form.begin.size());
    return std::ranges::any_of(rest, is_digit) &&
           (entropy_bits(rest) >= 3.0 || form.begin == "AKIA" || form.begin == "ASIA");
  });
}

// JSON Web Token (RFC 7519): three parts, the first of which begins with {" in base64.
bool is_web_token(std::string_view token) {
  return token.starts_with("eyJ") && token.size() >= 40 && std::ranges::count(token, '.') == 2;
}

bool is_uuid(std::string_view token) {
  return token.size() == 36 && token[8] == '-' && token[13] == '-' && token[18] == '-' &&
         token[23] == '-';
}

bool is_announced(std::string_view text, size_t begin) {
  const size_t from = begin > kAnnounced ? begin - kAnnounced : 0;
  std::string_view before = text.substr(from, begin - from);
  if (const size_t line = before.rfind('\n'); line != before.npos) before.remove_prefix(line + 1);
  std::string small(before);
  for (char& c : small)
    if (is_upper(c)) c = char(c | 0x20);
  return std::ranges::any_of(kAnnouncing,
                             [&](std::string_view word) { return small.find(word) != small.npos; });
}

bool is_random(std::string_view token) {
  const auto digits = std::ranges::count_if(token, is_digit);
  const auto letters =
      std::ranges::count_if(token, [](char c) { return is_upper(c) || is_lower(c); });
  return digits >= 2 && letters >= 2 && entropy_bits(token) >= kBits &&
         token.find("//") == token.npos;
}

}  // namespace

double entropy_bits(std::string_view text) {
  std::array<int, 256> counts{};
  for (const char c : text) ++counts[uint8_t(c)];
  double bits = 0;
  for (const int count : counts) {
    if (count == 0) continue;
    const double share = double(count) / double(text.size());
    bits -= share * std::log2(share);
  }
  return bits;
}

void find_secrets(std::string_view text, size_t begin, size_t end,
                  std::vector<DetectorMatch>& matches) {
  const auto parts = [](char c) {
    return c == ' ' || c == '(' || c == ')' || c == '@' || c == '~' || c == '%' || c == '=';
  };
  for (size_t i = begin; i < end;) {
    if (parts(text[i])) {
      ++i;
      continue;
    }
    size_t last = i;
    while (last < end && !parts(text[last])) ++last;
    std::string_view token = text.substr(i, last - i);
    while (!token.empty() && (token.back() == '.' || token.back() == '-')) token.remove_suffix(1);
    if (token.size() >= 16 && !is_uuid(token)) {
      const bool found = is_issued(token) || is_web_token(token) ||
                         (token.size() >= kShortest && is_random(token) && is_announced(text, i));
      if (found) matches.push_back({Detector::secret, i, i + token.size()});
    }
    i = last;
  }
}

}  // namespace weir
