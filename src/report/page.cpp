#include "report/page.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>

#include "base/check.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "report/page_summary.h"
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

// JSON inside a <script> element: without "<" no value can end the element or open a comment.
std::string script_json(const Json& value) {
  std::string out;
  for (char c : value.dump()) {
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out;
}

// The SHA-256 of text as a Content-Security-Policy names it.
std::string policy_hash(std::string_view text) {
  static const char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string hex = sha256_hex(text) + "00";  // 33 bytes: whole groups of three
  std::string base64;
  for (size_t at = 0; at < hex.size(); at += 6) {
    const auto group = uint32_t(std::strtoul(hex.substr(at, 6).c_str(), nullptr, 16));
    for (int shift : {18, 12, 6, 0}) base64 += kDigits[(group >> shift) & 63];
  }
  base64.back() = '=';  // in place of the byte that was added
  return "'sha256-" + base64 + "'";
}

// What stands between the first `begin` of the page and the next `end`.
std::string_view part_of_page(std::string_view begin, std::string_view end) {
  const size_t from = kReportPage.find(begin);
  CHECK(from != kReportPage.npos);
  const size_t to = kReportPage.find(end, from);
  CHECK(to != kReportPage.npos);
  return kReportPage.substr(from + begin.size(), to - from - begin.size());
}

// Nothing is fetched, and no script or style runs but the page's own, whatever its text holds.
std::string policy() {
  return fmt::format(
      "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
      policy_hash(part_of_page("<script>", "</script>")),
      policy_hash(part_of_page("<style>", "</style>")));
}

}  // namespace

Json shown_text(std::string_view text, size_t bytes_max) {
  std::string_view part = text.substr(0, bytes_max);
  if (part.size() == text.size()) return visible(text);
  part = part.substr(0, part.size() - unfinished_utf8_tail(part));
  return json_object(
      {{"text", visible(part)}, {"more", format_bytes(double(text.size() - part.size()))}});
}

std::string clean_name(std::string_view text, size_t bytes_max) {
  std::string name = visible(printable(text, bytes_max));
  return name.empty() ? "unnamed" : name;
}

Json json_object(std::initializer_list<std::pair<const char*, Json>> members) {
  Json object = Json::object();
  for (const auto& [name, value] : members) object.set(name, value);
  return object;
}

std::string page_html(const Json& report) {
  std::string html;
  // In one pass over the page alone: a value that looks like a place to fill stays as it is.
  for (std::string_view rest = kReportPage;;) {
    const size_t begin = rest.find("{{");
    html += rest.substr(0, begin);
    if (begin == rest.npos) return html;
    const size_t end = rest.find("}}", begin);
    CHECK(end != rest.npos);
    const std::string_view name = rest.substr(begin + 2, end - begin - 2);
    if (name == "policy")
      html += policy();
    else if (name == "data")
      html += script_json(report);
    else
      html += summary_html(report, name);
    rest.remove_prefix(end + 2);
  }
}

}  // namespace weir
