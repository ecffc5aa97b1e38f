#include "tasks/phrases.h"

#include "tasks/kinds.h"

namespace weir {

std::string fill_in(std::string_view pattern, std::string_view subject, std::string_view answer) {
  std::string text;
  while (!pattern.empty()) {
    const bool is_subject = pattern.starts_with("{s}");
    if (is_subject || pattern.starts_with("{a}")) {
      text += is_subject ? subject : answer;
      pattern.remove_prefix(3);
    } else {
      text += pattern.front();
      pattern.remove_prefix(1);
    }
  }
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = char(text[0] - 'a' + 'A');
  return text;
}

size_t held_out_phrasing(std::string_view key, size_t count) {
  return size_t(kind_seed(0, key) % count);
}

size_t pick_phrasing(Random& random, Split split, std::string_view key, size_t count) {
  const size_t held_out = held_out_phrasing(key, count);
  if (split == Split::held_out) return held_out;
  const size_t other = size_t(random.below(count - 1));
  return other < held_out ? other : other + 1;
}

std::string quote_pattern(std::string_view text) {
  std::string quoted;
  for (char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == ' ' || (c & 0x80) != 0;
    if (!is_plain) quoted += '\\';
    quoted += c;
  }
  return quoted;
}

Result<std::vector<std::string>> read_languages(OptionReader& in) {
  std::vector<std::string> languages = {"en", "zh"};
  in.field("languages", languages);
  for (const std::string& language : languages)
    if (language != "en" && language != "zh") return in.error("languages", "knows 'en' and 'zh'");
  if (languages.empty()) return in.error("languages", "must not be empty");
  return languages;
}

}  // namespace weir
