// Text from outside on the page.
#include <fmt/format.h>

#include "base/text.h"
#include "report/page.h"
#include "report/r1_page.h"
#include "text/unicode.h"

namespace weir {
namespace {

bool is_hidden(char32_t code) {
  const bool is_control =
      (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0);
  const bool is_direction = code == 0x61c || code == 0x200e || code == 0x200f ||
                            (code >= 0x2028 && code <= 0x202e) ||
                            (code >= 0x2066 && code <= 0x2069);
  const bool is_nothing = (code & 0xfffe) == 0xfffe || (code >= 0xfdd0 && code <= 0xfdef);
  return is_control || is_direction || is_nothing;
}

// Valid UTF-8 without anything that is not seen.
std::string visible(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const Utf8Character character = decode_utf8(text, at);
    const std::string_view bytes = text.substr(at, size_t(character.bytes));
    at += bytes.size();
    if (bytes == "\r" && at < text.size() && text[at] == '\n') continue;
    if (!character.valid || is_hidden(character.code))
      append_utf8(out, 0xfffd);
    else
      out += bytes;
  }
  return out;
}

}  // namespace

std::string reply_html(std::string_view text, size_t bytes_max) {
  std::string_view part = text.substr(0, bytes_max);
  if (part.size() < text.size()) part = part.substr(0, part.size() - unfinished_utf8_tail(part));
  std::string html = "<bdi>" + escape_html(visible(part)) + "</bdi>";
  if (part.size() < text.size())
    html += fmt::format(" <i class=\"more\">… {} more</i>",
                        format_bytes(double(text.size() - part.size())));
  return html;
}

std::string clean_name(std::string_view text, size_t bytes_max) {
  std::string name = visible(printable(text, bytes_max));
  return name.empty() ? "unnamed" : name;
}

std::string name_html(std::string_view text) { return escape_html(clean_name(text)); }

std::string kind_words(const std::string& kind) {
  if (kind == "pretrain") return "pretraining";
  if (kind == "sft") return "supervised tuning";
  if (kind == "grpo") return "reinforcement";
  if (kind == "reward") return "reward model";
  return clean_name(kind);
}

int stage_color(size_t index) { return int(index % 6); }

}  // namespace weir
